/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel's memory, as it tells it; and what the host's keeps of each question that a guest asks
 * it, for guest halves that run in L1: before thousands of them and after (judge/memory_checks.h).
 */
#ifndef NESTLAB_TESTCASES_MEMORY_H
#define NESTLAB_TESTCASES_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct micro;

/* A line of /proc/meminfo ("SUnreclaim"), KiB, up to date. */
uint64_t memory_kib(const char *name);

/* KASAN keeps what was freed for a while, so as to see its use: it is no leak, but looks as one. */
bool memory_is_kept(void);

/* what: "calls". make: lets the machine ask so many times. */
void memory_of(struct micro *m, const char *what, void (*make)(struct micro *m, uint64_t times));

#endif
