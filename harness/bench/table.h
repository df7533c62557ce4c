/* SPDX-License-Identifier: GPL-2.0-only */
/* Figures for people: a table in Markdown, and a guide that has it between two marks. Pure. */
#ifndef NESTLAB_BENCH_TABLE_H
#define NESTLAB_BENCH_TABLE_H

#include "bench/figures.h"

/* Lines that stand alone in a guide; what is between them is the table's. */
#define TABLE_BEGIN "<!-- nestlab bench: from here to its end the figures are filled in -->"
#define TABLE_END "<!-- nestlab bench: end -->"

void table_print(const struct figures *f, struct buf *out);

/*
 * The guide with the table in it, whatever was there before. -OUT_USAGE: it has not both marks,
 * once each, in this order.
 */
int table_fill(const char *guide, const struct figures *f, struct buf *out);

#endif
