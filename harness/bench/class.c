// SPDX-License-Identifier: GPL-2.0-only
/* A class: the reference handed in by each, with a line of his own. */
#include <string.h>

#include "bench/bench.h"
#include "bench/lines.h"
#include "core/outcome.h"
#include "core/paths.h"

#define SUBMISSIONS 4
#define PATCHES "kernel-patches/6.12/host"
#define DEADLINE_S 7200

static int copy_patches(const char *to)
{
	_cleanup_free_ char *from = path_in_root(PATCHES);
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(from, ".patch", &names) || !names.n)
		return fail(OUT_BROKEN, "there are no patches in %s", from);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *a = strf("%s/%s", from, names.v[i]);
		_cleanup_free_ char *b = strf("%s/%s", to, names.v[i]);

		if (file_copy(a, b, 0644))
			return fail(OUT_BROKEN, "can't copy %s to %s", a, b);
	}
	return 0;
}

static int hand_in(struct bench_run *r, const char *class)
{
	_cleanup_free_ char *dir = strf("%s/student-%u", class, r->numbers);
	unsigned int first;
	int ret;

	if (mkdir_p(dir))
		return fail(OUT_BROKEN, "can't make the folder %s", dir);
	ret = copy_patches(dir);
	return ret ? ret : lines_write(r, dir, 1, &first);
}

/* Each class is a new one: what was judged before is not judged again. */
static int grade_one(struct bench_run *r, const struct bench *b, struct samples *s)
{
	_cleanup_free_ char *class = strf("%s/class-%u", r->outside, r->numbers);
	_cleanup_free_ char *words = strf("%s SUBMISSIONS=%s", b->command, class);
	uint64_t start;
	int ret = 0;

	for (unsigned int i = 0; !ret && i < SUBMISSIONS; i++)
		ret = hand_in(r, class);
	start = now_ns();
	if (!ret)
		ret = bench_call(r, words, DEADLINE_S);
	if (!ret)
		samples_add(s, SUBMISSIONS * 3600e9 / (double)(now_ns() - start));
	return ret;
}

static int run_grade(struct bench_run *r, const struct bench *b)
{
	struct samples s = { 0 };
	int ret = 0;

	for (unsigned int n = bench_values(r, b); !ret && n; n--)
		ret = grade_one(r, b, &s);
	if (!ret)
		ret = bench_add_part(r, b, "two labs at once", "/hour", &s);
	samples_free(&s);
	return ret;
}

static const struct bench class[] = {
	{ .name = "submissions", .what = "submissions of cpuid-exits in an hour", .at_most = 3, .run = run_grade, .command = "grade ASSIGNMENT=cpuid-exits LANE=tcg-svm JOBS=2" },
};
BENCHES(class);
