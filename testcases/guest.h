/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest half of a testcase: a static C program for L2 (or L1), built with -DNESTLAB_GUEST. It
 * has no main(): it says GUEST_TEST(run).
 *
 * Run by the lab (NESTLAB=1 in the environment) it prints typed observations beside its text for
 * people; run by hand only the text. It judges nothing: what it observed goes to the judge's half
 * of the same file.
 *
 * How it ends: done (exit code 0), broken (3: its set-up failed, with file and line), at fault (4:
 * the kernel under test did what the test can't go on from), skipped (77: this level lacks
 * something). Each also tells an observation: guest.done, guest.broken, guest.fault, guest.skip.
 */
#ifndef NESTLAB_TESTCASES_GUEST_H
#define NESTLAB_TESTCASES_GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum guest_exit { GUEST_DONE = 0, GUEST_BROKEN = 3, GUEST_FAULT = 4, GUEST_SKIPPED = 77 };

int guest_main(void (*run)(void));
#define GUEST_TEST(run)                                                                            \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		guest_args = argv + (argc > 0);                                                    \
		return guest_main(run);                                                            \
	}

extern char **guest_args; /* struct testcase's; NULL-terminated */

extern bool guest_in_lab; /* NESTLAB=1 */

/* Observations; nothing is printed by hand. A key: 1 to 64 of a-z 0-9 . _ - */
void observe_u64(const char *key, uint64_t value);
void observe_i64(const char *key, int64_t value);
void observe_str(const char *key, const char *text); /* characters that don't print become '?' */

/* A number of the assignment ("NESTLAB_SYSCALL"), or the default by hand. */
uint64_t guest_number(const char *variable, uint64_t by_default);

/* End now. */
_Noreturn void guest_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void guest_fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void guest_broken(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* System calls whose failure means that the test's set-up is broken. */
#define SAFE_PIN(cpu) safe_pin(__FILE__, __LINE__, cpu)
#define SAFE_FORK() safe_fork(__FILE__, __LINE__)
#define SAFE_MAP_SHARED(where, size) safe_map_shared(__FILE__, __LINE__, where, size)
#define SAFE_WRITE_FILE(path, text) safe_write_file(__FILE__, __LINE__, path, text)
/* Into an array: what the kernel tells in a line, without its end. */
#define SAFE_READ_FILE(path, to) safe_read_file(__FILE__, __LINE__, path, to, sizeof(to))
#define SAFE_WAIT(pid) safe_wait(__FILE__, __LINE__, pid)

void safe_pin(const char *file, int line, int cpu); /* run on this CPU only, from now on */
pid_t safe_fork(const char *file, int line);	    /* the child dies with its parent */
/* The same into namespaces of its own (CLONE_NEW...); negative with errno where there is none. */
pid_t guest_clone(int namespaces);
/* Zeroed memory that children share; where NULL: anywhere, else exactly there (page-aligned). */
void *safe_map_shared(const char *file, int line, void *where, size_t size);
void safe_write_file(const char *file, int line, const char *path, const char *text);
void safe_read_file(const char *file, int line, const char *path, char *to, size_t size);
void safe_wait(const char *file, int line, pid_t pid); /* until it ended; its status is ignored */

/* The CPUs that this program may run on: the level's online ones. */
struct guest_cpus {
	unsigned int n;
	int cpu[64];
};
void guest_cpus(struct guest_cpus *c);
uint32_t guest_apic_id(void); /* of the CPU that runs this; KVM's vCPU id */

uint64_t guest_now_ns(void);
void guest_sleep_ms(unsigned int ms);
/*
 * In L1: go on without the trace (or with it), whose buffer is not made for thousands of calls.
 * trace_printk() would still format each of them, which takes as long as the rest of the call, if
 * only tracing_on said so.
 */
void guest_trace(bool on);

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf)
			 : "memory");
	return r;
}

/* After all that came before it. */
static inline uint64_t rdtsc_ordered(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

#endif
