// SPDX-License-Identifier: GPL-2.0-only
#include "crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct crew *crew_new(void)
{
	return SAFE_MAP_SHARED(NULL, sizeof(struct crew));
}

static pid_t start_worker(struct crew *crew, int cpu, void (*work)(unsigned int n), unsigned int n)
{
	pid_t pid = SAFE_FORK();

	if (pid)
		return pid;
	SAFE_PIN(cpu);
	__atomic_fetch_add(&crew->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&crew->go, __ATOMIC_SEQ_CST))
		;
	work(n);
	fflush(NULL);
	_Exit(0);
}

void crew_start(struct crew *crew, const struct guest_cpus *cpus, unsigned int first,
		void (*work)(unsigned int n), unsigned int n)
{
	crew->n = crew->ready = 0;
	crew->go = false;
	for (unsigned int i = first; i < cpus->n; i++)
		crew->pids[crew->n++] = start_worker(crew, cpus->cpu[i], work, n);
	while (__atomic_load_n(&crew->ready, __ATOMIC_SEQ_CST) < crew->n)
		guest_sleep_ms(1);
}

void crew_go(struct crew *crew)
{
	__atomic_store_n(&crew->go, true, __ATOMIC_SEQ_CST);
}

void crew_wait(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->n; i++)
		SAFE_WAIT(crew->pids[i]);
}

void crew_kill(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->n; i++)
		kill(crew->pids[i], SIGKILL);
	crew_wait(crew);
}
