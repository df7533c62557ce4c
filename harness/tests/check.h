/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of `make check`, and what they are made of: command lines with an expected end. */
#ifndef NESTLAB_TESTS_CHECK_H
#define NESTLAB_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"

#define NESTLAB "build/nestlab"
#define LOGS "build/check"
#define ANY_STATUS (-1)
#define RESULTS "results/latest/results.json"
/* How many processes work out of any of this checkout's places. */
#define COUNT_OURS "ps ax -o args | grep -F \"$(" NESTLAB " cache run)\" | grep -v grep | wc -l | sed 's/^/left: /; s/$/./'"
#define NOTHING_LEFT "left: 0."

struct one_case {
	const char *name;
	const char *command;
	int status;
	const char *says[5]; /* words that the output must hold; "!..." must not */
	unsigned int deadline_s;
};

/* False: one did not end so. */
bool run_case(const struct one_case *c);
bool run_cases(const struct one_case *c, size_t n);
/* What others stand on, or what ends them: whichever cases are wanted. */
bool run_set_up(const struct one_case *c);
bool check_wants(const char *name);

/*
 * For what is more than a case: a shell command with a deadline; its output to a log and to out.
 * Returns its status, or negative.
 */
int check_shell(const char *name, const char *command, unsigned int deadline_s, struct buf *out);
void check_passed(const char *name, uint64_t start);
void check_skipped(const char *name, uint64_t start, const char *why);
void check_failed(const char *name, uint64_t start, const char *why);

/* The parts that stand in files of their own. */
bool check_lab(void);
bool check_front(void); /* what the program tells of itself */
bool check_mistakes(void); /* people's: what is asked for wrongly, and what is no change */
bool check_readme(void); /* what it shows of a terminal */
bool check_places(void);   /* labs side by side, and one that is kept */
bool check_soak(void);    /* harm done to labs at work */
bool check_gdb(void);	   /* a debugger on L1 */
bool check_grade_sample(void); /* a class; what is cheap of it */
bool check_grade(void);
bool check_slurm(void);	   /* a class by a job array, on one node */
bool check_metal(void); /* lane kvm in an emulated machine, shortly */
bool check_kvm_lane(void); /* and all of it */
bool check_deb(void); /* the package, installed and used */
bool check_page(void); /* the page of all nights in a browser, which few have */

#endif
