// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "history/diff.h"
#include "verbs/verb.h"

#define LAST_MOST 100

static int verb_diff(int argc, char **argv);

static const struct verb diff_verb = {
	.name = "diff",
	.usage = "[--json | --markdown | --mail TO] [--last N] [A [B] | -]",
	.summary = "what changed from run or night A (default: last-good) to B (latest): exit code "
		   "1 for a regression",
	.order = 34,
	.codes = "1 something got worse from A to B",
	.run = verb_diff,
};
VERB(diff_verb);

enum form { AS_TEXT, AS_JSON, AS_MARKDOWN, AS_MAIL };

struct asked {
	enum form form;
	const char *to; /* the mail's */
	unsigned int last;
	const char *names[2];
	int n;
};

static int take_last(struct asked *q, const char *text)
{
	uint64_t n;

	if (!text || !parse_u64(text, &n) || n < DIFF_LEAST || n > LAST_MOST)
		return fail(OUT_USAGE, "nestlab diff --last: want a number of runs from %d to %d",
			    DIFF_LEAST, LAST_MOST);
	q->last = (unsigned int)n;
	return 0;
}

static int take_word(struct asked *q, const char *word)
{
	if (!strcmp(word, "--json"))
		q->form = AS_JSON;
	else if (!strcmp(word, "--markdown"))
		q->form = AS_MARKDOWN;
	else if (q->n == 2 || (word[0] == '-' && word[1]))
		return verb_usage(&diff_verb);
	else
		q->names[q->n++] = word;
	return 0;
}

static int take_mail(struct asked *q, const char *to)
{
	if (!to)
		return verb_usage(&diff_verb);
	q->form = AS_MAIL;
	q->to = to;
	return 0;
}

static int parse(int argc, char **argv, struct asked *q)
{
	int ret = 0;

	for (int i = 1; !ret && i < argc; i++)
		if (!strcmp(argv[i], "--last"))
			ret = take_last(q, argv[++i]);
		else if (!strcmp(argv[i], "--mail"))
			ret = take_mail(q, argv[++i]);
		else
			ret = take_word(q, argv[i]);
	return ret;
}

/* ---- making it ---- */

/* One that was written as JSON before: on_change = nestlab diff - --mail me | msmtp -t */
static int read_given(struct diff *d)
{
	_cleanup_buf_ struct buf b = { 0 };

	if (file_read("/dev/stdin", &b))
		return fail(OUT_USAGE, "can't read the difference from standard input");
	return diff_load(buf_str(&b), b.len, d);
}

/* B first: what the last good one is depends on it. */
static int compare(const struct history *h, const struct asked *q, struct diff *d)
{
	struct history_entry loaded[2] = { 0 };
	struct side a = { 0 }, b = { 0 };
	int ret = side_find(h, q->n > 1 ? q->names[1] : "latest", NULL, &loaded[1], &b);

	if (!ret)
		ret = side_find(h, q->n ? q->names[0] : LAST_GOOD, &b, &loaded[0], &a);
	if (!ret && side_is_night(&a) != side_is_night(&b))
		ret = fail(OUT_USAGE, "%s is a %s, %s a %s: name two runs, or two nights", a.title,
			   side_is_night(&a) ? "night" : "run", b.title,
			   side_is_night(&b) ? "night" : "run");
	if (!ret)
		diff_make(h, &a, &b, q->last, d);
	side_free(&a);
	side_free(&b);
	entry_free(&loaded[0]);
	entry_free(&loaded[1]);
	return ret;
}

static int make(const struct asked *q, struct diff *d)
{
	_cleanup_free_ char *path = history_path(), *told = NULL;
	struct history h;
	int ret = history_read(path, &h);

	told = history_told(&h, path);
	if (told)
		ui_note("%s", told);
	if (!ret)
		ret = compare(&h, q, d);
	history_free(&h);
	return ret;
}

static void print(const struct asked *q, const struct diff *d)
{
	_cleanup_free_ char *json = q->form == AS_JSON ? diff_json(d) : NULL;
	_cleanup_buf_ struct buf b = { 0 };

	if (q->form == AS_JSON)
		buf_printf(&b, "%s\n", json);
	else if (q->form == AS_MARKDOWN)
		diff_markdown(d, &b);
	else if (q->form == AS_MAIL)
		diff_mail(d, q->to, &b);
	else
		diff_text(d, &b);
	fputs(buf_str(&b), stdout);
}

static int verb_diff(int argc, char **argv)
{
	struct asked q = { .last = DIFF_LAST };
	struct diff d = { 0 };
	int ret = parse(argc, argv, &q);

	if (!ret)
		ret = q.n && !strcmp(q.names[0], "-") ? read_given(&d) : make(&q, &d);
	if (!ret) {
		print(&q, &d);
		/* A mail that could be made is no failure of the command that sends it. */
		ret = q.form == AS_MAIL ? 0 : outcome_exit_code(diff_outcome(&d));
	}
	diff_free(&d);
	return ret;
}
