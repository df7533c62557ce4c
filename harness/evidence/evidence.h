/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was seen while one test's program ran, parsed: what the program said, what L1's trace holds,
 * what the oracles told before and after. Nothing here thinks anything of it; that is judge/.
 */
#ifndef NESTLAB_EVIDENCE_EVIDENCE_H
#define NESTLAB_EVIDENCE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/reasons.h"
#include "evidence/vmruns.h"

/* The assignment's data, from config/assignments/NAME.conf; see plan/assignment.h. */
struct assignment;

/* A typed key=value that a level reported, with the level's time when the line came. */
struct observation {
	char *key; /* may repeat: "cpuid.call" 3 times is three calls, in order */
	enum { OBS_U64, OBS_I64, OBS_STR } type;
	uint64_t u64; /* for OBS_I64: the two's complement */
	char *str;    /* always set: the value as text */
	uint64_t level_ns;
};

/* A line that says it is an observation and is none. */
struct observation_fault {
	unsigned int line; /* of the program's output, 1-based */
	char *why;
	char *text; /* the line, made printable, cut when long */
};

struct observations {
	struct observation *v;
	size_t n;
	struct observation_fault *bad; /* the first ones; n_bad counts all */
	size_t n_bad;
};

/* One vCPU's data in L1's trace, as the assignment's trace contract found it. */
struct trace_record {
	bool has_vcpu_id, has_pid, has_num_exits, has_tid;
	int64_t tid; /* the thread that wrote it: the calling vCPU's */
	int64_t vcpu_id;
	int64_t pid;
	uint64_t num_exits;
	uint64_t regs[20];  /* by enum trace_reg */
	uint32_t have_regs; /* bit per register */
	double seconds;	    /* the trace's clock (L1's monotonic) */
	unsigned int line;  /* of trace.txt, 1-based: the evidence */
};

enum trace_reg {
	VREG_RAX,
	VREG_RBX,
	VREG_RCX,
	VREG_RDX,
	VREG_RSI,
	VREG_RDI,
	VREG_RBP,
	VREG_RSP,
	VREG_R8,
	VREG_R9,
	VREG_R10,
	VREG_R11,
	VREG_R12,
	VREG_R13,
	VREG_R14,
	VREG_R15,
	VREG_RIP,
	VREG_RFLAGS,
	VREG_COUNT
};
extern const char *const trace_reg_names[VREG_COUNT];

struct trace_records {
	struct trace_record *v;
	size_t n;
	bool complete;		 /* both markers were seen */
	unsigned int first_line; /* of trace.txt: the markers' lines; 0 when not seen */
	unsigned int last_line;
	uint64_t lost;	      /* events that the ring buffer dropped in between */
	unsigned int refused; /* values and lines that could not be read, the first in ... */
	unsigned int refused_line;
	char *refusal;	      /* ... and a sentence about the first; NULL when none */
};

/* One vCPU of L2 as L1's QEMU and KVM know it: independent of the change under test. */
struct oracle_vcpu {
	uint64_t vcpu_id; /* KVM's: the APIC id */
	bool has_thread;
	uint64_t thread_id; /* QMP query-cpus-fast */
	bool has_exits;
	uint64_t exits; /* KVM binary statistics, by QMP query-stats */
	bool has_debugfs_pid;
	uint64_t debugfs_pid; /* L1's debugfs, kvm/PID-FD/vcpuN/pid */
};

/* Exits of all VMs with one reason (SVM: exit code), by L1's tracepoint kvm:kvm_exit. */
struct oracle_reason {
	uint64_t reason, exits;
};

#define ORACLE_MAX_VCPUS 64
#define ORACLE_MAX_REASONS 128
struct oracle {
	bool valid;
	uint64_t level_ns; /* L1's monotonic clock, just before the read began / after it ended */
	size_t n_vcpus;
	struct oracle_vcpu vcpus[ORACLE_MAX_VCPUS];
	bool has_reasons;
	size_t n_reasons;
	struct oracle_reason reasons[ORACLE_MAX_REASONS]; /* since the run began */
};

/* All that is known about one execution of one test. */
struct evidence {
	const struct assignment *assignment;
	struct observations obs;
	struct trace_records trace;
	struct oracle before, after; /* read just before the program's start and after its end */
	struct vmruns vmruns;	     /* what the emulator counted, from outside L1 */
	struct observations
		baseline;     /* the same program's on the unpatched kernel; n 0: none asked for */
	unsigned int l2_cpus; /* that the lab configured */
	unsigned int l2_busy; /* of them, those that could make exits while the program ran */
	int exit_code;	      /* of the program; -1: signal */
	int signal;
	double seconds;
	struct reason_table reasons; /* that the host kernel under test handles */
	bool vendor_intel; /* L1's virtualization is VMX; false: SVM */
	bool killed;	   /* the program, at its deadline: the rest proves nothing */
};

/* The value of the i-th (0-based) observation with this key, or NULL. */
const struct observation *obs_get(const struct observations *o, const char *key, size_t i);
size_t obs_count(const struct observations *o, const char *key);
const struct oracle_vcpu *oracle_vcpu(const struct oracle *o, uint64_t vcpu_id);
uint64_t oracle_total_exits(const struct oracle *o);
/* 0 for a reason that did not come. */
uint64_t oracle_exits_with_reason(const struct oracle *o, uint64_t reason);
/* Of the reasons that KVM's fastpath can handle: none of vmx_handle_exit() or svm_handle_exit(). */
uint64_t oracle_fastpath_exits(const struct oracle *o, bool intel);
uint64_t oracle_total_reasons(const struct oracle *o);
/* Valid, and KVM's exits are known of each of its vCPUs. */
bool oracle_has_all_exits(const struct oracle *o);

#endif
