// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "core/outcome.h"
#include "judge/oracle.h"
#include "run/run.h"

static int read_time(struct lab *lab, struct oracle *o)
{
	return channel_time(lab->l1.channel, &o->level_ns, level_ms(&lab->l1, 5));
}

int oracles_read(struct lab *lab, bool after, struct oracle *o)
{
	_cleanup_free_ char *cpus = NULL, *stats = NULL;
	int ret;

	if (!lab_has_l2(lab))
		return read_time(lab, o);
	ret = after ? 0 : read_time(lab, o);

	if (!ret)
		ret = level_qmp(&lab->l2, ORACLE_QMP_CPUS, &cpus);
	if (!ret)
		ret = level_qmp(&lab->l2, ORACLE_QMP_STATS, &stats);
	if (!ret) {
		uint64_t when = o->level_ns;

		ret = oracle_parse(cpus, stats, o);
		o->level_ns = when;
	}
	if (!ret && after)
		ret = read_time(lab, o);
	return ret ? fail_prefix("reading the oracles in L1") : 0;
}
