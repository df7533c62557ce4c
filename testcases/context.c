// SPDX-License-Identifier: GPL-2.0-only
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSTANCE "/sys/kernel/tracing/instances/nestlab-context"
#define EVENT INSTANCE "/events/kvm/kvm_userspace_exit/enable"

/* Documentation/trace/ftrace.rst, "Output format": a column each, a dot where nothing is held off. */
enum column { INTERRUPTS, RESCHED, HANDLER, PREEMPTION, MIGRATION, COLUMNS };

static const struct {
	enum column column;
	const char *letters; /* NULL: a depth, of which the event itself may be a part */
	const char *text;
} held_off[] = {
	{ INTERRUPTS, "dD", ", interrupts off" },
	{ INTERRUPTS, "bD", ", softirqs off" },
	{ PREEMPTION, NULL, ", preemption's depth " },
	{ MIGRATION, NULL, ", tied to its CPU, depth " },
};
#define HELD_OFF (sizeof(held_off) / sizeof(held_off[0]))

void context_watch(struct micro *m, unsigned int vcpu)
{
	char tid[16];

	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		guest_broken(__FILE__, __LINE__, "can't make %s", INSTANCE);
	snprintf(tid, sizeof(tid), "%d", micro_thread(m, vcpu));
	SAFE_WRITE_FILE(INSTANCE "/set_event_pid", tid);
	SAFE_WRITE_FILE(EVENT, "1");
}

void context_end(void)
{
	SAFE_WRITE_FILE(EVENT, "0");
	if (rmdir(INSTANCE))
		guest_broken(__FILE__, __LINE__, "can't remove %s", INSTANCE);
}

/* "program-1234    [002] d..1.   12.345678: kvm_userspace_exit: ..."; older kernels have a column less. */
static const char *columns_of(const char *line)
{
	const char *cpu = *line == '#' ? NULL : strchr(line, '[');
	const char *end = cpu ? strchr(cpu, ']') : NULL;

	return end && end[1] == ' ' ? end + 2 : NULL;
}

/* The letter; 0: it is not held off. */
static char how_held(const char *columns, unsigned int i)
{
	char c = strcspn(columns, " ") > held_off[i].column ? columns[held_off[i].column] : '.';

	return c != '.' && (!held_off[i].letters || strchr(held_off[i].letters, c)) ? c : 0;
}

static void forget(void)
{
	int fd = open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		guest_broken(__FILE__, __LINE__, "can't clear %s/trace", INSTANCE);
	close(fd);
}

static FILE *open_trace(void)
{
	FILE *f = fopen(INSTANCE "/trace", "re");

	if (!f)
		guest_broken(__FILE__, __LINE__, "can't read %s/trace", INSTANCE);
	return f;
}

void context_take(char *to, size_t size)
{
	FILE *f = open_trace();
	char held[HELD_OFF] = { 0 };
	char line[256];
	size_t n = 0;

	while (fgets(line, sizeof(line), f)) {
		const char *columns = columns_of(line);

		for (unsigned int i = 0; columns && i < HELD_OFF; i++)
			if (how_held(columns, i) > held[i])
				held[i] = how_held(columns, i);
	}
	fclose(f);
	forget();
	*to = '\0';
	for (unsigned int i = 0; i < HELD_OFF; i++)
		if (held[i] && n < size)
			n += (size_t)snprintf(to + n, size - n, "%s%.*s", held_off[i].text, !held_off[i].letters, &held[i]);
}
