// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "evidence/oracle.h"
#include "lab/bringup.h"
#include "run/run.h"

static int read_time(struct lab *lab, struct oracle *o)
{
	return channel_time(lab->l1.channel, &o->level_ns, level_ms(&lab->l1, 5));
}

/*
 * What L1's kernel can't do (an old base) is an oracle less, not a fault. A dead L1 is seen by the
 * next call.
 */
static void read_reasons(struct lab *lab, struct oracle *o)
{
	_cleanup_buf_ struct buf hist = { 0 };

	if (channel_get(lab->l1.channel, L1_EXITS_HIST, &hist, level_ms(&lab->l1, 5)))
		fail_clear();
	oracle_parse_reasons(buf_str(&hist), o);
}

static char *ask_pids(struct lab *lab)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)ORACLE_PIDS_COMMAND, NULL };
	_cleanup_buf_ struct buf out = { 0 };
	struct channel_status st = { 0 };

	if (channel_run(lab->l1.channel, argv, &out, NULL, &st, level_ms(&lab->l1, 5)))
		fail_clear();
	return xstrdup(buf_str(&out));
}

void oracles_begin(struct run *r)
{
	free(r->debugfs_pids);
	r->debugfs_pids = ask_pids(r->lab);
}

static int ask_l2s_qemu(struct run *r, struct oracle *o)
{
	_cleanup_free_ char *cpus = NULL, *stats = NULL;
	struct level *l2 = &r->lab->l2;
	uint64_t when = o->level_ns;
	int ret = level_qmp(l2, ORACLE_QMP_CPUS, &cpus);

	if (!ret)
		ret = level_qmp(l2, ORACLE_QMP_STATS, &stats);
	if (!ret)
		ret = oracle_parse(cpus, stats, o);
	o->level_ns = when;
	if (!ret)
		oracle_parse_pids(r->debugfs_pids ? r->debugfs_pids : "", o);
	return ret;
}

int oracles_read(struct run *r, bool after, struct oracle *o)
{
	struct lab *lab = r->lab;
	int ret = after ? 0 : read_time(lab, o);

	if (!ret && lab_has_l2(lab))
		ret = ask_l2s_qemu(r, o);
	if (!ret)
		read_reasons(lab, o);
	if (!ret && after)
		ret = read_time(lab, o);
	return ret ? fail_prefix("reading the oracles in L1") : 0;
}
