// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1's QEMU and KVM about L2's vCPUs, where there is an L2, and L1's tracepoint about all exits,
 * with L1's clock before the reading, or behind it. Not for a monitor, which is no change of KVM.
 */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "evidence/oracle.h"
#include "lab/bringup.h"
#include "run/observer.h"

struct asking {
	char *pids; /* what L1's debugfs says of L2's vCPU threads */
};

static int read_time(struct lab *lab, struct oracle *o)
{
	return channel_time(lab->levels[L1].channel, &o->level_ns, level_ms(&lab->levels[L1], 5));
}

/*
 * What L1's kernel can't do (an old base) is an oracle less, not a fault. A dead L1 is seen by the
 * next call.
 */
static void read_reasons(struct level *l1, struct oracle *o)
{
	_cleanup_buf_ struct buf hist = { 0 };

	if (channel_get(l1->channel, L1_EXITS_HIST, &hist, level_ms(l1, 5)))
		fail_clear();
	oracle_parse_reasons(buf_str(&hist), o);
}

static char *ask_pids(struct level *l1)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)ORACLE_PIDS_COMMAND, NULL };
	_cleanup_buf_ struct buf out = { 0 };
	struct channel_status st = { 0 };

	if (channel_run(l1->channel, argv, &out, NULL, &st, level_ms(l1, 5)))
		fail_clear();
	return xstrdup(buf_str(&out));
}

/* Before any other VM runs in L1. */
static int learn_threads(struct run *r, void *state)
{
	struct asking *a = state;

	free(a->pids);
	a->pids = ask_pids(&r->lab->levels[L1]);
	return 0;
}

static int ask_l2s_qemu(struct run *r, const struct asking *a, struct oracle *o)
{
	_cleanup_free_ char *cpus = NULL, *stats = NULL;
	struct level *l2 = &r->lab->levels[L2];
	uint64_t when = o->level_ns;
	int ret = level_qmp(l2, ORACLE_QMP_CPUS, &cpus);

	if (!ret)
		ret = level_qmp(l2, ORACLE_QMP_STATS, &stats);
	if (!ret)
		ret = oracle_parse(cpus, stats, o);
	o->level_ns = when;
	if (!ret)
		oracle_parse_pids(a->pids ? a->pids : "", o);
	return ret;
}

static int ask(struct run *r, const struct asking *a, bool after, struct oracle *o)
{
	struct lab *lab = r->lab;
	int ret = after ? 0 : read_time(lab, o);

	if (!ret && lab_has_l2(lab))
		ret = ask_l2s_qemu(r, a, o);
	if (!ret)
		read_reasons(&lab->levels[L1], o);
	if (!ret && after)
		ret = read_time(lab, o);
	return ret ? fail_prefix("reading the oracles in L1") : 0;
}

static int ask_before(const struct watch *w, void *state)
{
	return ask(w->run, state, false, &w->evidence->before);
}

static int ask_after(const struct watch *w, void *state)
{
	return ask(w->run, state, true, &w->evidence->after);
}

static bool is_wanted(const struct run *r, const struct testcase *t)
{
	(void)r;
	return !t->wants_monitor && !t->suite;
}

static void forget(struct run *r, void *state)
{
	struct asking *a = state;

	(void)r;
	free(a->pids);
}

static const struct observer oracles = {
	.name = "the oracles in L1",
	.order = 40,
	.state = sizeof(struct asking),
	.wants = is_wanted,
	.life = learn_threads,
	.before = ask_before,
	.after = ask_after,
	.end = forget,
};
OBSERVER(oracles);
