// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/compare.h"
#include "bench/table.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "lab/place.h"
#include "plan/knobs.h"
#include "run/rundir.h"
#include "verbs/verb.h"

#define GUIDE "config/guides/speed.md"
#define LATEST "bench" /* in the results: a link to the newest */
#define PLACE "bench"	       /* where nobody says another */
#define VALUES 5	       /* of each figure, where nobody says */
#define VALUES_MAX 1000

static int verb_bench(int argc, char **argv);

static const struct verb bench_verb = {
	.name = "bench",
	.usage = "[-n VALUES] [NAME...] | list | compare A B | table [FILE] | fill [FILE]",
	.summary = "measure how long things take, beside plain tools; two such files compared; as a table, here or in " GUIDE,
	.order = 43,
	.settings = "PLACE OUT",
	.codes = "1 of two files compared, something got slower",
	.labs = true,
	.run = verb_bench,
};
VERB(bench_verb);

static int load(const char *path, struct figures *f)
{
	_cleanup_free_ char *latest = strf("%s/" LATEST, path_results()), *within = NULL;

	path = path ? path : latest;
	within = path_is_folder(path) ? strf("%s/bench.json", path) : xstrdup(path);
	return figures_read(within, f);
}

/* ---- measuring ---- */

static int tell_one(void *ctx, const struct bench *b)
{
	(void)ctx;
	printf("%-18s %s%s\n", b->name, b->what, b->on_request ? " (only when named)" : "");
	return 0;
}

static char *new_folder(const struct knobs *k)
{
	_cleanup_free_ char *id = rundir_id(time(NULL));

	return k->out ? xstrdup(k->out) : strf("%s/%s-bench", path_results(), id);
}

static int print_file(const struct figures *f)
{
	_cleanup_buf_ struct buf out = { 0 };

	table_print(f, &out);
	fputs(buf_str(&out), stdout);
	return 0;
}

static int measure(const struct knobs *k, unsigned int values, const struct strv *names)
{
	bool anywhere = !strcmp(k->place, PLACE_AUTO);
	struct bench_run r = {
		.dir = new_folder(k), .place = anywhere ? PLACE : k->place, .values = values
	};
	int ret = bench_run(&r, names);

	if (r.figures.n) {
		rundir_point(r.dir, LATEST);
		print_file(&r.figures);
		printf("\nfigures: %s/bench.json\n", r.dir);
	}
	bench_run_free(&r);
	return ret;
}

static int measure_as_asked(int argc, char **argv)
{
	_cleanup_strv_ struct strv names = { 0 };
	uint64_t values = VALUES;
	bool counted = argc > 2 && !strcmp(argv[1], "-n");
	struct knobs k;
	int ret;

	if (counted && (!parse_u64(argv[2], &values) || !values || values > VALUES_MAX))
		return verb_usage(&bench_verb);
	for (int i = counted ? 3 : 1; i < argc; i++)
		strv_add(&names, argv[i]);
	ret = knobs_load(&k);
	if (!ret)
		ret = measure(&k, (unsigned int)values, &names);
	knobs_free(&k);
	return ret;
}

/* ---- files ---- */

static int compare(const char *a, const char *b)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct figures of_a = { 0 }, of_b = { 0 };
	int ret = load(a, &of_a);

	if (!ret)
		ret = load(b, &of_b);
	if (!ret)
		ret = compare_files(&of_a, &of_b, &out);
	fputs(buf_str(&out), stdout);
	if (ret >= 0)
		printf("verdict: %s (%d slower)\n", ret ? "slower" : "not slower", ret);
	figures_free(&of_a);
	figures_free(&of_b);
	return ret > 0 ? outcome_exit_code(OUT_FAIL) : ret;
}

static int fill(const struct figures *f)
{
	_cleanup_free_ char *path = path_in_root(GUIDE);
	_cleanup_buf_ struct buf guide = { 0 }, out = { 0 };
	int ret;

	if (file_read(path, &guide))
		return fail(OUT_USAGE, "can't read the guide %s", path);
	ret = table_fill(buf_str(&guide), f, &out);
	if (!ret && file_write(path, out.data, out.len, 0644))
		ret = fail(OUT_BROKEN, "can't write the guide %s", path);
	return ret ? ret : (printf("%s has the figures of %s now\n", GUIDE, f->day), 0);
}

static int with_file(const char *path, int (*use)(const struct figures *f))
{
	struct figures f;
	int ret = load(path, &f);

	if (!ret)
		ret = use(&f);
	figures_free(&f);
	return ret;
}

static int verb_bench(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "", *file = argc > 2 ? argv[2] : NULL;

	if (!strcmp(word, "list") && argc == 2)
		return bench_each(tell_one, NULL);
	if (!strcmp(word, "compare"))
		return argc == 4 ? compare(argv[2], argv[3]) : verb_usage(&bench_verb);
	if (!strcmp(word, "table") && argc <= 3)
		return with_file(file, print_file);
	if (!strcmp(word, "fill") && argc <= 3)
		return with_file(file, fill);
	return measure_as_asked(argc, argv);
}
