/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A suite: tests of somebody else's that run in L1 (KVM selftests, kvm-unit-tests). It is data, a
 * file config/suites/NAME.conf; config/suites/selftests.conf explains itself. None of a suite's
 * code is here.
 */
#ifndef NESTLAB_SUITE_SUITE_H
#define NESTLAB_SUITE_SUITE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"
#include "kernel/kernel.h"
#include "suite/lines.h"

struct suite {
	char *name; /* "selftests": the file's name without .conf */
	char *path; /* the file */
	char *title;
	char *format_name;
	const struct suite_format *format; /* how its programs say what they found */
	uint32_t timeout;		   /* of a test, seconds, before the lane's slowdown */
	struct strv lanes;		   /* that it runs in */
	bool wants_root; /* its programs need L1's Debian root (QEMU), in each lane */
	struct strv fragments; /* over the host's own: options that its tests ask for */
	bool of_kernel;	 /* its source is that of the kernel under test */
	char *knob;	 /* of a local tree that takes its source's place; NULL: there is none */
	struct kernel_conf source; /* of which only .source and .path mean something */
	struct strv files;	   /* of its source, what is needed; none: all of it */
	struct strv build;	   /* lines of a shell script that makes its programs in obj/ */
	struct strv list;	   /* of one that prints its tests: NAME, a tab, COMMAND */
	struct strv timeouts;	   /* "NAME=SECONDS" */
	struct strv without;	   /* "NAME=REASON": never run, and told as skipped */
};

/* name: of a file in config/suites/. 0 or -OUT_USAGE. On success the caller frees it. */
int suite_load(const char *name, struct suite *s);
void suite_free(struct suite *s);

/* All there are, by name; root's config/suites/. 0 or -OUT_USAGE. */
int suite_names(struct strv *names);

/* 0, or -OUT_USAGE: it does not run in this lane. */
int suite_check_lane(const struct suite *s, const char *lane);

/*
 * What one of [timeouts] or [without] says of a test in a lane: "state_test", "svm_*", or with the
 * lane before it, "bochs-vmx/svm_*". NULL: nothing.
 */
const char *suite_says(const struct strv *items, const char *test, const char *lane);
/* Is the suite built from this file of the source, and it is no part of a kernel? */
bool suite_is_of(const struct suite *s, const char *path);
/* Seconds of this test. */
uint32_t suite_timeout(const struct suite *s, const char *test, const char *lane);

#endif
