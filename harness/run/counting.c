// SPDX-License-Identifier: GPL-2.0-only
/*
 * What L1's emulator counts. Looking at its counters costs nothing and asks nobody, so they are
 * taken on both sides of the oracles, too; the marks that the program made come with the last look.
 */
#include <stdlib.h>
#include <string.h>

#include "core/ui.h"
#include "run/observer.h"

static const struct {
	uint32_t bit;
	const char *text;
} faults[] = {
	{ COUNTERS_FAULT_CPUS, "L1 has more vCPUs than it has counters for" },
	{ COUNTERS_FAULT_PAGE_END, "a VMRUN lies at the end of its page" },
	{ COUNTERS_FAULT_SITES, "VMRUN is executed at too many addresses" },
	{ COUNTERS_FAULT_UNSTEADY, "the counters of one moment could not be read" },
};

static void give_up(struct vmruns *v, const char *why)
{
	v->present = false;
	if (!v->missing)
		str_set(&v->missing, why);
}

/* The counters, or NULL with the reason in *v. */
static const struct counters *counters_of(struct run *r, struct vmruns *v)
{
	const struct plugin *p = &r->lab->plugin;
	const struct counters *c = plugin_counters(p);

	if (!c)
		give_up(v, p->missing ? p->missing : "L1's QEMU did not load its plugin");
	return c;
}

static void look(struct run *r, struct vmruns *v, struct counters_sample *s)
{
	const struct counters *c = v->present ? counters_of(r, v) : NULL;

	if (c && c->generation != v->generation)
		give_up(v, "L1's QEMU was started anew meanwhile");
	else if (c && !counters_take(c, s))
		give_up(v, faults[3].text);
}

static int begin_counting(const struct watch *w, void *state)
{
	struct vmruns *v = &w->evidence->vmruns;
	const struct counters *c = counters_of(w->run, v);

	(void)state;
	if (!c)
		return 0;
	v->present = true;
	v->generation = c->generation;
	v->marks_before = __atomic_load_n(&c->marks, __ATOMIC_ACQUIRE);
	look(w->run, v, &v->before[0]);
	return 0;
}

static void look_nearby(const struct watch *w, void *state, bool after)
{
	struct vmruns *v = &w->evidence->vmruns;

	(void)state;
	look(w->run, v, after ? &v->after[0] : &v->before[1]);
}

static void take_marks(const struct counters *c, struct vmruns *v)
{
	uint64_t last = __atomic_load_n(&c->marks, __ATOMIC_ACQUIRE);

	if (last - v->marks_before > COUNTERS_MARKS) {
		give_up(v, "the program made more marks than are kept");
		return;
	}
	v->marks = xcalloc(last - v->marks_before, sizeof(*v->marks));
	for (uint64_t order = v->marks_before + 1; order <= last; order++) {
		const struct counters_mark *m = &c->mark[(order - 1) % COUNTERS_MARKS];

		if (__atomic_load_n(&m->order, __ATOMIC_ACQUIRE) == order)
			v->marks[v->n_marks++] = *m;
	}
}

static void look_for_faults(const struct counters *c, struct vmruns *v)
{
	uint32_t bits = __atomic_load_n(&c->faults, __ATOMIC_RELAXED);

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (bits & faults[i].bit)
			give_up(v, faults[i].text);
}

static void keep(const struct run *r, const struct testcase *t, const struct vmruns *v)
{
	_cleanup_free_ char *name = testcase_file("vmruns", t->name);
	_cleanup_free_ char *path = strf("%s/%s", r->dir, name);
	_cleanup_buf_ struct buf text = { 0 };

	vmruns_print(v, &text);
	if (file_write(path, buf_str(&text), text.len, 0666))
		ui_debug("can't write %s", path);
}

static int end_counting(const struct watch *w, void *state)
{
	struct vmruns *v = &w->evidence->vmruns;
	const struct counters *c;

	(void)state;
	look(w->run, v, &v->after[1]);
	c = v->present ? counters_of(w->run, v) : NULL;
	if (c) {
		take_marks(c, v);
		look_for_faults(c, v);
	}
	keep(w->run, w->test, v);
	return 0;
}

static const struct observer counting = {
	.name = "the emulator's counters",
	.order = 30,
	.detached = true,
	.before = begin_counting,
	.look = look_nearby,
	.after = end_counting,
};
OBSERVER(counting);
