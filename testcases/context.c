// SPDX-License-Identifier: GPL-2.0-only
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

/* Of /proc/TID/status: what is a task's own, and nothing that a call may change. */
static const char *const standing[] = { "Name",	  "Uid",    "Gid",	  "NoNewPrivs", "Seccomp",	"SigBlk",
					"SigIgn", "CapEff", "Cpus_allowed", "Mems_allowed" };
#define STANDING (sizeof(standing) / sizeof(standing[0]))

/* Documentation/filesystems/proc.rst, "Contents of the stat fields", counted from the state. */
enum stat_field { PRIORITY = 15, NICE, RT_PRIORITY = 37, POLICY };

struct task {
	char status[STANDING][48];
	long nice, rt_priority, policy;
};

static char watched[32]; /* /proc/TID */
static struct task task_was;

static FILE *open_of_task(const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", watched, name);
	f = fopen(path, "re");
	if (!f)
		guest_broken(__FILE__, __LINE__, "can't read %s", path);
	return f;
}

static void read_line(struct task *t, const char *line)
{
	for (unsigned int i = 0; i < STANDING; i++) {
		size_t n = strlen(standing[i]);

		if (!strncmp(line, standing[i], n) && line[n] == ':')
			snprintf(t->status[i], sizeof(t->status[i]), "%.*s", (int)strcspn(line + n + 2, "\n"),
				 line + n + 2);
	}
}

static void read_stat(struct task *t)
{
	FILE *f = open_of_task("stat");
	char text[512] = "", *field, *rest;

	if (!fgets(text, sizeof(text), f) || !strrchr(text, ')'))
		guest_broken(__FILE__, __LINE__, "can't tell a task's priority");
	fclose(f);
	field = strtok_r(strrchr(text, ')') + 1, " ", &rest);
	for (unsigned int i = 0; field; i++, field = strtok_r(NULL, " ", &rest)) {
		t->nice = i == NICE ? atol(field) : t->nice;
		t->rt_priority = i == RT_PRIORITY ? atol(field) : t->rt_priority;
		t->policy = i == POLICY ? atol(field) : t->policy;
	}
}

static void read_task(struct task *t)
{
	FILE *f = open_of_task("status");
	char line[256];

	*t = (struct task){ 0 };
	while (fgets(line, sizeof(line), f))
		read_line(t, line);
	fclose(f);
	read_stat(t);
}

static size_t add_number(char *to, size_t size, const char *what, long was, long is)
{
	return was == is ? 0 : (size_t)snprintf(to, size, ", %s %ld", what, is);
}

static size_t add_text(char *to, size_t size, const char *what, const char *was, const char *is)
{
	return !strcmp(was, is) ? 0 : (size_t)snprintf(to, size, ", %s %s", what, is);
}

/* What is another than when the watch began. */
static void tell_task(char *to, size_t size)
{
	struct task t;
	size_t n = 0;

	read_task(&t);
	for (unsigned int i = 0; i < STANDING && n < size; i++)
		n += add_text(to + n, size - n, standing[i], task_was.status[i], t.status[i]);
	if (n < size)
		n += add_number(to + n, size - n, "nice", task_was.nice, t.nice);
	if (n < size)
		n += add_number(to + n, size - n, "real-time priority", task_was.rt_priority, t.rt_priority);
	if (n < size)
		add_number(to + n, size - n, "policy", task_was.policy, t.policy);
}

void context_watch(struct micro *m, unsigned int vcpu)
{
	char tid[16];

	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		guest_broken(__FILE__, __LINE__, "can't make %s", INSTANCE);
	snprintf(tid, sizeof(tid), "%d", micro_thread(m, vcpu));
	SAFE_WRITE_FILE(INSTANCE "/set_event_pid", tid);
	snprintf(watched, sizeof(watched), "/proc/%s", tid);
	read_task(&task_was);
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
	if (n < size)
		tell_task(to + n, size - n);
}
