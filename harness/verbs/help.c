// SPDX-License-Identifier: GPL-2.0-only
/* What there is, from the tables of verbs, settings and outcomes. */
#include <stdlib.h>
#include <string.h>

#include "core/paths.h"
#include "core/util.h"
#include "verbs/verb.h"

#define COLUMNS 100
#define NAME_COLUMN 24
#define CODE_COLUMN 7

static int verb_help(int argc, char **argv);

static const struct verb help_verb = {
	.name = "help",
	.usage = "[VERB]",
	.summary = "this list; or of one verb its settings and its exit codes",
	.order = 50,
	.run = verb_help,
};
VERB(help_verb);

/* Words that start in this column; what goes over the edge goes on below the first. */
static void put_words(FILE *f, size_t column, const char *text)
{
	size_t at = column;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > column && at + 1 + n > COLUMNS) {
			fprintf(f, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', f);
			at++;
		}
		fwrite(text, 1, n, f);
		at += n;
		text += n + (text[n] == ' ');
	}
	fputc('\n', f);
}

/* A name that reaches into the second column has a line of its own. */
static void put_row(FILE *f, size_t column, const char *name, const char *text)
{
	if (strlen(name) + 3 > column)
		fprintf(f, "  %s\n%*s", name, (int)column, "");
	else
		fprintf(f, "  %-*s", (int)column - 2, name);
	put_words(f, column, text);
}

static void put_setting(FILE *f, const struct knob_told *k)
{
	_cleanup_free_ char *range = knobs_range(k), *text = strf("%s%s", k->help, range);

	put_row(f, NAME_COLUMN, k->name, text);
}

static void put_settings(FILE *f, const char *settings)
{
	struct knob_told k;

	for (size_t i = 0; knobs_nth(i, &k); i++)
		if (knobs_heeds(settings, &k))
			put_setting(f, &k);
}

static void put_common_settings(FILE *f)
{
	struct knob_told k;

	fputs("\nSettings of every verb:\n\n", f);
	for (size_t i = 0; knobs_nth(i, &k); i++)
		if (knobs_everywhere(&k))
			put_setting(f, &k);
}

void help_all(FILE *f)
{
	const struct verb *v;
	struct knob_told k;

	fputs("usage: nestlab VERB [ARGUMENT...] [NAME=VALUE...]\n\n", f);
	for (size_t i = 0; (v = verb_nth(i)); i++) {
		_cleanup_free_ char *head = strf("%s %s", v->name, v->usage);

		put_row(f, NAME_COLUMN, str_strip(head), v->summary);
	}
	fprintf(f, "\nSettings, as NAME=VALUE behind the verb, in the environment, or in %s\n"
		"(`nestlab help VERB`: those that a verb heeds, and its exit codes):\n\n", path_conf_told());
	for (size_t i = 0; knobs_nth(i, &k); i++)
		put_setting(f, &k);
}

/* "CODE MEANING" */
static int by_code(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return atoi(x) != atoi(y) ? atoi(x) - atoi(y) : strcmp(x, y);
}

static bool has_code(const struct strv *rows, int code)
{
	_cleanup_free_ char *word = strf("%d ", code);

	for (size_t i = 0; i < rows->n; i++)
		if (str_starts(rows->v[i], word))
			return true;
	return false;
}

void help_codes(const struct verb *v, struct strv *rows)
{
	_cleanup_strv_ struct strv own = { 0 };

	strv_split(&own, v->codes ? v->codes : "", "\n");
	for (size_t i = 0; i < own.n; i++)
		strv_add(rows, own.v[i]);
	for (enum outcome o = 0; o < OUT_COUNT; o++)
		if (verb_ends(v, o) && !has_code(&own, outcome_exit_code(o)))
			strv_addf(rows, "%d %s", outcome_exit_code(o), outcome_meaning(o));
	qsort(rows->v, rows->n, sizeof(*rows->v), by_code);
}

static void put_codes(FILE *f, const struct verb *v)
{
	_cleanup_strv_ struct strv rows = { 0 };

	fputs("\nExit codes:\n\n", f);
	help_codes(v, &rows);
	for (size_t i = 0; i < rows.n; i++) {
		size_t n = strcspn(rows.v[i], " ");
		_cleanup_free_ char *code = xstrndup(rows.v[i], n);

		put_row(f, CODE_COLUMN, code, rows.v[i] + n + 1);
	}
}

void help_of(const struct verb *v, FILE *f)
{
	_cleanup_free_ char *head = strf("usage: nestlab %s %s", v->name, v->usage);

	fprintf(f, "%s\n\n", str_strip(head));
	put_words(f, 0, v->summary);
	if (v->settings) {
		fprintf(f, "\nSettings, as NAME=VALUE behind it, in the environment, or in %s:\n\n", path_conf_told());
		put_settings(f, v->settings);
	}
	put_common_settings(f);
	put_codes(f, v);
}

static int verb_help(int argc, char **argv)
{
	const struct verb *v = argc == 2 ? verb_find(argv[1]) : NULL;

	if (argc > 2)
		return verb_usage(&help_verb);
	if (argc == 2 && !v)
		return verb_unknown(argv[1]);
	if (v)
		help_of(v, stdout);
	else
		help_all(stdout);
	return 0;
}
