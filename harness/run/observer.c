// SPDX-License-Identifier: GPL-2.0-only
#include "run/observer.h"

#include <stdlib.h>
#include <string.h>

extern const struct observer *const __start_nestlab_observers[];
extern const struct observer *const __stop_nestlab_observers[];

/* In a run: by order, each with its state. */
struct observers {
	struct observing {
		const struct observer *o;
		void *state;
	} *v;
	size_t n;
};

static int by_order(const void *a, const void *b)
{
	const struct observing *x = a, *y = b;

	return x->o->order - y->o->order;
}

static struct observers *all(struct run *r)
{
	struct observers *all = r->observers;

	if (all)
		return all;
	all = r->observers = xcalloc(1, sizeof(*all));
	all->n = (size_t)(__stop_nestlab_observers - __start_nestlab_observers);
	all->v = xcalloc(all->n, sizeof(*all->v));
	for (size_t i = 0; i < all->n; i++) {
		all->v[i].o = __start_nestlab_observers[i];
		all->v[i].state = xcalloc(1, all->v[i].o->state + 1);
	}
	qsort(all->v, all->n, sizeof(*all->v), by_order);
	return all;
}

static bool wants(const struct observer *o, const struct run *r, const struct testcase *t)
{
	return !o->wants || o->wants(r, t);
}

int observers_life(struct run *r)
{
	const struct observers *a = all(r);
	int ret = 0;

	for (size_t i = 0; !ret && i < a->n; i++)
		if (a->v[i].o->life)
			ret = a->v[i].o->life(r, a->v[i].state);
	return ret;
}

int observers_before(const struct watch *w)
{
	const struct observers *a = all(w->run);
	int ret = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct observer *o = a->v[i].o;
		int err = 0;

		if (o->before && wants(o, w->run, w->test) && (!ret || o->detached))
			err = o->before(w, a->v[i].state);
		ret = ret ? ret : err;
	}
	return ret;
}

void observers_look(const struct watch *w, bool after)
{
	const struct observers *a = all(w->run);

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].o->look && wants(a->v[i].o, w->run, w->test))
			a->v[i].o->look(w, a->v[i].state, after);
}

int observers_after(const struct watch *w, int ret)
{
	const struct observers *a = all(w->run);

	for (size_t i = a->n; i--;) {
		const struct observer *o = a->v[i].o;
		int err = 0;

		if (o->after && wants(o, w->run, w->test) && (!ret || o->detached))
			err = o->after(w, a->v[i].state);
		ret = ret ? ret : err;
	}
	return ret;
}

void observers_judge(struct run *r, const struct testcase *tc, struct test_result *t)
{
	const struct observers *a = all(r);

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].o->judge && wants(a->v[i].o, r, tc))
			a->v[i].o->judge(r, a->v[i].state, t);
}

void observers_end(struct run *r)
{
	struct observers *a = r->observers;

	for (size_t i = 0; a && i < a->n; i++) {
		if (a->v[i].o->end)
			a->v[i].o->end(r, a->v[i].state);
		free(a->v[i].state);
	}
	if (a)
		free(a->v);
	free(a);
	r->observers = NULL;
}
