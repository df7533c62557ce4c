/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of report.html. Each appends whole elements to the page. Text goes in by html_text() or
 * html_element() alone: both escape. The page holds no script and loads nothing.
 */
#ifndef NESTLAB_REPORT_HTML_H
#define NESTLAB_REPORT_HTML_H

#include "judge/result.h"

/* The page's head, up to its <main>; html_foot() ends it. */
void html_head(struct buf *b, const char *title);
void html_foot(struct buf *b);
void html_text(struct buf *b, const char *text);
/* <tag class="class">text</tag>; class may be NULL. */
void html_element(struct buf *b, const char *tag, const char *class, const char *text);
/* What stands for something, and can be a link: an empty one would be none. */
const char *html_name(const char *name);
/* The verdict as a coloured word. */
void html_verdict(struct buf *b, enum outcome o);
/* Rows of a two-column table: <th scope="row">key</th><td>value</td>, or nothing without a value.
 */
void html_row(struct buf *b, const char *key, const char *value);

/*
 * trace.txt as the page shows it: its beginning, and a window around each line that a check names.
 */
#define HTML_TRACE_LINES 2000
struct html_window {
	uint64_t first, last; /* lines, counted from 1 */
};
struct html_trace {
	bool found;	/* there is such a file */
	uint64_t lines; /* that it has */
	struct html_window *windows;
	size_t n_windows;
	struct buf text; /* whole elements; each line that is shown has the id "tN" */
};
void html_trace_read(struct html_trace *v, const struct run_result *r, const char *run_dir);
void html_trace_free(struct html_trace *v);
#define _cleanup_html_trace_ __attribute__((cleanup(html_trace_free)))
/* Can the page link to this line? */
bool html_trace_has(const struct html_trace *v, uint64_t line);

/* A table of measures. */
void html_measures(struct buf *b, const struct measure *m, size_t n);

/* What failed, with links to it: for the page's head; nothing where nothing did. */
void html_failures(struct buf *b, const struct run_result *r);

/* Sections. run_dir: whose files a check may refer to. */
void html_tests(struct buf *b, const struct run_result *r, const struct html_trace *trace,
		const char *run_dir);
void html_exits(struct buf *b, const struct run_result *r);
void html_trace(struct buf *b, const struct html_trace *v);

#endif
