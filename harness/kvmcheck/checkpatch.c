// SPDX-License-Identifier: GPL-2.0-only
/* The base's own scripts/checkpatch.pl, which reads each patch from standard input. */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "kernel/sandbox.h"
#include "kernel/source.h"
#include "kvmcheck/kvmcheck.h"

#define DEADLINE_S 120
#define SCRIPT "scripts/checkpatch.pl"
#define OUTPUT "checkpatch.txt"
/* The last line of a script that came to its end. */
#define TOTAL "total: "

/* ---- what it says ---- */

struct counts {
	unsigned int errors, warnings;
	const char *first; /* error, or else warning */
	bool first_is_error, whole;
};

/* "-:12: ERROR:TRAILING_WHITESPACE: trailing whitespace" */
static void count_line(const char *line, struct counts *n)
{
	const char *error = strstr(line, ": ERROR:"), *other = strstr(line, ": WARNING:");

	n->whole |= str_starts(line, TOTAL);
	n->errors += error != NULL;
	n->warnings += !error && (other || strstr(line, ": CHECK:"));
	if (error && !n->first_is_error) {
		n->first = error + 2;
		n->first_is_error = true;
	} else if (other && !n->first) {
		n->first = other + 2;
	}
}

char *checkpatch_read(const char *output, int status, bool *wrong)
{
	_cleanup_strv_ struct strv lines = { 0 };
	struct counts n = { 0 };

	strv_split(&lines, output, "\n");
	for (size_t i = 0; i < lines.n; i++)
		count_line(lines.v[i], &n);
	*wrong = n.errors;
	if (status && !n.whole)
		return NULL;
	if (!n.first)
		return xstrdup("nothing to say");
	return strf("%u error%s, %u warning%s: %s", n.errors, n.errors == 1 ? "" : "s", n.warnings,
		    n.warnings == 1 ? "" : "s", n.first);
}

/* ---- asking it ---- */

static int ask(const char *src, const struct patch *p, struct buf *out)
{
	static const char *const args[] = { "perl", SCRIPT, "--root=.", "--terse", "--show-types",
					    "--color=never", "-", NULL };
	const struct sandbox s = { .src = src };
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc proc = { .what = SCRIPT,
			     .cwd = src,
			     .input = buf_str(&p->text),
			     .out = out,
			     .deadline_s = DEADLINE_S };

	sandbox_command(&s, sandbox_works(), args, &argv);
	proc.argv = argv.v;
	return proc_run(&proc);
}

static void keep_output(const struct kvm_check *c, const struct patch *p, const struct buf *out)
{
	_cleanup_free_ char *path = strf("%s/" OUTPUT, c->run.dir);
	FILE *f = fopen(path, "a");

	if (!f)
		return; /* what it said first is in the check */
	fprintf(f, "%s\n%s\n", patch_base_name(p), buf_str(out));
	fclose(f);
}

/* The sentence of its check; the caller owns it. */
static char *judge_output(int status, const struct buf *out, enum outcome *verdict)
{
	bool wrong;
	char *said = status < 0 ? NULL : checkpatch_read(buf_str(out), status, &wrong);

	*verdict = !said ? OUT_BROKEN : wrong ? OUT_FAIL : OUT_PASS;
	if (said)
		return said;
	return status < 0 ? xstrdup(fail_text())
			  : strf("it did not come to its end: exit code %d", status);
}

static int check_one(const struct kvm_check *c, const char *src, size_t number,
		     const struct patch *p, struct test_result *t)
{
	_cleanup_free_ char *name = strf("%zu: %s", number, patch_base_name(p)), *said = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	int status = ask(src, p, &out);
	enum outcome verdict;

	if (proc_interrupted())
		return fail(OUT_INTERRUPTED, "interrupted");
	said = judge_output(status, &out, &verdict);
	keep_output(c, p, &out);
	result_set_ref(result_add_check(t, name, verdict, "no error", said, NULL), OUTPUT, 0, 0);
	return 0;
}

static int check_all(const struct kvm_check *c, const char *src, struct test_result *t)
{
	const struct patches *ps = &c->plan.host.patches;
	int ret = 0;

	for (size_t i = 0; !ret && i < ps->n; i++)
		ret = check_one(c, src, i + 1, &ps->v[i], t);
	result_judge_test(t);
	return ret;
}

/* Why it can't be asked; NULL: it can. */
static char *why_not(const char *src)
{
	_cleanup_free_ char *script = strf("%s/" SCRIPT, src);

	if (!path_exists(script))
		return strf("the base's source has no " SCRIPT);
	return sandbox_has_program("perl") ? NULL : strf("perl is not installed: apt-get install perl");
}

int kvm_check_checkpatch(struct kvm_check *c)
{
	struct test_result *t = result_add_test(c->run.result, PART_CHECKPATCH, KVM_CHECK);
	struct source source = { 0 };
	uint64_t start = now_ns();
	int ret = source_resolve(&c->plan.kernel, &source);

	if (ret) {
		t->verdict = OUT_BROKEN;
		str_set(&t->reason, fail_text());
		ret = 0;
	} else {
		t->reason = why_not(source.dir);
		if (!t->reason)
			ret = check_all(c, source.dir, t);
	}
	source_free(&source);
	t->seconds = (double)(now_ns() - start) / 1e9;
	kvm_check_row(c->run.result, PART_CHECKPATCH);
	return ret;
}
