// SPDX-License-Identifier: GPL-2.0-only
#include "bench/table.h"

#include <string.h>

#include "core/outcome.h"
#include "report/text.h"

static void print_row(const struct figure *g, struct buf *out)
{
	_cleanup_free_ char *min = text_number(g->min), *median = text_number(g->median);
	_cleanup_free_ char *max = text_number(g->max);

	buf_printf(out, "| %s | %s | %zu | %s | %s | %s | ", g->name, g->unit, g->n, min, median, max);
	if (g->floor)
		buf_printf(out, "%.3g times %s |\n", g->ratio, g->floor);
	else
		buf_puts(out, "|\n");
}

void table_print(const struct figures *f, struct buf *out)
{
	buf_printf(out, "Measured on %s with commit %.12s: %s.\n\n", f->day, f->commit, f->machine);
	buf_puts(out, "| what | unit | n | least | median | most | to its floor |\n"
		      "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < f->n; i++)
		print_row(&f->v[i], out);
}

/* The one place of a mark; NULL: it has none, or several. */
static const char *only(const char *text, const char *mark)
{
	const char *at = strstr(text, mark);

	return at && !strstr(at + 1, mark) ? at : NULL;
}

int table_fill(const char *guide, const struct figures *f, struct buf *out)
{
	const char *begin = only(guide, TABLE_BEGIN "\n"), *end = only(guide, "\n" TABLE_END);

	if (!begin || !end || end < begin)
		return fail(OUT_USAGE, "the guide has no place for the figures: want the lines \"" TABLE_BEGIN "\" and \"" TABLE_END "\", once each");
	buf_add(out, guide, (size_t)(begin - guide) + strlen(TABLE_BEGIN "\n"));
	table_print(f, out);
	buf_puts(out, end + 1);
	return 0;
}
