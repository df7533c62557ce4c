// SPDX-License-Identifier: GPL-2.0-only
#include "night/told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "history/diff.h"
#include "history/page.h"
#include "report/report.h"

#define ON_CHANGE_S 120

void night_tell_part(const struct night_part *p, double seconds)
{
	_cleanup_buf_ struct buf by = { 0 }, missed = { 0 };
	const char *word = outcome_name(p->verdict);

	if (p->result && p->mutant)
		word = mutant_found(p->mutant, p->result, &by, &missed) ? "found" : "MISSED";
	printf("%-40s %7.1f s  %s%s%s\n", p->name, seconds, word, p->reason ? ": " : "",
	       p->reason ? p->reason : "");
	fflush(stdout);
}

void night_tell_end(const struct run_result *r, const char *dir)
{
	struct terminal_opts o = { .color = isatty(STDOUT_FILENO), .verbose = ui_verbose() };
	enum outcome v = result_verdict(r);

	report_terminal(r, &o, stdout);
	printf("nestlab: verdict=%s exit=%d results=%s\n", outcome_name(v), outcome_exit_code(v),
	       dir);
	fflush(stdout);
}

/* ---- the difference ---- */

static int write_text(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);
	int err = file_write(path, text, strlen(text), 0644);

	return err ? fail(OUT_BROKEN, "can't write %s: %s", path, strerror(-err)) : 0;
}

static int write_diff(const struct diff *d, const char *dir, const char *json)
{
	_cleanup_buf_ struct buf text = { 0 }, md = { 0 };
	int ret;

	diff_text(d, &text);
	diff_markdown(d, &md);
	printf("\n%s\n", buf_str(&text));
	ret = write_text(dir, "diff.txt", buf_str(&text));
	if (!ret)
		ret = write_text(dir, "diff.md", buf_str(&md));
	return ret ? ret : write_text(dir, "diff.json", json);
}

/* By a shell, in the checkout, so that it can call build/nestlab. */
static void notify(const char *on_change, const char *json, const char *dir)
{
	_cleanup_free_ char *log = strf("%s/on_change.log", dir);
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)on_change, NULL };
	struct proc p = { .what = "on_change",
			  .argv = argv,
			  .cwd = path_root(),
			  .input = json,
			  .log_path = log,
			  .deadline_s = ON_CHANGE_S };
	int ret = proc_run(&p);

	if (ret < 0)
		ui_note("on_change = %s: %s", on_change, fail_text());
	else if (ret)
		ui_note("on_change = %s ended with exit code %d: who was to be told was perhaps "
			"not",
			on_change, ret);
	fail_clear();
}

/* The last night of the same plans that came to its end; NULL: this is the first one. */
static const struct history_entry *night_before(const struct history *h,
						const struct history_entry *e)
{
	const struct history_entry *found = NULL;

	for (size_t i = 0; i < h->n && &h->v[i] != e; i++)
		if (!h->v[i].name && h->v[i].finished && h->v[i].plan && e->plan &&
		    !strcmp(h->v[i].plan, e->plan))
			found = &h->v[i];
	return found;
}

static int compare(const struct history *h, const char *a, const char *b, struct diff *d)
{
	struct history_entry loaded[2] = { 0 };
	struct side x = { 0 }, y = { 0 };
	int ret = side_find(h, b, NULL, &loaded[0], &y);

	if (!ret)
		ret = side_find(h, a, &y, &loaded[1], &x);
	if (!ret)
		diff_make(h, &x, &y, DIFF_LAST, d);
	side_free(&x);
	side_free(&y);
	return ret;
}

static int tell_diff(const struct history *h, const struct history_entry *before, const char *run,
		     const char *dir, const char *on_change)
{
	_cleanup_free_ char *json = NULL;
	struct diff d = { 0 };
	int ret = compare(h, before->run, run, &d);

	if (!ret) {
		json = diff_json(&d);
		ret = write_diff(&d, dir, json);
	}
	if (!ret && on_change && diff_has_news(&d))
		notify(on_change, json, dir);
	diff_free(&d);
	return ret;
}

static int write_page(const struct history *h, const char *path)
{
	const char *results = path_results();
	_cleanup_free_ char *told = history_told(h, path);
	_cleanup_buf_ struct buf b = { 0 };

	page_make(h, results, told, &b);
	return write_text(results, "index.html", buf_str(&b));
}

static const struct history_entry *find_own(const struct history *h, const char *run)
{
	for (size_t i = h->n; i > 0; i--)
		if (!strcmp(h->v[i - 1].run, run))
			return &h->v[i - 1];
	return NULL;
}

int night_tell_change(const struct run_result *r, const char *dir, const char *on_change)
{
	_cleanup_free_ char *path = history_path();
	const struct history_entry *own, *before;
	struct history h;
	int ret = history_read(path, &h);

	own = ret ? NULL : find_own(&h, r->run_id);
	before = own ? night_before(&h, own) : NULL;
	if (before)
		ret = tell_diff(&h, before, r->run_id, dir, on_change);
	else if (!ret)
		ui_note("no night of the same plans is in the history: there is nothing to compare "
			"this one with");
	if (!ret)
		ret = write_page(&h, path);
	history_free(&h);
	return ret;
}
