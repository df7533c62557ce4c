/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page of all nights: what became of each test in each of them, and how the measures went. One
 * file that loads nothing and runs nothing, as report.html. It knows the history alone; links lead
 * to the runs' own pages where those are still there.
 */
#ifndef NESTLAB_HISTORY_PAGE_H
#define NESTLAB_HISTORY_PAGE_H

#include "history/history.h"

/* Columns of the grid, and points of a trend, at most: the newest ones. */
#define PAGE_NIGHTS 30
#define PAGE_POINTS 60

/*
 * results: the folder that the page will lie in. told: of lines that could not be read; may be
 * NULL.
 */
void page_make(const struct history *h, const char *results, const char *told, struct buf *b);

/* One that stands in a row of its own for people: a night, or a run that is no part of one. */
bool page_is_column(const struct history_entry *e);

/* ---- trend.c ---- */

/*
 * Pictures of the measures of these runs, the oldest first; one that has too few points is left
 * out.
 */
void trend_put(struct buf *b, const struct history_entry *const *v, size_t n, unsigned int *number);

#endif
