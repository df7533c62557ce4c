// SPDX-License-Identifier: GPL-2.0-only
/* A difference as text for terminals, as Markdown for a CI's summary, as a mail. */
#include <string.h>

#include "history/diff.h"
#include "report/text.h"

char *diff_summary(const struct diff *d)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (int c = 0; c < CHANGE_COUNT; c++) {
		size_t n = diff_count(d, (enum diff_change)c);

		if (n)
			buf_printf(&b, "%s%zu %s", b.len ? "; " : "", n,
				   change_title((enum diff_change)c));
	}
	return xstrdup(b.len ? buf_str(&b) : "nothing changed");
}

/* "regression", "not judged as before", "no regression". */
static const char *verdict_words(const struct diff *d)
{
	switch (diff_outcome(d)) {
	case OUT_FAIL:
		return "regression";
	case OUT_BROKEN:
		return "no regression seen, but not all of it was judged";
	default:
		return "no regression";
	}
}

/* ---- text ---- */

static void text_values(struct buf *b, const struct finding *f)
{
	if (f->from && f->to)
		buf_printf(b, ": %s -> %s", f->from, f->to);
	else if (f->from || f->to)
		buf_printf(b, ": %s%s", f->from ? "was " : "", f->from ? f->from : f->to);
}

static void text_finding(struct buf *b, const struct finding *f)
{
	_cleanup_buf_ struct buf line = { 0 };

	buf_printf(&line, "%s%s%s", f->part ? f->part : "", f->part ? ": " : "", f->what);
	text_values(&line, f);
	buf_puts(b, "  ");
	text_add(b, TEXT_LINE, buf_str(&line));
	if (f->why) {
		buf_puts(b, "\n      ");
		text_add(b, TEXT_LINE, f->why);
	}
	buf_puts(b, "\n");
}

static void text_notes(struct buf *b, const struct diff *d)
{
	for (size_t i = 0; i < d->notes.n; i++) {
		buf_puts(b, i ? "  " : "\nto be known\n  ");
		text_add(b, TEXT_LINE, d->notes.v[i]);
		buf_puts(b, "\n");
	}
}

void diff_text(const struct diff *d, struct buf *b)
{
	_cleanup_free_ char *summary = diff_summary(d);

	buf_printf(b, "from %s\nto   %s\n", d->a, d->b);
	for (size_t i = 0; i < d->n; i++) {
		if (!i || d->v[i].change != d->v[i - 1].change)
			buf_printf(b, "\n%s\n", change_title(d->v[i].change));
		text_finding(b, &d->v[i]);
	}
	text_notes(b, d);
	buf_printf(b, "\n%s: %s\n", verdict_words(d), summary);
}

/* ---- Markdown ---- */

/* As the text that it is, also in a table. */
static void add_escaped(struct buf *b, const char *text)
{
	_cleanup_free_ char *line = text_form(TEXT_LINE, text);

	for (const char *p = line; *p; p++) {
		if (*p == '<' || *p == '&')
			buf_puts(b, *p == '<' ? "&lt;" : "&amp;");
		else
			buf_printf(b, "%s%c", strchr("|\\`*_[]#@", *p) ? "\\" : "", *p);
	}
}

static void cell(struct buf *b, const char *text)
{
	buf_puts(b, " ");
	add_escaped(b, text);
	buf_puts(b, " |");
}

static void row(struct buf *b, const struct finding *f)
{
	_cleanup_free_ char *what =
		strf("%s%s%s", f->part ? f->part : "", f->part ? ": " : "", f->what);

	buf_puts(b, "|");
	cell(b, change_title(f->change));
	cell(b, what);
	cell(b, f->from);
	cell(b, f->to);
	cell(b, f->why);
	buf_puts(b, "\n");
}

static void heading(struct buf *b, const struct diff *d)
{
	_cleanup_free_ char *summary = diff_summary(d);

	buf_printf(b, "### nestlab: %s\n\n%s\n\n", verdict_words(d), summary);
	buf_puts(b, "| | from | to |\n|---|---|---|\n| run |");
	cell(b, d->a);
	cell(b, d->b);
	buf_puts(b, "\n");
}

void diff_markdown(const struct diff *d, struct buf *b)
{
	heading(b, d);
	if (d->n)
		buf_puts(b, "\n| change | what | from | to | why |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < d->n; i++)
		row(b, &d->v[i]);
	for (size_t i = 0; i < d->notes.n; i++) {
		buf_puts(b, i ? "- " : "\n- ");
		add_escaped(b, d->notes.v[i]);
		buf_puts(b, "\n");
	}
}

/* ---- a mail ---- */

/* What is in a header has no line's end in it: who names a test is not to write another header. */
void diff_mail(const struct diff *d, const char *to, struct buf *b)
{
	_cleanup_free_ char *summary = diff_summary(d), *whom = text_form(TEXT_LINE, to);

	buf_printf(b, "To: %s\nSubject: nestlab: %s\n", whom, summary);
	buf_puts(b, "MIME-Version: 1.0\nContent-Type: text/plain; "
		    "charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
		    "Auto-Submitted: auto-generated\n\n");
	diff_text(d, b);
	if (d->b_folder)
		buf_printf(b, "\nresults: %s\n", d->b_folder);
}
