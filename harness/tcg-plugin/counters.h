/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the emulator that runs L1 counts: the file that the plugin (vmruns.c, in QEMU) writes and
 * the harness reads while QEMU runs. Both map it, so reading it costs nothing and asks nobody, and
 * no kernel under test can reach it.
 *
 *	#VMEXIT	the instruction behind a VMRUN is executed: that vCPU of L1 has left its guest
 *	mark	a no-op that a test program executes, in L1 or in L2, to say "now"
 *		(testcases/mark.h): the counters of that moment are kept
 *
 * All times are ticks of this machine's TSC, which must be the same on all its CPUs (constant_tsc),
 * as L1 is told to rely on it. L1's TSC runs as fast (QEMU's RDTSC gives the machine's with an
 * offset), so differences may be compared with L1's.
 *
 * The other way goes one question alone: whether L1's CPUs are to be stopped now and then.
 *
 * Counters start at 0 with each QEMU process, so also when L1's saved state is restored: only
 * samples of one generation may be subtracted.
 */
#ifndef NESTLAB_TCG_PLUGIN_COUNTERS_H
#define NESTLAB_TCG_PLUGIN_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTERS_MAGIC 0x6d76626174534e45ULL
#define COUNTERS_VERSION 2u
#define COUNTERS_CPUS 64u
#define COUNTERS_MARKS 1024u /* the last ones are kept */
#define COUNTERS_TRIES 1000u

/* One vCPU of L1, as of its last VMRUN or #VMEXIT. */
struct cpu_counts {
	uint64_t vmruns, vmexits;
	uint64_t guest_ticks; /* from VMRUN to #VMEXIT, over all that are complete */
	uint64_t entered;     /* the time of the last VMRUN; 0: none yet */
	uint64_t left;	      /* the time of the last #VMEXIT; 0: none yet */
	uint64_t in_guest;    /* 1: the VMRUN is the later one */
};

/*
 * The writer, that vCPU's thread, fills the copy that is not the current one and then makes it the
 * current one. It never waits, and a reader never sees half an update, also when the writer is held
 * up in between.
 */
struct cpu_counters {
	uint32_t turn; /* copy[turn & 1] is the current one */
	uint32_t pad;
	struct cpu_counts copy[2];
} __attribute__((aligned(64)));

/*
 * All vCPUs at one moment, which lies between begin and end: a reader may be held up between these
 * two. Of two samples, the guests' ticks from the first's begin to the second's end are at least
 * the second's guest_least less the first's guest_most.
 */
struct counters_sample {
	uint64_t begin, end;	  /* TSC before and after the counters were read */
	uint64_t vmruns, vmexits; /* of each vCPU at some moment between begin and end */
	uint64_t guest_least;	  /* ticks spent in guests: not more than up to end ... */
	uint64_t guest_most;	  /* ... and not fewer than up to begin */
	uint64_t outside; /* at begin, since the last #VMEXIT of each vCPU outside a guest */
};

struct counters_mark {
	uint64_t order; /* 1 for the first mark ever; 0: being written */
	uint64_t number;
	struct counters_sample sample;
};

/* Stops of L1's CPUs (stops.c): asked for by the harness, made by the plugin. */
struct counters_stops {
	uint64_t from, to; /* the harness's: addresses in L1 of what is stopped, up to this one */
	uint32_t wanted;   /* the harness's: 0: none any more; else how often it asked */
	uint32_t pad;
	uint64_t made; /* ever, by all CPUs ... */
	uint64_t ns;   /* ... and how long these lasted together */
};

/* Why the counters can't be believed: bits. */
#define COUNTERS_FAULT_CPUS 1u	   /* more vCPUs than COUNTERS_CPUS */
#define COUNTERS_FAULT_PAGE_END 2u /* a VMRUN at its page's end: its #VMEXIT can't be seen */
#define COUNTERS_FAULT_SITES 4u	   /* VMRUNs at more addresses than there is room for */
#define COUNTERS_FAULT_UNSTEADY 8u /* a sample did not come to rest in COUNTERS_TRIES tries */

struct counters {
	uint64_t magic;
	uint32_t version;
	uint32_t faults;
	uint64_t generation; /* names the QEMU process; 0: no plugin has opened this yet */
	uint64_t cpus;	     /* vCPUs of L1 */
	struct counters_stops stops;
	uint64_t marks;	     /* ever; number m lies in mark[(m - 1) % COUNTERS_MARKS] */
	struct cpu_counters cpu[COUNTERS_CPUS];
	struct counters_mark mark[COUNTERS_MARKS];
};

static inline uint64_t counters_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void counters_read_cpu(const struct cpu_counters *c, struct cpu_counts *counts)
{
	uint32_t turn;

	do {
		turn = __atomic_load_n(&c->turn, __ATOMIC_ACQUIRE);
		*counts = *(const volatile struct cpu_counts *)&c->copy[turn & 1];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&c->turn, __ATOMIC_RELAXED) != turn);
}

static inline void counters_add_guest(struct counters_sample *s, const struct cpu_counts *c)
{
	uint64_t now = counters_tsc();

	s->guest_least += c->guest_ticks;
	s->guest_most += c->guest_ticks;
	if (c->in_guest && c->entered < s->begin)
		s->guest_least += s->begin - c->entered;
	if (c->in_guest && c->entered < now)
		s->guest_most += now - c->entered;
}

/*
 * False where the vCPU entered and left its guest since begin: how long it had been outside by then
 * is not known any more.
 */
static inline bool counters_add_outside(struct counters_sample *s, const struct cpu_counts *c)
{
	uint64_t last = c->in_guest ? c->entered : c->left;
	uint64_t before = c->in_guest ? c->left : c->entered;
	bool was_outside = (last < s->begin) == !c->in_guest;

	if (last >= s->begin && before >= s->begin)
		return false;
	if (was_outside && c->left)
		s->outside += s->begin - c->left;
	return true;
}

static inline bool counters_try(const struct counters *c, struct counters_sample *s)
{
	uint64_t cpus = __atomic_load_n(&c->cpus, __ATOMIC_ACQUIRE);
	struct cpu_counts counts;
	bool steady = true;

	*s = (struct counters_sample){ .begin = counters_tsc() };
	for (uint64_t i = 0; i < cpus && i < COUNTERS_CPUS; i++) {
		counters_read_cpu(&c->cpu[i], &counts);
		s->vmruns += counts.vmruns;
		s->vmexits += counts.vmexits;
		counters_add_guest(s, &counts);
		steady &= counters_add_outside(s, &counts);
	}
	s->end = counters_tsc();
	return steady;
}

/* False when it never came to rest; it will at the first try unless the reader was held up. */
static inline bool counters_take(const struct counters *c, struct counters_sample *s)
{
	for (unsigned int i = 0; i < COUNTERS_TRIES; i++)
		if (counters_try(c, s))
			return true;
	return false;
}

#endif
