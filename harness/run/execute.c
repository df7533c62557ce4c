// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "judge/judge.h"
#include "run/run.h"

#define KEPT_BYTES (16U << 20) /* of a program's output: a garbled one can go on for ever */

/* A program's output as it comes: parsed, and kept with the run as it is. */
struct sink {
	struct output out;
	int fd; /* output-TEST.txt; -1: not kept */
	size_t left;
};

static void sink_open(struct sink *k, const struct run *r, const struct testcase *t)
{
	_cleanup_free_ char *name = testcase_file("output", t->name);
	_cleanup_free_ char *path = strf("%s/%s", r->dir, name);

	output_init(&k->out);
	k->left = KEPT_BYTES;
	k->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static void sink_free(struct sink *k)
{
	close_p(&k->fd);
	output_free(&k->out);
}

static struct level *level_of(struct lab *lab, const struct testcase *t)
{
	return t->level == 1 ? &lab->l1 : &lab->l2;
}

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	struct sink *k = ctx;

	(void)s;
	output_feed(&k->out, level_ns, data, len);
	if (len > k->left)
		len = k->left;
	if (k->fd >= 0 && write(k->fd, data, len) < 0) /* the disk is full: the results will tell */
		close_p(&k->fd);
	k->left -= len;
}

static void make_argv(const struct level *l, const struct testcase *t, struct strv *argv)
{
	strv_addf(argv, "%s/%s", l->medium ? l->medium : "/tmp", t->program);
	for (const char *const *a = t->args; a && *a; a++)
		strv_add(argv, *a);
}

/* Several tests of one program follow one another: it is there already. */
static int push(struct run *r, struct level *l, const struct testcase *t, const char *remote)
{
	_cleanup_free_ char *relative = strf("build/guest/%s", t->program);
	_cleanup_free_ char *local = path_in_root(relative);
	int ret;

	if (l->medium)
		return 0; /* it has been there since the boot */
	if (r->program_there && !strcmp(r->program_there, t->program))
		return 0;
	ret = channel_put_file(l->channel, local, remote, 0755, level_ms(l, 10));
	r->program_there = ret ? NULL : t->program;
	return ret;
}

/* Once a lab: a restored one has none. */
static int place_monitor(struct run *r, struct level *l, struct strv *env)
{
	int ret = 0;

	if (!r->monitor_at)
		ret = level_place(l, r->monitor.path, MONITOR_IN_LEVEL, 0755, &r->monitor_at);
	if (!ret)
		monitor_env(&r->monitor, r->monitor_at, env);
	return ret;
}

/* status->done is false when it had to be killed. */
static int execute_program(struct run *r, const struct testcase *t, const struct assignment *a,
			   struct sink *sink, struct channel_status *status)
{
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct level *l = level_of(r->lab, t);
	struct channel_exec e = { .on_output = on_output, .ctx = sink };
	uint32_t id;
	int ret;

	make_argv(l, t, &argv);
	assignment_env(a, &env);
	strv_addf(&env, "NESTLAB_EFFORT=%u", r->lab->plan->knobs.effort);
	strv_addf(&env, "NESTLAB_SLOWDOWN=%u", r->lab->plan->lane.slowdown);
	e.argv = argv.v;
	ret = push(r, l, t, argv.v[0]);
	if (!ret && t->wants_monitor)
		ret = place_monitor(r, l, &env);
	e.env = env.v;
	if (!ret)
		ret = channel_start(l->channel, &e, status, &id);
	if (ret)
		return ret;
	ret = channel_wait(l->channel, id, status, level_ms(l, t->timeout_s * r->lab->plan->knobs.effort));
	channel_forget(l->channel, id);
	if (ret == -OUT_BROKEN && !proc_interrupted()) {
		_cleanup_free_ char *why = xstrdup(fail_text());

		/* Past its deadline in a level that still answers: the program's own matter. */
		status->done = false; /* by itself it was not: the kill may have been told by now */
		if (level_answers(l))
			return 0;
		ret = fail(OUT_BROKEN, "%s", why);
	}
	if (!ret && status->error)
		return fail(OUT_BROKEN, "can't run %s in %s: %s", argv.v[0], l->name,
			    strerror(status->error));
	return ret;
}

static int explain(struct level *l, int ret)
{
	_cleanup_free_ char *first = xstrdup(fail_text());
	const struct level *silent;
	int end;

	if (ret != -OUT_BROKEN || proc_interrupted())
		return ret;
	end = level_diagnose(l, l, &silent);
	if (end)
		return end;
	if (!silent)
		return fail(OUT_BROKEN, "%s", first);
	return fail(OUT_CRASH, "%s hangs: its agent does not answer any more (%s)", silent->name, first);
}

struct execution {
	struct evidence e;
	struct sink sink;
	struct channel_status status;
};

static int execute_loudly(struct run *r, const struct testcase *t, struct execution *x)
{
	x->e.l2_busy = lab_has_l2(r->lab) ? r->lab->plan->knobs.l2_cpus : 0;
	return execute_program(r, t, x->e.assignment, &x->sink, &x->status);
}

static int execute_quietly(struct run *r, const struct testcase *t, struct execution *x)
{
	int ret = level_suspend(&r->lab->l2);

	if (!ret)
		ret = execute_program(r, t, x->e.assignment, &x->sink, &x->status);
	/* After a failure the lab is brought up anew: an L1 that hangs was given another minute for this. */
	return ret ? ret : level_resume(&r->lab->l2);
}

static bool is_quieted(const struct run *r, const struct testcase *t)
{
	return t->quiet && lab_has_l2(r->lab);
}

static int gather(struct run *r, const struct testcase *t, struct execution *x)
{
	struct vmruns *v = &x->e.vmruns;
	bool asks = !t->wants_monitor; /* which is no change of KVM */
	int ret = t->wants_trace ? tracer_begin(r, t, x->e.assignment) : 0;

	counting_begin(r, v);
	if (!ret && asks)
		ret = oracles_read(r, false, &x->e.before);
	counting_look(r, v, &v->before[1]);
	if (!ret)
		ret = is_quieted(r, t) ? execute_quietly(r, t, x) : execute_loudly(r, t, x);
	counting_look(r, v, &v->after[0]);
	if (!ret && asks)
		ret = oracles_read(r, true, &x->e.after);
	counting_look(r, v, &v->after[1]);
	counting_end(r, t, v);
	if (!ret && t->wants_trace)
		ret = tracer_end(r, &x->e.trace);
	if (!ret)
		ret = findings_end(r);
	output_end(&x->sink.out);
	return ret;
}

/*
 * An oops that a test ended with, or that its deadline came just behind: not seen to its end yet, it was the next test's crash, and this
 * one's wrong answers.
 */
static int look_for_crash(struct run *r)
{
	struct level *l2 = &r->lab->l2;
	int ret = level_step(l2, 0);

	return !ret && (l2->console.crash || l2->carrier->console.crash) ? level_look_for_end(l2) : ret;
}

static void add_rows(const struct trace_records *trace, struct test_result *res)
{
	for (size_t i = 0; i < trace->n; i++) {
		const struct trace_record *rec = &trace->v[i];
		struct vcpu_row *row;

		if (!rec->has_vcpu_id || rec->vcpu_id < 0)
			continue;
		row = result_add_vcpu(res, (uint64_t)rec->vcpu_id);
		row->pid = (uint64_t)rec->pid;
		row->num_exits = rec->num_exits;
		for (unsigned int reg = 0; reg < VREG_COUNT; reg++)
			if (rec->have_regs & (1u << reg))
				result_add_reg(row, trace_reg_names[reg], rec->regs[reg]);
	}
}

static void judge(const struct testcase *t, struct execution *x, struct test_result *res)
{
	struct evidence *e = &x->e;

	e->obs = x->sink.out.obs;
	e->exit_code = x->status.exit_code;
	e->signal = x->status.signal;
	e->seconds = (double)(x->status.end_ns - x->status.start_ns) / 1e9;
	e->killed = !x->status.done;
	judge_test(t, e, res);
}

/* A kernel's last words belong to the test that it died in, and to the run. Taken: the next life of the level has none of them. */
static void take_crash_lines(struct run *r, struct level *l, struct test_result *res)
{
	struct strv *text = &l->console.crash_text;

	for (size_t i = 0; i < text->n; i++) {
		strv_add(&res->log, text->v[i]);
		strv_add(&r->result->console, text->v[i]);
	}
	strv_free(text);
}

static void finish(struct run *r, const struct testcase *t, struct execution *x, int ret,
		   struct test_result *res)
{
	for (size_t i = 0; i < x->sink.out.text.n; i++)
		strv_add(&res->log, x->sink.out.text.v[i]);
	if (ret) {
		res->verdict = (enum outcome)-ret;
		str_set(&res->reason, fail_text());
		take_crash_lines(r, &r->lab->l1, res);
		take_crash_lines(r, &r->lab->l2, res);
		findings_judge(r, res);
		return;
	}
	judge(t, x, res);
	add_rows(&x->e.trace, res);
	findings_judge(r, res);
	result_judge_test(res);
}

int execute_test(struct run *r, const struct testcase *t)
{
	struct test_result *res =
		result_add_test(r->result, t->name, t->assignment ? t->assignment : "lab");
	struct execution x = { .e = { .assignment = run_assignment(r, t->assignment),
				      .l2_cpus = r->lab->plan->knobs.l2_cpus,
				      .reasons = r->reasons,
				      .vendor_intel = r->lab->plan->lane.intel } };
	uint64_t start = now_ns();
	int ret;

	ui_stage_begin("%s", t->name);
	sink_open(&x.sink, r, t);
	ret = baseline_read(r, t, &x.e.baseline);
	if (!ret)
		ret = gather(r, t, &x);
	if (!ret)
		ret = look_for_crash(r);
	if (ret)
		ret = explain(level_of(r->lab, t), ret);
	res->seconds = (double)(now_ns() - start) / 1e9;
	finish(r, t, &x, ret, res);
	ui_stage_end("%s", outcome_name(res->verdict));
	observations_free(&x.e.baseline);
	trace_records_free(&x.e.trace);
	vmruns_free(&x.e.vmruns);
	sink_free(&x.sink);
	return ret;
}
