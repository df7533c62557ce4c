// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "judge/checks.h"
#include "run/run.h"

#define AFTERMATH_MS 4000 /* how long a death may take to be told after a call failed */

static struct level *level_of(struct lab *lab, const struct testcase *t)
{
	return t->level == 1 ? &lab->l1 : &lab->l2;
}

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	(void)s;
	output_feed(ctx, level_ns, data, len);
}

static void make_argv(const struct level *l, const struct testcase *t, struct strv *argv)
{
	strv_addf(argv, "%s/%s", l->medium ? l->medium : "/tmp", t->program);
	for (const char *const *a = t->args; a && *a; a++)
		strv_add(argv, *a);
}

static int push(struct level *l, const struct testcase *t, const char *remote)
{
	_cleanup_free_ char *relative = strf("build/guest/%s", t->program);
	_cleanup_free_ char *local = path_in_root(relative);

	if (l->medium)
		return 0; /* it has been there since the boot */
	return channel_put_file(l->channel, local, remote, 0755, level_ms(l, 10));
}

int execute_program(struct lab *lab, const struct testcase *t, const struct assignment *a,
		    struct output *out, struct channel_status *status)
{
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct level *l = level_of(lab, t);
	struct channel_exec e = { .on_output = on_output, .ctx = out };
	uint32_t id;
	int ret;

	make_argv(l, t, &argv);
	assignment_env(a, &env);
	e.argv = argv.v;
	e.env = env.v;
	ret = push(l, t, argv.v[0]);
	if (!ret)
		ret = channel_start(l->channel, &e, status, &id);
	if (ret)
		return ret;
	ret = channel_wait(l->channel, id, status, level_ms(l, t->timeout_s));
	channel_forget(l->channel, id);
	if (ret == -OUT_BROKEN && !proc_interrupted()) {
		uint64_t ns;

		/* Past its deadline in a level that still answers: the program's own matter. */
		status->done = false; /* by itself it was not: the kill may have been told by now */
		if (!channel_time(l->channel, &ns, level_ms(l, 3)))
			return 0;
		ret = -OUT_BROKEN;
	}
	if (!ret && status->error)
		return fail(OUT_BROKEN, "can't run %s in %s: %s", argv.v[0], l->name,
			    strerror(status->error));
	return ret;
}

/* A call that failed may be the first sign of a kernel's death: give the console and libvirt time to tell it. */
static int explain(struct level *l, int ret)
{
	uint64_t deadline = now_ns() + AFTERMATH_MS * NSEC_PER_MSEC;
	_cleanup_free_ char *first = xstrdup(fail_text());
	uint64_t ns;
	int why = 0;

	if (ret != -OUT_BROKEN || proc_interrupted())
		return ret;
	while (!why && now_ns() < deadline)
		why = level_step(l, 50);
	if (why)
		return why;
	if (l->channel && !channel_time(l->channel, &ns, level_ms(l, 3)))
		return fail(OUT_BROKEN, "%s", first);
	return fail(OUT_CRASH, "%s hangs: its agent does not answer any more (%s)", l->name, first);
}

struct execution {
	struct evidence e;
	struct output out;
	struct channel_status status;
};

static int gather(struct run *r, const struct testcase *t, struct execution *x)
{
	struct lab *lab = r->lab;
	int ret = t->wants_trace ? tracer_begin(r, t, x->e.assignment) : 0;

	if (!ret)
		ret = oracles_read(lab, false, &x->e.before);
	if (!ret)
		ret = execute_program(lab, t, x->e.assignment, &x->out, &x->status);
	if (!ret)
		ret = oracles_read(lab, true, &x->e.after);
	if (!ret && t->wants_trace)
		ret = tracer_end(r, &x->e.trace);
	output_end(&x->out);
	return ret;
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

	e->obs = x->out.obs;
	e->exit_code = x->status.exit_code;
	e->signal = x->status.signal;
	e->seconds = (double)(x->status.end_ns - x->status.start_ns) / 1e9;
	if (x->status.done) {
		t->judge(e, res);
		return;
	}
	_cleanup_free_ char *within = strf("ends within %u s", t->timeout_s);

	check_that(res, "the program ends", false, within,
		   "still running at the deadline, killed; the level still answers",
		   "the agent's report");
}

static void finish(struct run *r, const struct testcase *t, struct execution *x, int ret,
		   struct test_result *res)
{
	for (size_t i = 0; i < x->out.text.n; i++)
		strv_add(&res->log, x->out.text.v[i]);
	if (ret) {
		res->verdict = (enum outcome)-ret;
		str_set(&res->reason, fail_text());
		return;
	}
	judge(t, x, res);
	add_rows(&x->e.trace, res);
	result_judge_test(res);
	(void)r;
}

int execute_test(struct run *r, const struct testcase *t)
{
	struct test_result *res =
		result_add_test(r->result, t->name, t->assignment ? t->assignment : "lab");
	struct execution x = { .e = { .assignment = run_assignment(r, t->assignment),
				      .l2_cpus = r->lab->set.l2_cpus,
				      .vendor_intel = r->lab->lane.intel } };
	uint64_t start = now_ns();
	int ret;

	ui_stage_begin("%s", t->name);
	output_init(&x.out);
	ret = baseline_read(r, t, &x.e.baseline);
	if (!ret)
		ret = gather(r, t, &x);
	if (ret)
		ret = explain(level_of(r->lab, t), ret);
	res->seconds = (double)(now_ns() - start) / 1e9;
	finish(r, t, &x, ret, res);
	ui_stage_end("%s", outcome_name(res->verdict));
	observations_free(&x.e.baseline);
	trace_records_free(&x.e.trace);
	output_free(&x.out);
	return ret;
}
