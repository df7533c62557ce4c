// SPDX-License-Identifier: GPL-2.0-only
/*
 * A class of submissions that are made by recipes, harness/tests/submissions/NAME.sh: shell
 * commands that fill an empty folder from the base's files, the reference's and a faulty one's. A
 * recipe's comments say what must come of it:
 *
 *   # expect: VERDICT    as class.csv has it
 *   # says: WORDS        that stand in its line there
 *   # outside: NAME      a file that must not come to be beside the submissions
 *   # sample             it is cheap, and make check has it, too
 */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/util.h"
#include "tests/check.h"

#define RECIPES "harness/tests/submissions"
/* A class of an age that is no base, by drift; lib is its members', course.conf its course's. */
#define OTHERS "harness/tests/another-age"
/* Programs, assignment kvm-api's. */
#define MONITORS "harness/tests/monitors"
#define GRADE LOGS "/grade"
#define GRADE_S 3600
#define VERB(folder, more) NESTLAB " grade SUBMISSIONS=" GRADE "/" folder "/class OUT=" GRADE "/" folder "/out " \
	"SAVE_LAB=0 " more
#define TWO_TESTS " TESTS='cpuid-exits/counters cpuid-exits/answer'"
#define OF_EXITS " ASSIGNMENT=cpuid-exits" TWO_TESTS

/*
 * base/, ref/ and fault/ hold the files that the reference changes, and no others; in 6.1/ the same
 * of another base; makefile/ has that of arch/x86/kvm. git is told that it is in no repository:
 * within one it would pass over what lies in an ignored folder.
 */
static const char prepare[] =
	"set -e; rm -rf " GRADE "; mkdir -p " GRADE "; cd " GRADE "; export GIT_CEILING_DIRECTORIES=$PWD; cd ../../..; top=$PWD; "
	"make() { src=$(" NESTLAB " source $1-unpatched); mkdir -p $2/base; cat kernel-patches/$1/host/*.patch >$2/reference.patch; cd $2; "
	"for f in $(sed -n 's,^+++ b/,,p' reference.patch | sort -u); do "
	"mkdir -p base/${f%/*}; cp \"$src/$f\" base/$f; done; "
	"cp -r base ref; git -C ref apply ../reference.patch; "
	"cp -r ref fault; git -C fault apply \"$top/testcases/mutants/edx-left.patch\"; cd \"$top\"; }; "
	"make 6.1 " GRADE "/6.1; make 6.12 " GRADE "; src=$(" NESTLAB " source 6.12-unpatched); cd " GRADE "; "
	"mkdir makefile; cp \"$src/arch/x86/kvm/Makefile\" makefile; "
	"diff -u base/arch/x86/kvm/cpuid.c ref/arch/x86/kvm/cpuid.c | sed 's,^\\(---\\|+++\\) [a-z]*/,\\1 a/,' >one.diff; "
	"mkdir -p age/arch/x86/kvm/svm age/arch/x86/kvm/vmx; "
	"for f in cpuid.c x86.c svm/svm.c vmx/vmx.c; do cp \"$src/arch/x86/kvm/$f\" age/arch/x86/kvm/$f; done; "
	"cd age/arch/x86/kvm; sh -e \"$top/" OTHERS "/drift\"";

struct recipe {
	char *name;
	char *expect, *says, *outside; /* NULL: nothing of that kind */
	bool sample;
};

/* One class: its recipes, and the folder below GRADE that has class/ and out/. */
struct corpus {
	const char *recipes, *folder;
	struct recipe *v;
	size_t n;
};

/* ---- recipes ---- */

/* What stands behind "# WORD: " on a line of its own; NULL: nothing. */
static char *comment(const char *text, const char *word)
{
	_cleanup_free_ char *mark = strf("\n# %s: ", word);
	const char *at = strstr(text, mark);

	at = at ? at + strlen(mark) : NULL;
	return at ? xstrndup(at, strcspn(at, "\n")) : NULL;
}

static bool read_recipe(const char *dir, const char *file, struct recipe *r)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, file);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(path, &text))
		return false;
	*r = (struct recipe){
		.name = xstrndup(file, strlen(file) - strlen(".sh")),
		.expect = comment(buf_str(&text), "expect"),
		.says = comment(buf_str(&text), "says"),
		.outside = comment(buf_str(&text), "outside"),
		.sample = strstr(buf_str(&text), "\n# sample\n"),
	};
	return r->expect;
}

static void free_recipe(struct recipe *r)
{
	free(r->name);
	free(r->expect);
	free(r->says);
	free(r->outside);
}

static bool follow_recipe(const struct corpus *c, const struct recipe *r)
{
	_cleanup_free_ char *name = strf("recipe %s", r->name);
	_cleanup_free_ char *command =
		strf("recipe=$PWD/%s/%s.sh; export grade=$PWD/" GRADE " to=$PWD/" GRADE "/%s/class/%s; "
		     "export monitors=$PWD/testcases patches=$grade/reference.patch age_lib=$PWD/" OTHERS "/lib; "
		     "mkdir -p \"$to\" && cd \"$to\" && exec sh -e \"$recipe\"",
		     c->recipes, r->name, c->folder, r->name);
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t start = now_ns();

	if (!check_shell(name, command, 60, &out))
		return true;
	check_failed(name, start, "the recipe ended with an error");
	return false;
}

/* ---- what came of it ---- */

/* Its line of class.csv; the caller owns it. NULL: it has none. */
static char *find_line(const char *csv, const char *name)
{
	_cleanup_free_ char *begin = strf("\n\"%s\",", name);
	const char *at = strstr(csv, begin);

	return at ? xstrndup(at + 1, strcspn(at + 1, "\n")) : NULL;
}

static char *find_fault(const struct corpus *c, const struct recipe *r, const char *csv)
{
	_cleanup_free_ char *line = find_line(csv, r->name);
	_cleanup_free_ char *begin = strf("\"%s\",\"%s\",", r->name, r->expect);
	_cleanup_free_ char *outside = strf(GRADE "/%s/class/%s", c->folder, r->outside ? r->outside : r->name);

	if (!line)
		return xstrdup("class.csv has no line of it");
	if (!str_starts(line, begin))
		return strf("expected '%s', observed %s", r->expect, line);
	if (r->says && !strstr(line, r->says))
		return strf("expected '%s' in %s", r->says, line);
	if (r->outside && path_exists(outside))
		return strf("%s was written", outside);
	return NULL;
}

static bool check_recipe(const struct corpus *c, const struct recipe *r, const char *csv)
{
	_cleanup_free_ char *name = strf("grade %s: %s", r->name, r->expect);
	_cleanup_free_ char *why = find_fault(c, r, csv);

	if (why)
		check_failed(name, now_ns(), why);
	else
		check_passed(name, now_ns());
	return !why;
}

/* ---- all ---- */

static bool read_corpus(bool sample, struct corpus *c)
{
	_cleanup_strv_ struct strv files = { 0 };

	if (dir_list(c->recipes, ".sh", &files))
		return false;
	c->v = xcalloc(files.n, sizeof(*c->v));
	for (size_t i = 0; i < files.n; i++) {
		struct recipe r = { 0 };

		if (!read_recipe(c->recipes, files.v[i], &r)) {
			check_failed(files.v[i], now_ns(), "the recipe does not say what is expected of it");
			free_recipe(&r);
			return false;
		}
		if (sample && !r.sample)
			free_recipe(&r);
		else
			c->v[c->n++] = r;
	}
	return true;
}

static bool make_class(const struct corpus *c)
{
	bool made = true;

	for (size_t i = 0; made && i < c->n; i++)
		made = follow_recipe(c, &c->v[i]);
	return made;
}

static bool compare(const struct corpus *c)
{
	_cleanup_free_ char *path = strf(GRADE "/%s/out/class.csv", c->folder);
	_cleanup_buf_ struct buf csv = { 0 };
	size_t as_expected = 0;

	if (file_read(path, &csv))
		return false;
	for (size_t i = 0; i < c->n; i++)
		as_expected += check_recipe(c, &c->v[i], buf_str(&csv));
	printf("%zu of %zu as expected\n", as_expected, c->n);
	return as_expected == c->n;
}

#define KILLED GRADE "/killed"

/* Two of the class again: killed when the first was judged, then only the other one is. */
static const char killed[] =
	"set -e; mkdir -p " KILLED "/class; cp -r " GRADE "/one/class/flat " GRADE "/one/class/patch " KILLED "/class; "
	VERB("killed", "JOBS=1" OF_EXITS) " >" KILLED "/first.txt 2>&1 & pid=$!; "
	"until grep -qs '\"finished\": true' " KILLED "/out/*/results.json; do kill -0 $pid; sleep 0.2; done; "
	"kill -KILL $pid; wait $pid || :; " VERB("killed", "JOBS=1" OF_EXITS) " | tee " KILLED "/second.txt; "
	"grep -q '^2 submissions, 1 judged before' " KILLED "/second.txt; "
	"for n in flat patch; do grep \"^\\\"$n\\\",\" " GRADE "/one/out/class.csv; done >" KILLED "/expected; "
	"tail -n +2 " KILLED "/out/class.csv | diff " KILLED "/expected -; "
	/* What another nestlab judged is judged again. */
	"sed -i 's/ .*/ another/' " KILLED "/out/flat/grade.key; "
	VERB("killed", "JOBS=1" OF_EXITS) " | grep '^2 submissions, 1 judged before'";

static bool check_killed(void)
{
	const struct one_case again = { "a class that was killed goes on where it stopped", killed, 0,
					{ "judged before" }, GRADE_S };

	return run_case(&again);
}

static bool grade_class(const struct one_case *run, struct corpus *c, bool sample)
{
	bool good = read_corpus(sample, c) && make_class(c) && run_case(run) && compare(c);

	for (size_t i = 0; i < c->n; i++)
		free_recipe(&c->v[i]);
	free(c->v);
	return good;
}

static bool prepared(void)
{
	const struct one_case begin = { "the files that the recipes take", prepare, 0, { NULL }, 120 };

	return run_case(&begin);
}

static bool grade_shapes(bool sample)
{
	const struct one_case run = { "a class is graded", VERB("one", OF_EXITS), 0, { "class.html" }, GRADE_S };
	struct corpus shapes = { .recipes = RECIPES, .folder = "one" };

	return prepared() && grade_class(&run, &shapes, sample);
}

static bool grade_another_age(void)
{
	const struct one_case run = { "a class of another age is graded", VERB("others", "ASSIGNMENT=" OTHERS "/course.conf" TWO_TESTS), 0,
				      { "25 submissions, 0 judged before" }, GRADE_S };
	struct corpus others = { .recipes = OTHERS, .folder = "others" };

	return grade_class(&run, &others, false);
}

static bool grade_monitors(bool sample)
{
	const struct one_case run = { "a class of monitors is graded", VERB("monitors", "ASSIGNMENT=kvm-api"), 0,
				      { "class.html" }, GRADE_S };
	struct corpus monitors = { .recipes = MONITORS, .folder = "monitors" };

	return grade_class(&run, &monitors, sample);
}

bool check_grade_sample(void)
{
	bool good = grade_shapes(true);

	return grade_monitors(true) && good;
}

bool check_grade(void)
{
	bool good = grade_shapes(false);

	good = check_killed() && good;
	good = grade_monitors(false) && good;
	return grade_another_age() && good;
}
