// SPDX-License-Identifier: GPL-2.0-only
#include "run/crash.h"
#include "run/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "evidence/oracle.h"
#include "evidence/reasons.h"
#include "kernel/handlers.h"
#include "replay/record.h"
#include "report/report.h"
#include "run/suite.h"

/* Of a restored L2 those of the boot that it was saved from. */
static void measure_boot(struct run *r)
{
	const char *hist = r->lab->boot.reasons;
	struct oracle o = { 0 };

	if (!hist || !oracle_parse_reasons(hist, &o))
		return;
	for (size_t i = 0; i < o.n_reasons; i++) {
		_cleanup_free_ char *reason =
			reason_text(r->lab->plan->lane.intel, o.reasons[i].reason);
		_cleanup_free_ char *name = strf(BOOT_MEASURE "%s", reason);

		result_add_run_measure(r->result, name, "exits", (double)o.reasons[i].exits);
	}
}

static void copy_boot(struct run *r)
{
	const struct boot_record *b = &r->lab->boot;

	for (size_t i = 0; i < b->n; i++)
		result_add_exit_sample(r->result, b->samples[i].seconds, b->samples[i].exits);
	r->result->exits_per_boot = b->exits;
	r->result->boot_seconds = b->seconds;
	measure_boot(r);
}

/* "debug", "guest-debug (guest)", or both. */
static void describe_flavors(struct run_result *res, const struct kernel_conf *k)
{
	const char *host = k->flavor.name, *guest = k->guest_flavor.name;
	_cleanup_free_ char *both =
		guest ? strf("%s%s%s (guest)", host ? host : "", host ? ", " : "", guest) : NULL;

	str_set(&res->kernel_flavor, guest ? both : host);
}

/* What is judged, and by what: known before anything is started. */
static void describe(struct run *r)
{
	const struct plan *p = r->plan;

	str_set(&r->result->lane, p->lane.name);
	str_set(&r->result->lane_reason, p->lane.reason);
	str_set(&r->result->kernel, p->kernel.name);
	describe_flavors(r->result, &p->kernel);
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static void describe_change(struct run_result *res, const char *role, const struct change *c)
{
	for (size_t i = 0; i < c->patches.n; i++) {
		const struct patch *p = &c->patches.v[i];
		const struct subject_patch told = {
			.role = (char *)role,
			.file = (char *)patch_base_name(p),
			.subject = (char *)or_null(p->subject),
			.author = (char *)or_null(p->author),
			.files = (unsigned int)p->n_files,
			.added = (unsigned int)p->added,
			.removed = (unsigned int)p->removed,
			.sha256 = (char *)p->sha256,
		};

		result_add_patch(res, &told);
	}
}

void run_describe_subject(struct run_result *res, const struct plan *p)
{
	result_set_subject_what(res, plan_has_change(p) ? "a change" : plan_without_change(p));
	describe_change(res, "host", &p->host);
	describe_change(res, "guest", &p->guest);
	if (p->knobs.monitor)
		result_set_subject_monitor(res, p->knobs.monitor);
	result_set_subject_hash(res, p->hash);
}

static void describe_tests(struct run *r)
{
	_cleanup_buf_ struct buf names = { 0 };

	if (r->plan->suite)
		buf_puts(&names, r->plan->suite->name);
	for (size_t i = 0; i < r->n_assignments; i++)
		buf_printf(&names, "%s%s", i ? "," : "", r->assignments[i]->name);
	str_set(&r->result->assignment, buf_str(&names));
}

/* The first lines of a run. */
static void tell(const struct run *r)
{
	const struct plan *p = r->plan;
	_cleanup_free_ char *subject = plan_subject(p), *env = knobs_of_environment(&p->knobs);

	ui_note("judging %s on kernel %s in lane %s (%s)", subject, p->kernel.name, p->lane.name, p->lane.reason);
	if (env)
		ui_note("from the environment: %s", env);
	for (size_t i = 0; i < p->host.patches.notes.n; i++)
		ui_note("%s", p->host.patches.notes.v[i]);
	for (size_t i = 0; i < p->guest.patches.notes.n; i++)
		ui_note("%s", p->guest.patches.notes.v[i]);
	if (p->blind)
		ui_note("%s", p->blind);
}

/* Of the module that L1 loads; none when the change has renamed its table. */
static void read_handlers(struct run *r)
{
	const char *vendor = r->lab->plan->lane.intel ? "/kvm-intel.ko" : "/kvm-amd.ko";

	for (size_t i = 0; i < r->lab->host.modules.n; i++)
		if (str_ends(r->lab->host.modules.v[i], vendor))
			handlers_read(r->lab->host.modules.v[i], &r->reasons);
}

static int prepare_monitor(struct run *r)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		const struct testcase *t = r->tests[i];

		if (t->wants_monitor)
			return monitor_prepare(r->lab->plan->knobs.monitor,
					       run_assignment(r, t), &r->monitor);
	}
	return 0;
}

static int prepare(struct run *r)
{
	struct lab *lab = r->lab;
	int ret = prepare_monitor(r);

	lab->monitor = r->monitor.path;
	if (!ret)
		ret = lab_prepare(lab);
	if (!ret)
		ret = hosts_prepare(r);
	if (!ret)
		ret = baseline_prepare(r);
	if (!ret && r->suite)
		ret = suite_prepare(r);
	return ret;
}

/* The one whose kernel checks itself; 0: none, or both. */
static unsigned int flavored_level(const struct kernel_conf *k)
{
	if (!k->flavor.name == !k->guest_flavor.name)
		return 0;
	return k->flavor.name ? 1 : 2;
}

static int select_any(struct run *r)
{
	const struct knobs *k = &r->plan->knobs;

	if (r->plan->suite)
		return suite_select(r);
	return select_tests(r, &k->tests, k->assignment, flavored_level(&r->plan->kernel));
}

static void add_crash_lines(struct run *r, const struct level *l)
{
	for (size_t i = 0; i < l->console.crash_text.n; i++)
		strv_add(&r->result->console, l->console.crash_text.v[i]);
}

/*
 * A change under which L2 does not come up: what is asked in L1 alone says what else there is to
 * it. ret: what lab_up() said. 0: L1 is up again, without an L2.
 */
static int up_without_l2(struct run *r, int ret)
{
	struct lab *lab = r->lab;
	_cleanup_free_ char *why = ret ? xstrdup(fail_text()) : NULL;

	if (ret != -OUT_CRASH || lab->without_l2 || lab->levels[L1].console.crash ||
	    !select_needs_l1_alone(r))
		return ret;
	ui_note("%s; what needs no L2 is asked without", why);
	add_crash_lines(r, &lab->levels[L2]);
	lab->without_l2 = true;
	ret = lab_up_again(lab);
	if (ret)
		return proc_interrupted() ? ret : fail(OUT_CRASH, "%s", why);
	r->no_l2 = why;
	why = NULL;
	return 0;
}

static int go(struct run *r)
{
	struct lab *lab = r->lab;
	int ret = select_any(r);

	if (!ret)
		ret = schedules_check(r);
	if (ret)
		return ret;
	describe_tests(r);
	ret = lab_open(lab, r->plan, "test");
	if (ret)
		return ret;
	lab->without_l2 = !select_needs_l2(r);
	if (r->suite)
		suite_for_lab(r, &lab->suite);
	ret = prepare(r);
	if (!ret)
		ret = up_without_l2(r, lab_up(lab, r->dir, false));
	if (ret)
		return ret;
	copy_boot(r);
	read_handlers(r);
	ret = execute_tests(r);
	if (r->suite)
		suite_tell(r);
	return ret;
}

/* asked: what making the plan said. */
static int go_as_asked(struct run *r, int asked)
{
	int ret = asked;

	if (ret)
		return ret;
	describe(r);
	run_describe_subject(r->result, r->plan);
	tell(r);
	ret = plan_save(r->plan, r->dir);
	return ret ? ret : go(r);
}

/* What ended the run early, in the result's words. */
static void take_failure(struct run *r, int ret)
{
	struct run_result *res = r->result;

	res->verdict = (enum outcome)-ret;
	str_set(&res->reason, r->why ? r->why : fail_text());
	for (size_t i = 0; i < LAB_LEVELS; i++)
		add_crash_lines(r, &r->lab->levels[i]);
}

/* Of the kernel or the monitor that was refused; the folder may have one of an earlier run. */
static void keep_build_log(const struct run *r)
{
	const char *const logs[] = { r->lab->host.log, r->lab->guest.log, r->monitor.log };
	const char *log = NULL;
	_cleanup_free_ char *to = strf("%s/" REPORT_BUILD_LOG, r->dir);

	for (size_t i = 0; i < ARRAY_SIZE(logs) && !log; i++)
		log = logs[i];
	unlink(to);
	if (log && file_copy(log, to, 0644))
		ui_note("the build's log %s can't be copied to %s", log, to);
}

static void add_stages(struct run *r)
{
	unsigned int n;
	const struct ui_stage *s = ui_stages(&n);

	for (unsigned int i = 0; i < n; i++)
		result_add_stage(r->result, s[i].name, s[i].word, s[i].seconds);
}

/* Of a run that never got to judge, the sentence is all there is. */
static bool is_sentence(enum outcome o)
{
	return o == OUT_USAGE || o == OUT_UNUSABLE || o == OUT_BUSY;
}

static void show(const struct run *r)
{
	_cleanup_free_ char *page = strf("%s/report.html", r->dir);
	struct terminal_opts o = terminal_opts_for(STDOUT_FILENO, ui_verbose());
	enum outcome v = result_verdict(r->result);

	o.page = page;
	ui_stage_abort();
	if (is_sentence(v))
		fprintf(stderr, "nestlab: %s\n", r->result->reason);
	else
		report_terminal(r->result, &o, stdout);
	fflush(stdout);
}

static void free_run(struct run *r)
{
	hosts_close(r);
	suite_close(r);
	for (size_t i = 0; i < r->n_assignments; i++)
		assignment_free(r->assignments[i]);
	free(r->assignments);
	monitor_free(&r->monitor);
	placed_forget(&r->placed);
	free(r->tests);
	free(r->no_l2);
	free(r->why);
}

static void count_gone(void *ctx, const struct cache_kind *k, const char *name, uint64_t bytes)
{
	(void)k;
	(void)name;
	(void)bytes;
	++*(size_t *)ctx;
}

/* To look at all of it takes seconds: only for those who want to know, when it has grown. */
static void hold_cache(const struct knobs *k)
{
	size_t n = 0;
	uint64_t room;

	if (knobs_source(k, "CACHE_MB") == KNOB_FROM_TABLE || !cache_has_made())
		return;
	room = cache_collect((uint64_t)k->cache_mb << 20, false, count_gone, &n);
	if (n)
		ui_note("%zu entries of the cache are gone, %" PRIu64 " MiB (CACHE_MB=%u)", n, room >> 20, k->cache_mb);
}

static void make_room(const struct knobs *k)
{
	rundir_prune(k);
	hold_cache(k);
}

/* Nobody asks again how it came that a run passed. */
static void settle_record(const struct run *r)
{
	enum outcome v = result_verdict(r->result);

	if (is_sentence(v) || (v == OUT_PASS && !r->plan->knobs.keep))
		record_drop(r->dir);
	else if (record_exists(r->dir))
		ui_note("`build/nestlab replay %s` runs it again, bit for bit", r->dir);
}

/* Before a change is blamed. */
static void look_back(struct run *r)
{
	enum outcome v = result_verdict(r->result);

	if ((v != OUT_FAIL && v != OUT_CRASH) || !hosts_check_parts(r))
		return;
	r->result->verdict = OUT_BROKEN;
	str_set(&r->result->reason, fail_text());
}

/* The result says how it went. */
static int conclude(struct run *r, struct rundir *d, int ret, uint64_t start)
{
	int err;

	r->result->verdict = OUT_PASS;
	str_set(&r->result->reason, NULL);
	if (ret)
		take_failure(r, ret);
	if (r->lab->plan)
		manifest_fill(r);
	add_stages(r);
	keep_build_log(r);
	r->result->seconds = (double)(now_ns() - start) / 1e9;
	rundir_finish(d, ret);
	look_back(r);
	if (r->lab->plan)
		crash_tell(r);
	/* Not merely wrong. */
	if (r->plan->blind && !r->result->reason && r->result->verdict == OUT_FAIL)
		str_set(&r->result->reason, r->plan->blind);
	err = report_all(r->result, r->dir);
	show(r); /* before the lab is ended: nobody waits for that */
	settle_record(r);
	lab_close(r->lab, false);
	if (!is_sentence(result_verdict(r->result)))
		make_room(&r->plan->knobs);
	return err ? err : rundir_tell(d);
}

int run_plan(const struct plan *plan, int asked, struct rundir *d)
{
	struct lab lab = { .place.lock = -1 };
	struct run r = { .plan = plan, .lab = &lab, .result = d->result, .dir = d->dir };
	uint64_t start = now_ns();
	int ret = conclude(&r, d, go_as_asked(&r, asked), start);

	free_run(&r);
	return ret;
}
