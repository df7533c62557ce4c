// SPDX-License-Identifier: GPL-2.0-only
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "grade/grade.h"
#include "report/text.h"

int grade_write_file(const char *dir, const char *name, const char *text, size_t len)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);
	int err = file_write(path, text, len, 0644);

	return err ? fail(OUT_BROKEN, "can't write %s: %s", path, strerror(-err)) : 0;
}

/* ---- for the student ---- */

/* One line, with nothing in it that markdown would take for markup's begin. */
static void put_line(struct buf *b, const char *text)
{
	for (; text && *text; text++) {
		if (strchr("`*_<>[]\\|#", *text))
			buf_puts(b, "\\");
		buf_add(b, *text == '\n' ? " " : text, 1);
	}
	buf_puts(b, "\n");
}

static void put_checks(struct buf *b, const struct test_result *t)
{
	for (size_t i = 0; i < t->n_checks; i++) {
		const struct check_result *c = &t->checks[i];

		if (c->verdict != OUT_FAIL)
			continue;
		buf_printf(b, "\n### %s: %s\n\n- expected: ", t->name, c->name);
		put_line(b, c->expected);
		buf_puts(b, "- observed: ");
		put_line(b, c->observed);
		if (c->evidence) {
			buf_puts(b, "- known from: ");
			put_line(b, c->evidence);
		}
		if (c->ref.file && c->ref.first)
			buf_printf(b, "- see: %s, lines %u to %u\n", c->ref.file, c->ref.first, c->ref.last);
		else if (c->ref.file)
			buf_printf(b, "- see: %s\n", c->ref.file);
	}
}

/* What a student may see now: not what is hidden, or shown after the due date. */
static bool is_shown(const struct rubric *r, const char *test, bool all)
{
	const struct rubric_test *t = rubric_find(r, test);

	return all || !t || t->visibility == VISIBLE;
}

/* Of what the points are made: each test's weight, and what it brought. */
static void put_weights(struct buf *b, const struct rubric *r, const struct run_result *result,
			bool all)
{
	buf_puts(b, "\n## Weights\n\n");
	for (size_t i = 0; i < r->n_tests; i++) {
		const struct rubric_test *rt = &r->tests[i];
		const struct test_result *t = result_find_test(result, rt->name);
		double share;

		if (!is_shown(r, rt->name, all))
			buf_printf(b, "- a test that is not shown%s: %.0f\n",
				   rt->visibility == AFTER_DUE_DATE ? " before the due date" : "", rt->weight);
		else if (t && rubric_share(r, t, &share))
			buf_printf(b, "- %s: %.1f of %.0f\n", rt->name, share * rt->weight, rt->weight);
		else
			buf_printf(b, "- %s: could not be asked here, and is no loss\n", rt->name);
	}
}

static int write_feedback(const struct rubric *r, const struct submission *s, const char *file,
			  bool all)
{
	const struct assignment *a = r->assignment;
	_cleanup_buf_ struct buf b = { 0 };

	buf_puts(&b, "# ");
	put_line(&b, a->title ? a->title : a->name);
	if (s->person)
		buf_puts(&b, "\nNot judged yet: a person looks at it.\n");
	else
		buf_printf(&b, "\n%.1f of %.0f points: %s\n", s->points, GRADE_MAX, s->verdict);
	if (s->days_late > 0)
		buf_printf(&b, "\n%.0f days late.\n", s->days_late);
	if (s->why) {
		buf_puts(&b, "\n");
		put_line(&b, s->why);
	}
	if (s->result && !s->person && s->result->n_tests)
		put_weights(&b, r, s->result, all);
	for (size_t i = 0; s->result && i < s->result->n_tests; i++)
		if (is_shown(r, s->result->tests[i].name, all))
			put_checks(&b, &s->result->tests[i]);
	return grade_write_file(s->dir, file, buf_str(&b), b.len);
}

static int write_notes(const struct submission *s)
{
	_cleanup_free_ char *path = text_form(TEXT_LINE, s->path);
	_cleanup_buf_ struct buf b = { 0 };

	buf_printf(&b, "submission: %s\nbase: %s\nconfidence: %s\n", path, s->base ? s->base : "none",
		   s->confidence ? s->confidence : "none");
	for (size_t i = 0; i < s->notes.n; i++)
		buf_printf(&b, "%s\n", s->notes.v[i]);
	return grade_write_file(s->dir, "intake.txt", buf_str(&b), b.len);
}

/* ---- Gradescope's results.json ---- */

static void add_test(json_t *tests, const struct rubric *r, const struct rubric_test *rt,
		     const struct test_result *t)
{
	_cleanup_buf_ struct buf text = { 0 };
	double share;

	if (!t || !rubric_share(r, t, &share))
		return;
	put_checks(&text, t);
	json_array_append_new(tests, json_pack("{s:s, s:f, s:f, s:s, s:s}", "name", t->name, "score", share * rt->weight,
					       "max_score", rt->weight, "output", buf_str(&text), "visibility",
					       visibility_names[rt->visibility]));
}

static int write_gradescope(const struct rubric *r, const struct submission *s)
{
	_cleanup_free_ char *dir = strf("%s/gradescope", s->dir), *path = strf("%s/results.json", dir);
	json_t *root = json_object(), *tests = json_array();
	int ret = 0;

	for (size_t i = 0; s->result && i < r->n_tests; i++)
		add_test(tests, r, &r->tests[i], result_find_test(s->result, r->tests[i].name));
	if (!s->person)
		json_object_set_new(root, "score", json_real(s->points));
	json_object_set_new(root, "output", json_string(s->why ? s->why : s->verdict));
	json_object_set_new(root, "tests", tests);
	if (mkdir_p(dir) || json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))
		ret = fail(OUT_BROKEN, "can't write %s", path);
	json_decref(root);
	return ret;
}

int grade_write(const struct rubric *r, const struct submission *s)
{
	int ret = write_feedback(r, s, "feedback.md", false);

	if (!ret)
		ret = write_feedback(r, s, "feedback-all.md", true);
	if (!ret)
		ret = write_notes(s);
	return ret ? ret : write_gradescope(r, s);
}
