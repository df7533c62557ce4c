// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that look for what vCPUs do to each other, under schedules of L1's CPUs that no chance has a
 * part in: each seed is one (lab/closed.h). What fails under one of them fails, and the seed is
 * told: it fails again with it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "image/medium.h"
#include "judge/judge.h"
#include "lab/closed.h"
#include "run/program.h"
#include "run/run.h"

#define NONCE "closed" /* each run has a trace of its own */
#define SLACK_S 10 /* behind the program's deadline: it is told by the run's end as well */

/*
 * Around the program where its test wants L1's trace, which comes out of its error output. Not cat:
 * see tracer.c.
 */
static const char traced[] = "cd /sys/kernel/tracing && echo mono >trace_clock && echo 4096 >buffer_size_kb && "
			     "echo 1 >tracing_on && echo \"$1\" >trace_marker || exit 3\n"
			     "end=$2; shift 2; \"$@\" 2>&1; status=$?\n"
			     "echo \"$end\" >trace_marker; dd if=trace bs=64k >&2 2>/dev/null; exit $status";

/* One test under one seed. */
struct schedule {
	struct run *run;
	const struct testcase *test;
	struct lab_try try;
	struct output out;
	struct trace_stream *trace;
	struct buf text, trace_text; /* as they came */
	struct run_result *judged; /* of its own: one test */
};

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	struct schedule *d = ctx;

	if (s == CHANNEL_STDERR && d->test->wants_trace) {
		trace_stream_feed(d->trace, data, len);
		buf_add(&d->trace_text, data, len);
		return;
	}
	output_feed(&d->out, level_ns, data, len);
	buf_add(&d->text, data, len);
}

static void make_argv(const struct testcase *t, struct strv *argv)
{
	_cleanup_free_ char *begin = trace_marker(false, t->name, NONCE), *end = trace_marker(true, t->name, NONCE);

	if (t->wants_trace) {
		strv_add(argv, "/bin/sh");
		strv_add(argv, "-c");
		strv_add(argv, traced);
		strv_add(argv, "sh");
		strv_add(argv, begin);
		strv_add(argv, end);
	}
	strv_addf(argv, MEDIUM_DIR "/%s", t->program);
	for (const char *const *a = t->args; a && *a; a++)
		strv_add(argv, *a);
}

static int attempt(struct schedule *d, struct lab_closed *closed)
{
	const struct lab_schedules *s = d->run->lab->backend->schedules;
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct channel_exec e = { .on_output = on_output, .ctx = d };
	int ret;

	make_argv(d->test, &argv);
	program_env(d->run, d->test, NULL, &env);
	e.argv = argv.v;
	e.env = env.v;
	d->try.exec = &e;
	d->try.deadline_s = d->test->timeout_s * d->run->plan->knobs.effort + SLACK_S;
	ret = s->attempt(closed, &d->try);
	output_end(&d->out);
	if (!ret && d->try.status.error)
		return fail(OUT_BROKEN, "can't run %s in L1: %s", d->test->program, strerror(d->try.status.error));
	return ret;
}

static void judge(struct schedule *d)
{
	const struct channel_status *st = &d->try.status;
	struct run *r = d->run;
	struct evidence e = { .assignment = run_assignment(r, d->test),
			      .l2_cpus = r->plan->knobs.l2_cpus,
			      .reasons = r->reasons,
			      .vendor_intel = r->plan->lane.intel,
			      .obs = d->out.obs,
			      .exit_code = st->exit_code,
			      .signal = st->signal,
			      .seconds = (double)(st->end_ns - st->start_ns) / 1e9,
			      .killed = !st->done };
	struct test_result *t = result_add_test(d->judged, d->test->name, testcase_group(d->test));

	trace_take(d->trace, &e.trace);
	judge_test(d->test, &e, t);
	result_judge_test(t);
	trace_records_free(&e.trace);
}

static void begin_schedule(struct schedule *d, struct run *r, const struct testcase *t,
			   uint32_t seed)
{
	const struct assignment *a = run_assignment(r, t);

	*d = (struct schedule){ .run = r, .test = t, .try.seed = seed };
	output_init(&d->out);
	d->trace = trace_stream_new();
	trace_cut(d->trace, a ? a->trace : NULL, t->name, NONCE);
	d->judged = result_new("schedule");
}

static void end_schedule(struct schedule *d, bool keep)
{
	d->run->lab->backend->schedules->forget(&d->try, keep);
	output_free(&d->out);
	trace_stream_free(d->trace);
	buf_free(&d->text);
	buf_free(&d->trace_text);
	result_free(d->judged);
}

/* ---- what it says of the test ---- */

static char *keep_text(const struct schedule *d, const char *kind, const struct buf *text)
{
	char *name = testcase_file(kind, d->test->name);
	_cleanup_free_ char *path = strf("%s/%s", d->run->dir, name);

	if (file_write(path, text->data, text->len, 0666))
		ui_debug("can't write %s", path);
	return name;
}

static void take_check(const struct schedule *d, const struct check_result *from,
		       struct test_result *t, const char *const files[2])
{
	struct check_result *c = result_find_check(t, from->name);
	_cleanup_free_ char *observed = strf("with SEED=%u: %s", d->try.seed, from->observed);
	bool of_trace = from->ref.file && !strcmp(from->ref.file, "trace.txt");

	if (!c)
		c = result_add_check(t, from->name, from->verdict, from->expected, observed, from->evidence);
	c->verdict = from->verdict;
	c->preparatory = from->preparatory;
	str_set(&c->expected, from->expected);
	str_set(&c->observed, observed);
	str_set(&c->evidence, from->evidence);
	result_set_ref(c, files[of_trace], of_trace ? from->ref.first : 0, of_trace ? from->ref.last : 0);
}

/* The test's checks stay the same ones: each is as it was under the worst schedule. */
static void take_verdict(const struct schedule *d, struct test_result *t)
{
	const struct test_result *from = &d->judged->tests[0];
	_cleanup_free_ char *output = keep_text(d, "schedule", &d->text);
	_cleanup_free_ char *trace = d->test->wants_trace ? keep_text(d, "schedule-trace", &d->trace_text) : NULL;

	for (size_t i = 0; i < from->n_checks; i++)
		if (from->checks[i].verdict == OUT_FAIL || from->checks[i].verdict == OUT_BROKEN)
			take_check(d, &from->checks[i], t, (const char *const[]){ output, trace });
	result_judge_test(t);
}

/* ret: what L1 was lost by. */
static void take_loss(const struct schedule *d, int ret, struct test_result *t)
{
	_cleanup_free_ char *why = strf("with SEED=%u: %s", d->try.seed, fail_text());

	t->verdict = (enum outcome)-ret;
	str_set(&t->reason, why);
	for (size_t i = 0; i < d->try.last_words.n; i++) {
		strv_add(&t->log, d->try.last_words.v[i]);
		strv_add(&d->run->result->console, d->try.last_words.v[i]);
	}
}

/* ---- all seeds of a test ---- */

struct exploration {
	struct run *run;
	struct lab_closed *closed;
	uint32_t first, last; /* seeds */
};

static const struct testcase *find_test(const struct run *r, const char *name)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (!strcmp(r->tests[i]->name, name))
			return r->tests[i];
	return NULL;
}

/* What it was like under this one. *sums: "7 1234abcd". */
static enum outcome try_seed(const struct exploration *x, uint32_t seed, struct test_result *t,
			     struct buf *sums)
{
	struct schedule d;
	enum outcome v;
	int ret;

	begin_schedule(&d, x->run, find_test(x->run, t->name), seed);
	ret = attempt(&d, x->closed);
	if (!ret)
		judge(&d);
	v = ret ? (enum outcome)-ret : d.judged->tests[0].verdict;
	if (ret && ret != -OUT_INTERRUPTED)
		take_loss(&d, ret, t);
	else if (v == OUT_FAIL || v == OUT_BROKEN)
		take_verdict(&d, t);
	buf_printf(sums, "%s%u %08" PRIx32, sums->len ? ", " : "", seed, d.try.sum);
	end_schedule(&d, v != OUT_PASS || x->run->plan->knobs.keep);
	return v;
}

/* Until one does not hold. */
static void explore(const struct exploration *x, struct test_result *t)
{
	_cleanup_free_ char *key = strf("schedules of %s", t->name);
	_cleanup_buf_ struct buf sums = { 0 };
	enum outcome v = OUT_PASS;
	uint32_t n = 0;

	ui_stage_begin("%s, schedules", t->name);
	while (v == OUT_PASS && x->first + n <= x->last) {
		v = try_seed(x, x->first + n, t, &sums);
		ui_stage_progress(++n, x->last - x->first + 1, "schedules");
	}
	result_set_manifest(x->run->result, key, buf_str(&sums));
	if (v == OUT_PASS)
		ui_stage_end("%u hold", n);
	else
		ui_stage_end("SEED=%u: %s", x->first + n - 1, outcome_name(v));
}

int schedules_check(const struct run *r)
{
	uint32_t seed = r->plan->knobs.seed;

	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->races)
			return 0;
	return seed ? fail(OUT_USAGE, "SEED=%u: none of these tests looks for races, as cpuid-exits/kinds does", seed) : 0;
}

static bool is_explored(const struct run *r, const struct test_result *t)
{
	const struct testcase *tc = find_test(r, t->name);

	return tc && tc->races && (t->verdict == OUT_PASS || r->plan->knobs.seed);
}

static bool is_any_explored(const struct run *r)
{
	for (size_t i = 0; i < r->result->n_tests; i++)
		if (is_explored(r, &r->result->tests[i]))
			return true;
	return false;
}

/* Who asked for them has no verdict without them. */
static void tell_none(struct run *r, int ret)
{
	const struct knobs *k = &r->plan->knobs;
	bool asked = k->seed || knobs_source(k, "SEEDS") != KNOB_FROM_TABLE;

	if (ret == -OUT_SKIP || ret == -OUT_INTERRUPTED)
		return;
	ui_note("no schedules: %s", fail_text());
	result_set_manifest(r->result, "schedules", fail_text());
	for (size_t i = 0; asked && i < r->result->n_tests; i++)
		if (is_explored(r, &r->result->tests[i])) {
			r->result->tests[i].verdict = (enum outcome)-ret;
			str_set(&r->result->tests[i].reason, fail_text());
		}
}

void schedules_explore(struct run *r)
{
	const struct knobs *k = &r->plan->knobs;
	const struct lab_schedules *s = r->lab->backend->schedules;
	struct exploration x = { .run = r, .first = k->seed ? k->seed : 1, .last = k->seed ? k->seed : k->seeds };
	size_t n = r->result->n_tests;
	int ret;

	if (!s || x.last < x.first || !is_any_explored(r))
		return;
	lab_levels_down(r->lab);
	ret = s->begin(r->lab, &x.closed);
	if (ret)
		tell_none(r, ret);
	for (size_t i = 0; !ret && i < n && !proc_interrupted(); i++)
		if (is_explored(r, &r->result->tests[i]))
			explore(&x, &r->result->tests[i]);
	s->end(x.closed);
}
