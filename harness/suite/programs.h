/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A suite's programs: built in the sandbox that kernels are built in, kept by the content of all
 * that went in, as a read-only disk for L1.
 */
#ifndef NESTLAB_SUITE_PROGRAMS_H
#define NESTLAB_SUITE_PROGRAMS_H

#include "core/cache.h"
#include "core/hash.h"
#include "suite/suite.h"

/* Bytes that a disk has a whole number of: a cylinder, for emulators that know of such. */
#define SUITE_DISK_UNIT (16 * 63 * 512)

struct suite_test {
	char *name;
	char *command; /* for L1's shell, in the disk's folder */
};

struct suite_programs {
	char key[HASH_HEX_LEN + 1]; /* of source, recipe and compiler */
	char *source;		    /* "linux-source-6.12" */
	struct cache_entry *entry;  /* keeps disk where it is */
	char *disk;		    /* an ext4 file system without a partition */
	struct suite_test *v;	    /* in the list's order */
	size_t n;
};

/*
 * Find them or build them. kernel: whose source it is where the suite says so. tree: a local one
 * that takes the place of the suite's own; NULL: none. 0; -OUT_USAGE (no such tree, a wrong list);
 * -OUT_SKIP: its source can't be had, with the reason; -OUT_BROKEN: it does not build. Never a
 * fault of a change: it is built from the source without one. Free p in either case.
 */
int suite_programs_prepare(const struct suite *s, const struct kernel_conf *kernel,
			   const char *tree, struct suite_programs *p);
void suite_programs_free(struct suite_programs *p);

/* For tests: read what the suite's list printed. what: for messages. 0 or -OUT_USAGE. */
int suite_programs_read(const char *what, const char *text, struct suite_programs *p);

#endif
