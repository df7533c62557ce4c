/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who watches while a test's program runs. Each observer is one file that registers itself and owns
 * its state; what it saw goes into the test's evidence, or into its result.
 *
 *	life	once in each life of the lab
 *	before	of each test it wants, those of lower order first
 *	look	the last thing before the program and the first one after it
 *	after	in the reverse order
 *	judge	when the test was judged, or its level was lost
 *	end	once
 */
#ifndef NESTLAB_RUN_OBSERVER_H
#define NESTLAB_RUN_OBSERVER_H

#include "run/run.h"

/* One test under way. */
struct watch {
	struct run *run;
	const struct testcase *test;
	struct evidence *evidence;
};

/* What is NULL is not called. `state` is the observer's own in this run, zeroed at first. */
struct observer {
	const char *name;
	int order;     /* unique; the lowest is the farthest from the program */
	size_t state;  /* bytes */
	bool detached; /* asks no level: called also where one was lost meanwhile */
	bool (*wants)(const struct run *r, const struct testcase *t); /* NULL: all */
	int (*life)(struct run *r, void *state);
	int (*before)(const struct watch *w, void *state);
	void (*look)(const struct watch *w, void *state, bool after);
	int (*after)(const struct watch *w, void *state);
	void (*judge)(struct run *r, void *state, struct test_result *t);
	void (*end)(struct run *r, void *state);
};

#define OBSERVER(var)                                                                              \
	static const struct observer *const var##_entry                                            \
		__attribute__((used, section("nestlab_observers"))) = &(var)

/* Each of them where it is wanted. 0 or the first negative outcome. */
int observers_life(struct run *r);
int observers_before(const struct watch *w);
void observers_look(const struct watch *w, bool after);
/* ret: what went wrong before. The same, or else what went wrong here. */
int observers_after(const struct watch *w, int ret);
void observers_judge(struct run *r, const struct testcase *tc, struct test_result *t);
/* And free their states; none has begun: nothing. */
void observers_end(struct run *r);

#endif
