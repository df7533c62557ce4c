/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Renderings of the result tree. A report never asks the lab: all it knows is in the tree and, for
 * the HTML page, in the run's folder (trace.txt). Each writer returns 0 or a negative outcome.
 */
#ifndef NESTLAB_REPORT_REPORT_H
#define NESTLAB_REPORT_REPORT_H

#include <stdio.h>

#include "judge/result.h"

int report_json(const struct run_result *r, const char *path);	   /* results.json */
int report_manifest(const struct run_result *r, const char *path); /* manifest.json */
int report_junit(const struct run_result *r, const char *path);	   /* junit.xml */
/* In a run's folder: of make, where the change does not build. */
#define REPORT_BUILD_LOG "build.log"

/* run_dir: where trace.txt lies; a missing one is told in the page. */
int report_html(const struct run_result *r, const char *run_dir, const char *path);
void report_ktap(const struct run_result *r, FILE *f); /* report.ktap */

/*
 * For people: a line for each test that passed or was skipped; behind them the others with their
 * failing checks, expected and observed; what was judged; the verdict.
 */
struct terminal_opts {
	bool color;
	bool verbose; /* all checks, with expected and observed, and what the tests measured */
	unsigned int columns; /* 0: 96 */
	const char *page;     /* where report.html is; NULL: it is not told */
};
/* As this file is, by isatty(), its size, and NO_COLOR. */
struct terminal_opts terminal_opts_for(int fd, bool verbose);
void report_terminal(const struct run_result *r, const struct terminal_opts *o, FILE *f);

/* Write all files of a run into run_dir (which exists); 0 or the first failure. */
int report_all(const struct run_result *r, const char *run_dir);

/* Read results.json back. NULL after fail(): not there (OUT_USAGE), or not ours (OUT_USAGE). */
struct run_result *report_load(const char *path);

#endif
