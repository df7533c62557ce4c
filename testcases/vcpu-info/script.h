/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host that answers as a test says (HOST_SCRIPTED in judge/testcase.h, made by the base's
 * patches in kernel-patches/BASE/scripted): what a program in L2 tells it, by a CPUID leaf, and
 * asks it.
 */
#ifndef NESTLAB_TESTCASES_VCPU_INFO_SCRIPT_H
#define NESTLAB_TESTCASES_VCPU_INFO_SCRIPT_H

#include "syscall.h"

#define SCRIPT_ALL UINT32_MAX

enum script_command {
	SCRIPT_BEGIN,	/* forget all: answers are 0 for each vCPU of this machine */
	SCRIPT_ANSWER,	/* about a vCPU, or SCRIPT_ALL */
	SCRIPT_CALLER,	/* to a vCPU, whatever it asks about */
	SCRIPT_OFFLINE, /* 1: nobody may ask about this vCPU; 0: all may again */
	SCRIPT_DELAY,	/* microseconds that each answer takes */
	SCRIPT_TELL,
};

/* What was asked since SCRIPT_BEGIN. */
struct script_told {
	uint32_t about;	    /* this vCPU */
	uint32_t strange;   /* ids of no vCPU */
	uint32_t forbidden; /* vCPUs that nobody might ask about then */
	uint32_t all;
};

static inline struct script_told script(enum script_command command, uint32_t id, int32_t value)
{
	struct script_told t;

	__asm__ volatile("cpuid"
			 : "=a"(t.about), "=b"(t.strange), "=c"(t.forbidden), "=d"(t.all)
			 : "a"(0x4e455354), "b"(id), "c"((uint32_t)command), "d"((uint32_t)value)
			 : "memory");
	return t;
}

static inline void script_begin(void)
{
	uint32_t number = (uint32_t)guest_number("NESTLAB_HYPERCALL", 13);

	script(SCRIPT_BEGIN, number, 0);
	if (script(SCRIPT_TELL, SCRIPT_ALL, 0).about != number)
		guest_broken(__FILE__, __LINE__, "this host takes no script");
}

/* The online CPUs, and the ids of their vCPUs in the same order; runs on the first one then. */
struct scripted_cpus {
	struct guest_cpus cpus;
	uint32_t id[64];
};

static inline void scripted_cpus(struct scripted_cpus *s)
{
	guest_cpus(&s->cpus);
	for (unsigned int i = 0; i < s->cpus.n; i++) {
		SAFE_PIN(s->cpus.cpu[i]);
		s->id[i] = guest_apic_id();
		observe_u64("cpu.id", s->id[i]);
	}
	SAFE_PIN(s->cpus.cpu[0]);
}

#endif
