// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "history/page.h"
#include "report/text.h"
#include "verbs/verb.h"

#define SHOWN 20
#define COMMIT_SHOWN 12

static int verb_history(int argc, char **argv);

static const struct verb history_verb = {
	.name = "history",
	.usage = "[N]",
	.summary = "the last runs and nights, the newest last; and the page of all of them, "
		   "results/index.html",
	.order = 33,
	.run = verb_history,
};
VERB(history_verb);

static size_t count_failing(const struct history_entry *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_tests; i++)
		n += e->tests[i].verdict != OUT_PASS && e->tests[i].verdict != OUT_SKIP;
	return n;
}

static void print_entry(const struct history_entry *e)
{
	_cleanup_free_ char *subject =
		text_form(TEXT_LINE, e->subject ? e->subject : "nothing was judged");
	_cleanup_free_ char *seconds = text_seconds(e->seconds),
			    *run = text_form(TEXT_LINE, e->run);
	size_t failing = count_failing(e);

	printf("%-28s %-12s %4zu tests%s  %-12.*s %-10s %s  %s", run, outcome_name(e->verdict),
	       e->n_tests, e->finished ? "" : " (not finished)",
	       (int)(e->commit ? strcspn(e->commit, ",") < COMMIT_SHOWN ? strcspn(e->commit, ",")
									: COMMIT_SHOWN
			       : 1),
	       e->commit ? e->commit : "-", e->lane ? e->lane : "-", seconds, subject);
	if (failing)
		printf("  (%zu did not pass)", failing);
	putchar('\n');
}

static void print_last(const struct history *h, size_t most)
{
	size_t n = 0, from = h->n;

	while (from > 0 && n < most)
		n += !h->v[--from].name;
	for (size_t i = from; i < h->n; i++)
		if (!h->v[i].name)
			print_entry(&h->v[i]);
	if (!n)
		printf("no run has been kept yet: `nestlab test` makes one\n");
}

static int write_page(const struct history *h, const char *told)
{
	const char *results = path_results();
	_cleanup_free_ char *path = strf("%s/index.html", results);
	_cleanup_buf_ struct buf b = { 0 };
	int err;

	page_make(h, results, told, &b);
	err = file_write(path, b.data, b.len, 0644);
	if (err)
		return fail(OUT_BROKEN, "can't write the page %s: %s", path, strerror(-err));
	printf("page: %s\n", path);
	return 0;
}

static int show(size_t most)
{
	_cleanup_free_ char *path = history_path(), *told = NULL;
	struct history h;
	int ret = history_read(path, &h);

	told = history_told(&h, path);
	if (told)
		ui_note("%s", told);
	if (!ret) {
		print_last(&h, most);
		ret = write_page(&h, told);
	}
	history_free(&h);
	return ret;
}

static int verb_history(int argc, char **argv)
{
	uint64_t n = SHOWN;

	if (argc > 2 || (argc == 2 && (!parse_u64(argv[1], &n) || !n)))
		return verb_usage(&history_verb);
	return show((size_t)n);
}
