// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "judge/judge.h"
#include "run/observer.h"
#include "run/program.h"
#include "run/suite.h"

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
	k->left = PROGRAM_OUTPUT_MAX;
	k->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static void sink_free(struct sink *k)
{
	close_p(&k->fd);
	output_free(&k->out);
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

struct execution {
	struct evidence e;
	struct sink sink;
	struct channel_status status;
};

static int run_program(struct run *r, const struct testcase *t, struct execution *x)
{
	const struct program p = {
		.run = r, .test = t, .on_output = on_output, .ctx = &x->sink
	};

	return program_run(&p, &x->status);
}

static int execute_loudly(struct run *r, const struct testcase *t, struct execution *x)
{
	x->e.l2_busy = lab_has_l2(r->lab) ? r->lab->plan->knobs.l2_cpus : 0;
	return run_program(r, t, x);
}

static int execute_quietly(struct run *r, const struct testcase *t, struct execution *x)
{
	int ret = level_suspend(&r->lab->levels[L2]);

	if (!ret)
		ret = run_program(r, t, x);
	/*
	 * After a failure the lab is brought up anew: an L1 that hangs was given another minute for
	 * this.
	 */
	return ret ? ret : level_resume(&r->lab->levels[L2]);
}

static bool is_quieted(const struct run *r, const struct testcase *t)
{
	return t->quiet && lab_has_l2(r->lab);
}

static int gather(struct run *r, const struct testcase *t, struct execution *x)
{
	const struct watch w = { .run = r, .test = t, .evidence = &x->e };
	int ret = observers_before(&w);

	observers_look(&w, false);
	if (!ret)
		ret = is_quieted(r, t) ? execute_quietly(r, t, x) : execute_loudly(r, t, x);
	observers_look(&w, true);
	ret = observers_after(&w, ret);
	output_end(&x->sink.out);
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

static void judge(struct run *r, const struct testcase *t, struct execution *x,
		  struct test_result *res)
{
	struct evidence *e = &x->e;

	e->obs = x->sink.out.obs;
	e->exit_code = x->status.exit_code;
	e->signal = x->status.signal;
	e->seconds = (double)(x->status.end_ns - x->status.start_ns) / 1e9;
	e->killed = !x->status.done;
	if (t->suite)
		suite_judge(r, t, &x->sink.out.text, e, res);
	else
		judge_test(t, e, res);
}

/*
 * A kernel's last words belong to the test that it died in, and to the run. Taken: the next life of
 * the level has none of them.
 */
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
		for (size_t i = 0; i < LAB_LEVELS; i++)
			take_crash_lines(r, &r->lab->levels[i], res);
		if (t->suite)
			suite_lost(r, t, res);
		observers_judge(r, t, res);
		return;
	}
	judge(r, t, x, res);
	add_rows(&x->e.trace, res);
	observers_judge(r, t, res);
	result_judge_test(res);
}

int execute_test(struct run *r, const struct testcase *t)
{
	struct test_result *res =
		result_add_test(r->result, t->name, testcase_group(t));
	struct execution x = { .e = { .assignment = run_assignment(r, t),
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
		ret = program_settle(r->lab);
	if (ret)
		ret = program_explain(program_level(r->lab, t), ret);
	res->seconds = (double)(now_ns() - start) / 1e9;
	finish(r, t, &x, ret, res);
	ui_stage_end("%s", outcome_name(res->verdict));
	observations_free(&x.e.baseline);
	trace_records_free(&x.e.trace);
	vmruns_free(&x.e.vmruns);
	sink_free(&x.sink);
	return ret;
}
