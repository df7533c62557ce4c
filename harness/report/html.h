/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of report.html. Each appends whole elements to the page. Text goes in by html_text() or
 * html_element() alone: both escape. The page holds no script and loads nothing.
 */
#ifndef NESTLAB_REPORT_HTML_H
#define NESTLAB_REPORT_HTML_H

#include "judge/result.h"

void html_text(struct buf *b, const char *text);
/* <tag class="class">text</tag>; class may be NULL. */
void html_element(struct buf *b, const char *tag, const char *class, const char *text);
/* The verdict as a coloured word. */
void html_verdict(struct buf *b, enum outcome o);
/* Rows of a two-column table: <th scope="row">key</th><td>value</td>, or nothing without a value.
 */
void html_row(struct buf *b, const char *key, const char *value);

/* Sections. */
void html_tests(struct buf *b, const struct run_result *r);
void html_exits(struct buf *b, const struct run_result *r);
void html_trace(struct buf *b, const char *run_dir);

/* Lines of trace.txt that the page shows; "trace.txt:17" in a check's evidence links to them. */
#define HTML_TRACE_LINES 2000

#endif
