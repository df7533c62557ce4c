// SPDX-License-Identifier: GPL-2.0-only
#include "stops.h"

#include <string.h>
#include <sys/prctl.h>
#include <time.h>

/*
 * Between two stops of a CPU lie so many accesses on the average, and twice as many at most; an
 * exit has a thousand. A long test comes to the same places again and again, so its stops get
 * fewer by and by: each time that it was stopped for so long they are as far apart again as at
 * first.
 */
#define ACCESSES 200u
/*
 * Where a race's window is, an access counts for so many: between the two halves of what adds to
 * memory without a lock, and in the middle of a copy.
 */
#define ADDING 16u
#define COPYING 8u
#define STOPPED_NS 20000000u
/* An exit of L2 takes 40 us and more here: another CPU comes to a whole one meanwhile. */
#define STOP_MIN_NS 20000u
#define STOP_MAX_NS 120000u

static struct counters_stops *stops;
static bool watching;	 /* is what is translated now watched? */
static uint32_t renewed; /* how often */

/* What its own thread knows of a vCPU. */
static struct {
	uint64_t random; /* xorshift64*'s; 0: not begun */
	uint32_t left;	 /* accesses up to the next stop */
	uint64_t ns;	 /* stopped ... */
	uint32_t time;	 /* ... since it was asked for, or renewed, for this time */
} cpus[COUNTERS_CPUS];

static uint32_t draw(unsigned int cpu, uint32_t below)
{
	uint64_t x = cpus[cpu].random ? cpus[cpu].random : counters_tsc() | 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	cpus[cpu].random = x;
	return (uint32_t)(x * 0x2545f4914f6cdd1dULL >> 33) % below;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * Asleep, not in a loop: whoever has the other CPUs of this machine may be L1's next one. Returns
 * for how many ns.
 */
static uint64_t stop(unsigned int cpu)
{
	const struct timespec t = { .tv_nsec = STOP_MIN_NS + draw(cpu, STOP_MAX_NS - STOP_MIN_NS) };
	uint64_t begin = now_ns(), ns;

	nanosleep(&t, NULL);
	ns = now_ns() - begin;
	__atomic_fetch_add(&stops->ns, ns, __ATOMIC_RELAXED);
	__atomic_fetch_add(&stops->made, 1, __ATOMIC_RELAXED);
	return ns;
}

/* Finer than the 50 us by which a thread's sleep may last longer. */
static void begin(unsigned int cpu, uint32_t time)
{
	prctl(PR_SET_TIMERSLACK, 1);
	cpus[cpu].ns = 0;
	cpus[cpu].time = time;
}

static void stop_if_wanted(unsigned int cpu)
{
	uint32_t wanted = __atomic_load_n(&stops->wanted, __ATOMIC_RELAXED);
	uint32_t time = wanted + __atomic_load_n(&renewed, __ATOMIC_RELAXED); /* it only grows */

	if (wanted && time != cpus[cpu].time)
		begin(cpu, time);
	if (wanted)
		cpus[cpu].ns += stop(cpu);
	cpus[cpu].left = draw(cpu, 2 * (uint32_t)(ACCESSES + ACCESSES * cpus[cpu].ns / STOPPED_NS));
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *weight)
{
	uint32_t n = (uint32_t)(uintptr_t)weight;

	(void)info;
	(void)vaddr;
	if (cpu >= COUNTERS_CPUS)
		return;
	if (cpus[cpu].left >= n)
		cpus[cpu].left -= n;
	else
		stop_if_wanted(cpu);
}

/* An instruction behind its prefixes: AMD APM volume 3, appendix A. */
struct opcode {
	const uint8_t *at;
	size_t left; /* bytes, from there on */
	bool rep, others; /* prefixes; others: not a REX */
};

static struct opcode opcode_of(const struct qemu_plugin_insn *insn)
{
	static const uint8_t prefixes[] = { 0x66, 0xf0, 0xf2, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	struct opcode op = { .at = qemu_plugin_insn_data(insn),
			     .left = qemu_plugin_insn_size(insn) };

	for (; op.left > 1; op.at++, op.left--) {
		bool rep = op.at[0] == 0xf3, other = memchr(prefixes, op.at[0], sizeof(prefixes));

		if (!rep && !other && (op.at[0] & 0xf0) != 0x40)
			break;
		op.rep |= rep;
		op.others |= other;
	}
	return op;
}

/*
 * What moves or computes, and goes on behind itself. Of the others some leave QEMU's translation
 * in their middle (VMRUN, IRET, a write of CR0), and QEMU 7.2 then goes on asking for what stood
 * there for its accesses, in code of the guest's and when it is long forgotten ("code should not be
 * reached"); mended upstream by "tcg: Clear plugin_mem_cbs on TB exit".
 */
static bool is_plain(const struct opcode *op)
{
	static const uint8_t one[] = { 0x63, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
				       0x8a, 0x8b, 0xa4, 0xa5, 0xaa, 0xab, 0xc6, 0xc7 };
	static const uint8_t two[] = { 0xa3, 0xab, 0xaf, 0xb0, 0xb1, 0xb3, 0xb6, 0xb7,
				       0xba, 0xbb, 0xbe, 0xbf, 0xc0, 0xc1 };
	uint8_t code = op->at[0];

	if (code == 0x0f && op->left > 1) /* cmov, and those */
		return (op->at[1] & 0xf0) == 0x40 || memchr(two, op->at[1], sizeof(two));
	if (code == 0xfe || code == 0xff) /* inc, dec */
		return op->left > 1 && (op->at[1] >> 3 & 7) < 2;
	if (code == 0xf6 || code == 0xf7) /* test, not, neg */
		return op->left > 1 && (op->at[1] >> 3 & 7) < 4;
	if (code < 0x40) /* add, or, adc, sbb, and, sub, xor, cmp */
		return (code & 7) < 4;
	return memchr(one, code, sizeof(one));
}

/* incq 8(%rbx) and its like. */
static bool adds_to_memory(const uint8_t *op)
{
	unsigned int reg = op[1] >> 3 & 7;

	if (op[1] >> 6 == 3) /* a register, not memory */
		return false;
	if (op[0] == 0xff) /* inc, dec */
		return reg < 2;
	if (op[0] == 0x81 || op[0] == 0x83) /* all but cmp */
		return reg < 7;
	return op[0] < 0x38 && (op[0] & 7) == 1; /* add, or, adc, sbb, and, sub, xor */
}

/* rep movsq: one access after the other. */
static bool copies(const uint8_t *op)
{
	return (op[0] & 0xfe) == 0xa4;
}

static uint32_t weight_of(const struct opcode *op)
{
	if (op->others)
		return 1;
	if (op->rep)
		return op->left == 1 && copies(op->at) ? COPYING : 1;
	return op->left > 1 && adds_to_memory(op->at) ? ADDING : 1;
}

void stops_open(struct counters_stops *s)
{
	stops = s;
}

void stops_renew(void)
{
	__atomic_fetch_add(&renewed, 1, __ATOMIC_RELAXED);
}

bool stops_differ(void)
{
	return watching != !!__atomic_load_n(&stops->wanted, __ATOMIC_RELAXED);
}

void stops_turn(void)
{
	watching = __atomic_load_n(&stops->wanted, __ATOMIC_RELAXED);
}

void stops_watch(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);
	struct opcode op;

	if (!watching || at < stops->from || at >= stops->to)
		return;
	op = opcode_of(insn);
	if (is_plain(&op))
		qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_RW,
						 (void *)(uintptr_t)weight_of(&op));
}
