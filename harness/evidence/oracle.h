/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What L1's QEMU, its tracepoints and its debugfs say about L2's vCPUs, independent of the change
 * under test: texts -> struct oracle. Whoever speaks to them brings the text; nothing is asked from
 * here.
 */
#ifndef NESTLAB_EVIDENCE_ORACLE_H
#define NESTLAB_EVIDENCE_ORACLE_H

#include "evidence/evidence.h"

/* KVM's exit count of L2 at a moment since L2's power-on. */
struct exit_sample {
	double seconds;
	uint64_t exits;
};

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

/*
 * Exits by reason: a histogram trigger counts them at the tracepoint, in L1's kernel
 * (Documentation/trace/histogram.rst); its file "hist" is what is read (lab/bringup.h). False, and
 * o->has_reasons too: the text is no such histogram, or it dropped events.
 */
bool oracle_parse_reasons(const char *hist, struct oracle *o);

/*
 * The vCPUs' threads by debugfs: a line "PATH/vcpuN/pid:PID" each, as ORACLE_PIDS_COMMAND prints
 * them while no VM but L2 runs. Only vCPUs that *o has already are filled in.
 */
#define ORACLE_PIDS_COMMAND "exec grep . /dev/null /sys/kernel/debug/kvm/*/vcpu*/pid"
void oracle_parse_pids(const char *text, struct oracle *o);

#endif
