// SPDX-License-Identifier: GPL-2.0-only
/*
 * results.json: the whole tree, by the tables below; results.schema.json says the same for other
 * programs. Who changes one changes the other, and RESULTS_FORMAT when old readers would misread
 * new files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/report.h"
#include "report/shape.h"
#include "report/text.h"

#define RESULTS_FORMAT 2
/* Ours are far below a megabyte; a bigger one is not ours, and would be held in memory several
 * times. */
#define RESULTS_MAX_BYTES (64L << 20)

#define CHECK_VERDICTS                                                                             \
	(OUTCOME_BIT(OUT_PASS) | OUTCOME_BIT(OUT_FAIL) | OUTCOME_BIT(OUT_SKIP) |                   \
	 OUTCOME_BIT(OUT_BROKEN))
#define VERDICTS (CHECK_VERDICTS | OUTCOME_BIT(OUT_BUILD_ERROR) | OUTCOME_BIT(OUT_CRASH))
#define RUN_VERDICTS                                                                               \
	(VERDICTS | OUTCOME_BIT(OUT_USAGE) | OUTCOME_BIT(OUT_UNUSABLE) | OUTCOME_BIT(OUT_BUSY) |   \
	 OUTCOME_BIT(OUT_INTERRUPTED))

/* Checks */

static int check_check(void *owner, const struct where *w)
{
	const struct check_result *c = owner;

	if (!c->expected && c->verdict != OUT_SKIP)
		return where_fail(w, "expected is null, which only a skipped check may say");
	return 0;
}

static int check_ref(void *owner, const struct where *w)
{
	if (result_ref_ok(owner))
		return 0;
	return where_fail(w, "file is no plain name, or the lines are in no order");
}

static const struct field ref_fields[] = {
	FIELD(struct evidence_ref, FIELD_STRING, file),
	FIELD(struct evidence_ref, FIELD_U32, first),
	FIELD(struct evidence_ref, FIELD_U32, last),
};
static const struct shape ref_shape = { SHAPE(struct evidence_ref, ref_fields),
					.check = check_ref };

static bool has_no_ref(const void *owner)
{
	return !((const struct check_result *)owner)->ref.file;
}

static bool is_no_preparation(const void *owner)
{
	return !((const struct check_result *)owner)->preparatory;
}

static const struct field check_fields[] = {
	FIELD(struct check_result, FIELD_STRING, name),
	FIELD_VERDICT(struct check_result, verdict, CHECK_VERDICTS),
	FIELD(struct check_result, FIELD_STRING0, expected),
	FIELD(struct check_result, FIELD_STRING, observed),
	FIELD(struct check_result, FIELD_STRING0, evidence),
	{ .key = "reference",
	  .type = FIELD_OBJECT,
	  .offset = offsetof(struct check_result, ref),
	  .item = &ref_shape,
	  .absent = has_no_ref },
	{ .key = "preparatory",
	  .type = FIELD_BOOL,
	  .offset = offsetof(struct check_result, preparatory),
	  .absent = is_no_preparation },
};
static const struct shape check_shape = { SHAPE(struct check_result, check_fields),
					  .check = check_check };

/* vCPUs */

static json_t *save_regs(const void *owner)
{
	const struct vcpu_row *row = owner;
	json_t *o = json_object();

	for (size_t i = 0; i < row->n_regs; i++)
		json_object_set_new(o, row->regs[i].name, shape_hex(row->regs[i].value));
	return o;
}

static int load_regs(void *owner, const json_t *value, const struct where *w)
{
	struct vcpu_row *row = owner;
	const char *name;
	json_t *hex;

	if (!json_is_object(value))
		return where_fail(w, "expected an object of registers");
	json_object_foreach((json_t *)value, name, hex)
	{
		const struct where at = { .up = w, .key = name };
		uint64_t n;
		int err = shape_load_hex(&n, hex, &at);

		if (err)
			return err;
		if (!result_add_reg(row, name, n))
			return where_fail(w, "\"%s\" is no register's name, or one too many", name);
	}
	return 0;
}

static const struct field vcpu_fields[] = {
	FIELD(struct vcpu_row, FIELD_U64, vcpu_id),
	FIELD(struct vcpu_row, FIELD_U64, pid),
	FIELD(struct vcpu_row, FIELD_U64, num_exits),
	{ .key = "regs", .type = FIELD_HOOK, .save = save_regs, .load = load_regs },
};
static const struct shape vcpu_shape = { SHAPE(struct vcpu_row, vcpu_fields) };

/* Measures */

static const struct field measure_fields[] = {
	FIELD(struct measure, FIELD_STRING, name),
	FIELD(struct measure, FIELD_STRING, unit),
	FIELD(struct measure, FIELD_NUMBER, value),
};
const struct shape report_measure_shape = { SHAPE(struct measure, measure_fields) };

/* Who looks one up by its name finds the one. */
static int check_measures(const struct measure *m, size_t n, const struct where *w)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(m[i].name, m[k].name))
				return where_fail(w, "measures[%zu].name is that of measures[%zu]",
						  i, k);
	return 0;
}

/* Tests */

/* Somebody may have turned a "fail" into a "pass" in one place only. */
static int check_test(void *owner, const struct where *w)
{
	const struct test_result *t = owner;
	size_t passed = 0;

	for (size_t i = 0; i < t->n_checks && t->verdict == OUT_PASS; i++) {
		enum outcome o = t->checks[i].verdict;

		passed += o == OUT_PASS && !t->checks[i].preparatory;
		if (o != OUT_PASS && o != OUT_SKIP)
			return where_fail(w, "verdict is \"pass\", but checks[%zu] says \"%s\"", i,
					  outcome_name(o));
	}
	if (t->verdict == OUT_PASS && !passed)
		return where_fail(w, "verdict is \"pass\", but no check passed that judges");
	return check_measures(t->measures, t->n_measures, w);
}

static bool is_asked_for(const void *owner)
{
	return !((const struct test_result *)owner)->preparatory;
}

static bool has_one_try(const void *owner)
{
	return !((const struct test_result *)owner)->retried;
}

static const struct field test_fields[] = {
	FIELD(struct test_result, FIELD_STRING, name),
	FIELD(struct test_result, FIELD_STRING, assignment),
	FIELD_VERDICT(struct test_result, verdict, VERDICTS),
	FIELD(struct test_result, FIELD_STRING0, reason),
	FIELD(struct test_result, FIELD_SECONDS, seconds),
	FIELD_ITEMS(struct test_result, checks, &check_shape),
	FIELD_ITEMS(struct test_result, vcpus, &vcpu_shape),
	FIELD_ITEMS(struct test_result, measures, &report_measure_shape),
	FIELD(struct test_result, FIELD_LINES, log),
	{ .key = "preparatory",
	  .type = FIELD_BOOL,
	  .offset = offsetof(struct test_result, preparatory),
	  .absent = is_asked_for },
	{ .key = "retried",
	  .type = FIELD_STRING,
	  .offset = offsetof(struct test_result, retried),
	  .absent = has_one_try },
};
static const struct shape test_shape = { SHAPE(struct test_result, test_fields),
					 .check = check_test };

/* The subject */

static const struct field patch_fields[] = {
	FIELD(struct subject_patch, FIELD_STRING, role),
	FIELD(struct subject_patch, FIELD_STRING, file),
	FIELD(struct subject_patch, FIELD_STRING0, subject),
	FIELD(struct subject_patch, FIELD_STRING0, author),
	FIELD(struct subject_patch, FIELD_U32, files),
	FIELD(struct subject_patch, FIELD_U32, added),
	FIELD(struct subject_patch, FIELD_U32, removed),
	FIELD(struct subject_patch, FIELD_STRING0, sha256),
};
static const struct shape patch_shape = { SHAPE(struct subject_patch, patch_fields) };

static const struct field subject_fields[] = {
	FIELD(struct subject, FIELD_STRING, what),
	FIELD_ITEMS(struct subject, patches, &patch_shape),
	FIELD(struct subject, FIELD_STRING0, monitor),
	FIELD(struct subject, FIELD_STRING0, hash),
};
static const struct shape subject_shape = { SHAPE(struct subject, subject_fields) };

static json_t *save_subject(const void *owner)
{
	const struct subject *s = &((const struct run_result *)owner)->subject;

	return s->what ? shape_save(&subject_shape, s) : json_null();
}

static int load_subject(void *owner, const json_t *value, const struct where *w)
{
	struct run_result *r = owner;

	return json_is_null(value) ? 0 : shape_load(&subject_shape, &r->subject, value, w);
}

/* Small ones of the run */

static const struct field sample_fields[] = {
	FIELD(struct exit_sample, FIELD_SECONDS, seconds),
	FIELD(struct exit_sample, FIELD_U64, exits),
};
static const struct shape sample_shape = { SHAPE(struct exit_sample, sample_fields) };

static const struct field summary_fields[] = {
	FIELD(struct result_summary, FIELD_U32, passed),
	FIELD(struct result_summary, FIELD_U32, failed),
	FIELD(struct result_summary, FIELD_U32, skipped),
	FIELD(struct result_summary, FIELD_U32, broken),
};
static const struct shape summary_shape = { SHAPE(struct result_summary, summary_fields) };

static const struct field stage_fields[] = {
	FIELD(struct stage, FIELD_STRING, name),
	FIELD(struct stage, FIELD_STRING, what),
	FIELD(struct stage, FIELD_SECONDS, seconds),
};
const struct shape report_stage_shape = { SHAPE(struct stage, stage_fields) };

static json_t *save_format(const void *owner)
{
	(void)owner;
	return json_integer(RESULTS_FORMAT);
}

static int load_format(void *owner, const json_t *value, const struct where *w)
{
	(void)owner;
	if (!json_is_integer(value) || json_integer_value(value) != RESULTS_FORMAT)
		return where_fail(w, "this program reads format %d only", RESULTS_FORMAT);
	return 0;
}

/* An object rather than pairs: the keys are unique, and other programs look them up. */
static json_t *save_manifest(const void *owner)
{
	const struct run_result *r = owner;
	json_t *o = json_object();

	for (size_t i = 0; i < r->n_manifest; i++) {
		_cleanup_free_ char *key = text_form(TEXT_UTF8, r->manifest[i].key);

		json_object_set_new(o, key, shape_string(r->manifest[i].value));
	}
	return o;
}

static int load_manifest(void *owner, const json_t *value, const struct where *w)
{
	const char *key;
	json_t *text;

	if (!json_is_object(value))
		return where_fail(w, "expected an object of strings");
	json_object_foreach((json_t *)value, key, text)
	{
		const struct where at = { .up = w, .key = key };

		if (!json_is_string(text))
			return where_fail(&at, "expected a string");
		result_set_manifest(owner, key, json_string_value(text));
	}
	return 0;
}

/* The run */

static int check_verdict_fits(const struct run_result *r, const struct where *w)
{
	bool judged =
		r->verdict != OUT_USAGE && r->verdict != OUT_UNUSABLE && r->verdict != OUT_BUSY;

	if (!judged && r->n_tests)
		return where_fail(w, "verdict is \"%s\", but there are tests", outcome_name(r->verdict));
	if (result_verdict(r) != r->verdict)
		return where_fail(w, "verdict is \"%s\", but the run was not finished",
				  outcome_name(r->verdict));
	if (r->verdict == OUT_PASS && result_tests_verdict(r) != OUT_PASS)
		return where_fail(w, "verdict is \"pass\", but the tests together say \"%s\"",
				  outcome_name(result_tests_verdict(r)));
	return 0;
}

static int check_times(const struct run_result *r, const struct where *w)
{
	for (size_t i = 1; i < r->n_boot_exits; i++)
		if (r->boot_exits[i].seconds < r->boot_exits[i - 1].seconds)
			return where_fail(
				w, "boot_exits[%zu].seconds is before the sample before it", i);
	return 0;
}

static int check_run(void *owner, const struct where *w)
{
	const struct run_result *r = owner;
	struct result_summary n = result_count(r);

	if (memcmp(&n, &r->summary, sizeof(n)) != 0)
		return where_fail(w,
				  "summary does not agree with the checks: they are %u passed, %u "
				  "failed, %u skipped, %u broken",
				  n.passed, n.failed, n.skipped, n.broken);
	if (check_verdict_fits(r, w) || check_times(r, w))
		return -(int)OUT_USAGE;
	return check_measures(r->measures, r->n_measures, w);
}

static const struct field run_fields[] = {
	{ .key = "format", .type = FIELD_HOOK, .save = save_format, .load = load_format },
	FIELD(struct run_result, FIELD_STRING, run_id),
	FIELD(struct run_result, FIELD_BOOL, finished),
	FIELD_VERDICT(struct run_result, verdict, RUN_VERDICTS),
	FIELD(struct run_result, FIELD_STRING0, reason),
	{ .key = "subject", .type = FIELD_HOOK, .save = save_subject, .load = load_subject },
	FIELD(struct run_result, FIELD_STRING0, lane),
	FIELD(struct run_result, FIELD_STRING0, lane_reason),
	FIELD(struct run_result, FIELD_STRING0, kernel),
	FIELD(struct run_result, FIELD_STRING0, kernel_flavor),
	FIELD(struct run_result, FIELD_STRING0, assignment),
	FIELD(struct run_result, FIELD_STRING0, started),
	FIELD(struct run_result, FIELD_SECONDS, seconds),
	{ .key = "summary",
	  .type = FIELD_OBJECT,
	  .offset = offsetof(struct run_result, summary),
	  .item = &summary_shape },
	FIELD_ITEMS(struct run_result, tests, &test_shape),
	FIELD(struct run_result, FIELD_U64, exits_per_boot),
	FIELD(struct run_result, FIELD_SECONDS, boot_seconds),
	FIELD_ITEMS(struct run_result, boot_exits, &sample_shape),
	FIELD(struct run_result, FIELD_LINES, console),
	{ .key = "manifest", .type = FIELD_HOOK, .save = save_manifest, .load = load_manifest },
	FIELD_ITEMS(struct run_result, stages, &report_stage_shape),
	FIELD_ITEMS(struct run_result, measures, &report_measure_shape),
};
static const struct shape run_shape = { SHAPE(struct run_result, run_fields), .check = check_run };

/* Files */

static int write_json(json_t *j, const char *path)
{
	/* 15 digits are what a double surely holds: 0.1 is written as 0.1, and read back as the
	 * same. */
	char *text = json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	_cleanup_buf_ struct buf b = { 0 };
	int err;

	json_decref(j);
	if (!text)
		return fail(OUT_BROKEN, "cannot write %s: the results make no valid JSON", path);
	buf_printf(&b, "%s\n", text);
	free(text);
	err = file_write(path, b.data, b.len, 0644);
	if (err)
		return fail(OUT_BROKEN, "cannot write %s: %s", path, strerror(-err));
	return 0;
}

int report_json(const struct run_result *r, const char *path)
{
	struct run_result as_told = *r;

	/* Never what a run hoped for while it was going on: a killed one must not read as a pass.
	 */
	as_told.verdict = result_verdict(r);
	as_told.summary = result_count(r);
	return write_json(shape_save(&run_shape, &as_told), path);
}

int report_manifest(const struct run_result *r, const char *path)
{
	json_t *o = json_object();

	json_object_set_new(o, "run_id", shape_string(r->run_id));
	json_object_set_new(o, "started", shape_string(r->started));
	json_object_set_new(o, "lane", shape_string(r->lane));
	json_object_set_new(o, "kernel", shape_string(r->kernel));
	json_object_set_new(o, "kernel_flavor", shape_string(r->kernel_flavor));
	json_object_set_new(o, "assignment", shape_string(r->assignment));
	json_object_set_new(o, "manifest", save_manifest(r));
	return write_json(o, path);
}

static json_t *parse(const char *path, const struct buf *text)
{
	json_error_t e;
	json_t *j = json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, &e);

	if (!j) {
		_cleanup_free_ char *why = text_form(TEXT_LINE, e.text);

		fail(OUT_USAGE, "%s:%d: this is no JSON that nestlab wrote: %s", path, e.line, why);
	}
	return j;
}

static int read_bounded(const char *path, struct buf *text)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return st.st_size > RESULTS_MAX_BYTES ? -EFBIG : file_read(path, text);
}

static json_t *read_json(const char *path)
{
	_cleanup_buf_ struct buf text = { 0 };
	int err = read_bounded(path, &text);

	if (err == -ENOENT) {
		fail(OUT_USAGE, "there is no %s: name a run's folder that holds one", path);
		return NULL;
	}
	if (err) {
		fail(OUT_USAGE, "cannot read %s: %s", path, strerror(-err));
		return NULL;
	}
	return parse(path, &text);
}

struct run_result *report_load(const char *path)
{
	const struct where file = { .key = path };
	json_t *j = read_json(path);
	struct run_result *r;
	int err;

	if (!j)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	err = shape_load(&run_shape, r, j, &file);
	json_decref(j);
	if (!err)
		return r;
	result_free(r);
	return NULL;
}
