// SPDX-License-Identifier: GPL-2.0-only
#include "run/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "image/medium.h"
#include "judge/judge.h"
#include "run/program.h"

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
	_cleanup_free_ char *begin = trace_marker(false, t->name, NONCE);
	_cleanup_free_ char *end = trace_marker(true, t->name, NONCE);

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

static int start(struct schedule *d, struct lab_closed *closed)
{
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct channel_exec e = { .on_output = on_output, .ctx = d };

	make_argv(d->test, &argv);
	program_env(d->run, d->test, NULL, &env);
	e.argv = argv.v;
	e.env = env.v;
	d->try.exec = &e;
	d->try.deadline_s = d->test->timeout_s * d->run->plan->knobs.effort + SLACK_S;
	return d->run->lab->backend->schedules->start(closed, &d->try);
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

/* Of a kernel of a flavour each test tells what it reports (findings.c), of the live run alone. */
static bool warns(const struct schedule *d)
{
	return d->try.findings.n && !d->run->plan->kernel.flavor.name;
}

/* Of several that are under way one may be lost while another goes on. */
static void note_end(struct schedule *d, int ret)
{
	int error = d->try.status.error;

	output_end(&d->out);
	d->over = true;
	if (!ret && error)
		ret = fail(OUT_BROKEN, "can't run %s in L1: %s", d->test->program, strerror(error));
	if (!ret)
		judge(d);
	else
		str_set(&d->why, fail_text());
	d->verdict = ret ? (enum outcome)-ret : d->judged->tests[0].verdict;
	if (d->verdict == OUT_PASS && warns(d))
		d->verdict = OUT_FAIL;
}

struct schedule *schedule_start(struct run *r, struct lab_closed *closed, const struct testcase *t,
				uint32_t seed)
{
	const struct assignment *a = run_assignment(r, t);
	struct schedule *d = xcalloc(1, sizeof(*d));
	int ret;

	*d = (struct schedule){ .run = r, .test = t, .try.seed = seed };
	output_init(&d->out);
	d->trace = trace_stream_new();
	trace_cut(d->trace, a ? a->trace : NULL, t->name, NONCE);
	d->judged = result_new("schedule");
	ret = start(d, closed);
	if (ret)
		note_end(d, ret);
	return d;
}

bool schedule_step(struct schedule *d)
{
	int ret = d->over ? 0 : d->run->lab->backend->schedules->step(&d->try);

	if (ret)
		note_end(d, ret > 0 ? 0 : ret);
	return d->over;
}

void schedule_free(struct schedule *d, bool keep)
{
	d->run->lab->backend->schedules->forget(&d->try, keep);
	output_free(&d->out);
	trace_stream_free(d->trace);
	buf_free(&d->text);
	buf_free(&d->trace_text);
	result_free(d->judged);
	free(d->why);
	free(d);
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
		c = result_add_check(t, from->name, from->verdict, from->expected, observed,
				     from->evidence);
	c->verdict = from->verdict;
	c->preparatory = from->preparatory;
	str_set(&c->expected, from->expected);
	str_set(&c->observed, observed);
	str_set(&c->evidence, from->evidence);
	result_set_ref(c, files[of_trace], of_trace ? from->ref.first : 0,
		       of_trace ? from->ref.last : 0);
}

/* As any warning while tests ran: no check of the test's own, but of the run's. */
static void take_warnings(const struct schedule *d)
{
	struct test_result *t = result_find_test(d->run->result, "lab/kernel-logs");
	struct check_result *c = t ? result_find_check(t, "L1's kernel log") : NULL;
	const struct strv *found = &d->try.findings;
	_cleanup_free_ char *observed = strf("with SEED=%u, in %s: %zu, the first: %s", d->try.seed,
					     d->test->name, found->n, found->v[0]);

	if (!c || c->verdict != OUT_PASS)
		return;
	c->verdict = OUT_FAIL;
	str_set(&c->observed, observed);
	result_judge_test(t);
}

static void take_checks(const struct schedule *d, struct test_result *t)
{
	const struct test_result *from = &d->judged->tests[0];
	_cleanup_free_ char *output = keep_text(d, "schedule", &d->text);
	_cleanup_free_ char *trace =
		d->test->wants_trace ? keep_text(d, "schedule-trace", &d->trace_text) : NULL;

	for (size_t i = 0; i < from->n_checks; i++)
		if (from->checks[i].verdict == OUT_FAIL || from->checks[i].verdict == OUT_BROKEN)
			take_check(d, &from->checks[i], t, (const char *const[]){ output, trace });
	result_judge_test(t);
}

static void take_loss(const struct schedule *d, struct test_result *t)
{
	_cleanup_free_ char *why = strf("with SEED=%u: %s", d->try.seed, d->why);

	t->verdict = d->verdict;
	str_set(&t->reason, why);
	for (size_t i = 0; i < d->try.last_words.n; i++) {
		strv_add(&t->log, d->try.last_words.v[i]);
		strv_add(&d->run->result->console, d->try.last_words.v[i]);
	}
}

void schedule_tell(const struct schedule *d, struct test_result *t)
{
	if (d->verdict == OUT_INTERRUPTED)
		return;
	if (warns(d))
		take_warnings(d);
	if (d->why)
		take_loss(d, t);
	else if (d->verdict == OUT_FAIL || d->verdict == OUT_BROKEN)
		take_checks(d, t);
}
