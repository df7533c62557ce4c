// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a reader of the cover letter wants to know: what was asked, of which CPU, who made that CPU,
 * and what nobody was asked.
 */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kvmcheck/kvmcheck.h"

#define COLUMNS 72
#define INDENT "  "

struct cover {
	const struct run_result *r;
	struct buf *b;
	unsigned int emulated, real; /* plans that were run on such a CPU */
};

/* ---- a list of sentences, as wide as a mail ---- */

static void add_wrapped(struct buf *b, const char *mark, const char *text)
{
	_cleanup_strv_ struct strv words = { 0 };
	size_t column = strlen(mark);

	strv_split(&words, text, " \n\t");
	buf_puts(b, mark);
	for (size_t i = 0; i < words.n; i++) {
		size_t n = strlen(words.v[i]);

		if (i && column + 1 + n > COLUMNS) {
			buf_puts(b, "\n" INDENT);
			column = strlen(INDENT);
		} else if (i) {
			buf_puts(b, " ");
			column++;
		}
		buf_puts(b, words.v[i]);
		column += n;
	}
	buf_puts(b, "\n");
}

/* ---- what a plan was ---- */

static const char *settings_of(const struct run_result *r, const char *part)
{
	_cleanup_free_ char *key = strf(PART_SETTINGS "%s", part);

	return result_manifest(r, key);
}

/* "LANE" of "SUITE=selftests LANE=tcg-svm"; "" where it is not said. The caller owns it. */
static char *value_of(const char *settings, const char *name)
{
	_cleanup_strv_ struct strv words = { 0 };
	size_t n = strlen(name);

	strv_split(&words, settings, " ");
	for (size_t i = 0; i < words.n; i++)
		if (!strncmp(words.v[i], name, n) && words.v[i][n] == '=')
			return xstrdup(words.v[i] + n + 1);
	return xstrdup("");
}

/* "selftests in lane tcg-svm (QEMU emulates an AMD host), nested paging off, kernel flavour debug" */
static char *describe(struct cover *c, const char *settings)
{
	_cleanup_free_ char *suite = value_of(settings, "SUITE"), *lane = value_of(settings, "LANE");
	_cleanup_free_ char *paging = value_of(settings, "NESTED_PAGING");
	_cleanup_free_ char *flavor = value_of(settings, "KERNEL_FLAVOR"), *tests = value_of(settings, "TESTS");
	_cleanup_free_ char *emulator = value_of(settings, PART_QEMU);
	_cleanup_buf_ struct buf b = { 0 };
	struct lane l = { 0 };

	buf_printf(&b, "%s in lane %s", *suite ? suite : "the lab's own tests", lane);
	if (!lane_load(lane, &l) && l.title)
		buf_printf(&b, " (%s%s%s)", l.title, *emulator ? ", version " : "", emulator);
	*(lane_emulates(&l) ? &c->emulated : &c->real) += 1;
	lane_free(&l);
	buf_printf(&b, ", nested paging %s", !strcmp(paging, "0") ? "off" : "on");
	if (*flavor && strcmp(flavor, "plain") != 0)
		buf_printf(&b, ", kernel flavour %s", flavor);
	if (*tests)
		buf_printf(&b, ", only %s", tests);
	return xstrdup(buf_str(&b));
}

/* ---- its parts ---- */

/* "same 312, REGRESSED 1" */
static char *lines_of(const struct test_result *t)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < t->n_measures; i++)
		if (str_starts(t->measures[i].name, LINES_MEASURE))
			buf_printf(&b, "%s%.0f %s", b.len ? ", " : "", t->measures[i].value,
				   t->measures[i].name + strlen(LINES_MEASURE));
	return xstrdup(buf_str(&b));
}

static bool was_run(const struct test_result *t)
{
	return t->verdict != OUT_SKIP && t->verdict != OUT_BROKEN;
}

/*
 * What and why, without the rest of a chain of reasons: it has this machine's paths, which are
 * nobody's business. The caller owns it.
 */
static char *tell_untested(const struct test_result *t)
{
	const char *reason = t->reason ? t->reason : "no reason told";
	const char *colon = strstr(reason, ": ");

	colon = colon ? strstr(colon + 2, ": ") : NULL;
	return strf("Not tested: %s: %.*s", t->name,
		    (int)(colon ? (size_t)(colon - reason) : strlen(reason)), reason);
}

static void add_plan(struct cover *c, const struct test_result *t, const char *settings)
{
	_cleanup_free_ char *what = NULL, *lines = lines_of(t), *text = NULL;

	if (!was_run(t)) {
		text = tell_untested(t);
	} else {
		what = describe(c, settings);
		text = strf("%s: %s; lines beside the same kernel without the series: %s", what,
			    outcome_name(t->verdict), *lines ? lines : "none to compare");
	}
	add_wrapped(c->b, "- ", text);
}

/* NULL: none. */
static const struct check_result *first_bad(const struct test_result *t, size_t *n)
{
	const struct check_result *first = NULL;

	*n = 0;
	for (size_t i = 0; i < t->n_checks; i++) {
		if (t->checks[i].verdict == OUT_PASS)
			continue;
		first = first ? first : &t->checks[i];
		*n += 1;
	}
	return first;
}

/* Of checkpatch and the builds, a check for each patch. */
static void add_own(struct cover *c, const struct test_result *t)
{
	bool builds = !strcmp(t->name, PART_BUILDS);
	const char *good = builds ? "each patch builds on those before it, with KVM_INTEL=m, KVM_AMD=m and KVM_WERROR=y"
				  : "no error in any patch";
	size_t n;
	const struct check_result *bad = first_bad(t, &n);
	_cleanup_free_ char *text = NULL;

	if (!t->n_checks || t->verdict == OUT_BROKEN)
		text = tell_untested(t);
	else if (bad)
		text = strf("%s: %s %zu of %zu patches, the first: %s: %.*s", t->name,
			    builds ? "NOT" : "errors in", n, t->n_checks, bad->name,
			    (int)strcspn(bad->observed, "\n;"), bad->observed);
	else
		text = strf("%s: %s", t->name, good);
	add_wrapped(c->b, "- ", text);
}

static void add_hardware(const struct cover *c)
{
	if (c->emulated && !c->real)
		add_wrapped(c->b, "", "All of it ran on emulated CPUs; no hardware's VMX or SVM has run the series.");
	else if (c->emulated)
		add_wrapped(c->b, "", "Lanes that name an emulator are no hardware.");
	else if (!c->real)
		add_wrapped(c->b, "", "The series was not run at all.");
}

int kvm_check_cover(const struct run_result *r, struct buf *b)
{
	struct cover c = { .r = r, .b = b };
	_cleanup_free_ char *head = NULL;

	if (!r->assignment || strcmp(r->assignment, KVM_CHECK) != 0)
		return fail(OUT_USAGE, "%s is no run of `nestlab kvm-check`: only that knows what a cover letter tells", r->run_id);
	if (!r->finished)
		return fail(OUT_USAGE, "%s was not finished: what is missing would read as tested", r->run_id);
	head = strf("Tested by nestlab on %s, %zu patch%s:", r->kernel, r->subject.n_patches,
		    r->subject.n_patches == 1 ? "" : "es");
	add_wrapped(b, "", head);
	buf_puts(b, "\n");
	for (size_t i = 0; i < r->n_tests; i++) {
		const char *settings = settings_of(r, r->tests[i].name);

		if (settings)
			add_plan(&c, &r->tests[i], settings);
		else
			add_own(&c, &r->tests[i]);
	}
	buf_puts(b, "\n");
	add_hardware(&c);
	return 0;
}
