// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault/guest-hang, fault/host-hang: a level that does nothing for anybody any more, and says
 * nothing about it. The lab must notice by the test's deadline, tell which level it is, and go on
 * with the next test.
 */
#ifdef NESTLAB_GUEST
#include "guest.h"

#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile bool *go;

/* musl's sched_setscheduler() refuses. */
static void set_priority(pid_t pid, int priority)
{
	if (syscall(SYS_sched_setscheduler, pid, SCHED_FIFO, &priority))
		guest_broken(__FILE__, __LINE__, "can't make process %d a real-time one", (int)pid);
}

/* Where it runs first nobody comes after it, so that it goes there before it begins. */
static _Noreturn void hog(int cpu)
{
	SAFE_PIN(cpu);
	while (!*go)
		guest_sleep_ms(1);
	set_priority(0, 99);
	for (;;)
		;
}

/* Those that ordinary tasks are kept off, too (isolcpus=), which sysconf() does not count. */
static int cpus_online(void)
{
	int first = 0, last = 0;
	FILE *f = fopen("/sys/devices/system/cpu/online", "re");

	if (!f || fscanf(f, "%d-%d", &first, &last) < 1)
		guest_broken(__FILE__, __LINE__, "can't read which CPUs are online");
	fclose(f);
	return last + 1;
}

/*
 * No share for ordinary tasks; and the agent, our parent, no ordinary one: the scheduler's fair
 * server would give it 50 ms of each second beside our real-time ones.
 */
static void run(void)
{
	go = SAFE_MAP_SHARED(NULL, 4096);
	SAFE_WRITE_FILE("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	for (int cpu = 0; cpu < cpus_online(); cpu++)
		if (!SAFE_FORK())
			hog(cpu);
	printf("all %d CPUs are taken from now on\n", cpus_online());
	guest_sleep_ms(400);
	set_priority(getppid(), 1);
	*go = true;
	for (;;)
		pause();
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

static void judge(const struct evidence *e, struct test_result *t)
{
	if (check_program(e, t))
		check_that(t, "the kernel", false, "it hangs", "it went on", NULL);
}

static const struct testcase guest_hang = {
	.name = "fault/guest-hang",
	.summary = "L2 hangs (all of its CPUs are taken): ends as a crash",
	.program = "fault_hang",
	.level = 2,
	.timeout_s = 5,
	.on_request = true,
	.judge = judge,
};
TESTCASE(guest_hang);

static const struct testcase host_hang = {
	.name = "fault/host-hang",
	.summary = "L1 hangs (all of its CPUs are taken): ends as a crash",
	.program = "fault_hang",
	.level = 1,
	.timeout_s = 5,
	.on_request = true,
	.judge = judge,
};
TESTCASE(host_hang);
#endif
