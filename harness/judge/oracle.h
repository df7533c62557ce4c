/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What L1's QEMU says about L2's vCPUs, independent of the change under test: the replies of two
 * QMP commands -> struct oracle. Whoever speaks to QEMU brings the text; nothing is asked from
 * here.
 */
#ifndef NESTLAB_JUDGE_ORACLE_H
#define NESTLAB_JUDGE_ORACLE_H

#include "judge/testcase.h"

/* The commands to send (qemu-monitor-command). */
#define ORACLE_QMP_CPUS "{\"execute\":\"query-cpus-fast\"}"
#define ORACLE_QMP_STATS                                                                           \
	"{\"execute\":\"query-stats\",\"arguments\":{\"target\":\"vcpu\","                         \
	"\"providers\":[{\"provider\":\"kvm\",\"names\":[\"exits\"]}]}}"

/*
 * cpus, stats: the replies, with or without {"return": ...} around them. stats may be NULL (an old
 * QEMU): threads only. A vCPU's id is its index, which is KVM's id for L2's flat topology.
 * Fills *o but for its times. 0, or -OUT_BROKEN with what is wrong with a reply.
 */
int oracle_parse(const char *cpus, const char *stats, struct oracle *o);

#endif
