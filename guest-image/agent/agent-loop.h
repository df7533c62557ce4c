/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The agent's event loop. Each turn every module says anew which descriptors and times it waits
 * for; then the loop sleeps once and calls those that are ready. Nothing is registered for longer
 * than a turn, so there is nothing to forget to take back.
 *
 * A callback may end objects whose callbacks are still to come in this turn: objects are therefore
 * only marked as ended, and freed when the next turn is prepared.
 */
#ifndef NESTLAB_AGENT_LOOP_H
#define NESTLAB_AGENT_LOOP_H

#include <stdint.h>

struct loop;

typedef void (*loop_ready)(void *ctx, short revents);

/* One for the whole process; never freed. */
struct loop *loop_get(void);

void loop_begin(struct loop *l);
/* Call ready when one of these poll() events, POLLHUP or POLLERR is there. */
void loop_add(struct loop *l, int fd, short events, loop_ready ready, void *ctx);
/* Sleep no longer than until then. */
void loop_due(struct loop *l, uint64_t when_ns);
void loop_now(struct loop *l); /* do not sleep at all in this turn */
void loop_wait(struct loop *l);

uint64_t mono_ns(void);
#define MSEC 1000000ULL

/* One line on standard error, the level's console. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
