// SPDX-License-Identifier: GPL-2.0-only
#include "agent-loop.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* 64 programs with three descriptors each, bridges with two, and the agent's own. */
#define LOOP_MAX 256

struct loop {
	struct pollfd fds[LOOP_MAX];
	struct {
		loop_ready ready;
		void *ctx;
	} calls[LOOP_MAX];
	unsigned int count;
	uint64_t due_ns; /* 0: none */
};

struct loop *loop_get(void)
{
	static struct loop loop;

	return &loop;
}

uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* In one write: the kernel's own lines go to the same console. */
	fprintf(stderr, "nestlab-agent: %s\n", line);
}

void loop_begin(struct loop *l)
{
	l->count = 0;
	l->due_ns = 0;
}

void loop_add(struct loop *l, int fd, short events, loop_ready ready, void *ctx)
{
	/* Those that find no place are asked again soon. */
	if (l->count == LOOP_MAX) {
		loop_due(l, mono_ns() + 20 * MSEC);
		return;
	}
	l->fds[l->count] = (struct pollfd){ .fd = fd, .events = events };
	l->calls[l->count].ready = ready;
	l->calls[l->count].ctx = ctx;
	l->count++;
}

void loop_due(struct loop *l, uint64_t when_ns)
{
	if (!l->due_ns || when_ns < l->due_ns)
		l->due_ns = when_ns;
}

void loop_now(struct loop *l)
{
	l->due_ns = 1;
}

static int timeout_ms(const struct loop *l)
{
	uint64_t now = mono_ns();

	if (!l->due_ns)
		return -1;
	if (l->due_ns <= now)
		return 0;
	if (l->due_ns - now > INT_MAX * MSEC)
		return INT_MAX;
	return (int)((l->due_ns - now + MSEC - 1) / MSEC);
}

void loop_wait(struct loop *l)
{
	if (poll(l->fds, l->count, timeout_ms(l)) <= 0)
		return;
	for (unsigned int i = 0; i < l->count; i++)
		if (l->fds[i].revents)
			l->calls[i].ready(l->calls[i].ctx, l->fds[i].revents);
}
