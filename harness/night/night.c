// SPDX-License-Identifier: GPL-2.0-only
#include "night/night.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/lock.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "history/diff.h"
#include "night/state.h"
#include "night/told.h"
#include "report/report.h"
#include "run/identity.h"
#include "run/pool.h"
#include "run/rundir.h"

/* With less than that left nothing is begun. */
#define LEAST_S 30
#define RESULT "results.json"

struct night {
	const char *path;
	struct night_conf conf;
	struct night_items items;
	struct knobs knobs;
	struct night_part *parts;
	size_t n;
	struct pool pool;
	struct run_result *result;
	struct night_state state;
	struct history_mark mark;
	char *dir;
	char hash[HASH_HEX_LEN + 1];
	uint64_t start;	    /* of this process's share */
	double used_before; /* seconds, by those that were killed */
	size_t again;	    /* taken from before */
};

/* ---- time ---- */

static double used(const struct night *n)
{
	return n->used_before + (double)(now_ns() - n->start) / 1e9;
}

static unsigned int may_take(struct pool_job *job, void *ctx)
{
	const struct night *n = ctx;
	double left = n->conf.budget_minutes * 60.0 - used(n),
	       most = n->conf.deadline_minutes * 60.0;

	(void)job;
	return left < LEAST_S ? 0 : (unsigned int)(left < most ? left : most);
}

/* ---- what came of it, so far ---- */

/* A killed night has on its page what it came to. */
static int write_result(const struct night *n)
{
	_cleanup_free_ char *json = strf("%s/" RESULT, n->dir);

	return report_json(n->result, json);
}

static void forget_tests(struct run_result *r)
{
	while (r->n_tests)
		result_drop_test(r);
}

static int note_progress(struct night *n)
{
	int ret;

	forget_tests(n->result);
	for (size_t i = 0; i < n->n; i++)
		if (!n->parts[i].mutant && n->parts[i].over)
			night_part_tell(&n->parts[i], n->result);
	night_mutants_tell(n->parts, n->n, n->result);
	n->state.used_s = used(n);
	ret = write_result(n);
	return ret ? ret : night_state_save(&n->state, n->dir);
}

/*
 * Why it was not begun, or what became of it. A mutant whose turn did not come is no fault of the
 * night.
 */
static void take_job(struct night *n, struct night_part *p, struct pool_job *job)
{
	p->over = true;
	p->result = job->result;
	job->result = NULL;
	if (p->result) {
		p->verdict = result_verdict(p->result);
		return;
	}
	p->verdict = OUT_BROKEN;
	if (job->seconds > 0)
		p->reason = xstrdup(fail_text());
	else
		p->reason = strf("not run: the night's time (%u min) was over; budget_minutes in "
				 "%s gives it more",
				 n->conf.budget_minutes, path_last(n->path));
	if (job->seconds <= 0 && p->mutant)
		p->verdict = OUT_SKIP;
}

static void end_job(struct pool_job *job, void *ctx)
{
	struct night_part *p = job->ctx;
	struct night *n = ctx;

	take_job(n, p, job);
	night_tell_part(p, job->seconds);
	if (note_progress(n))
		ui_note("%s", fail_text());
}

/* ---- what is to be run ---- */

static char *dir_of(const struct night *n, const char *name)
{
	char *dir = strf("%s/%s", n->dir, name);

	for (char *p = dir + strlen(n->dir) + 1; *p; p++)
		if (strchr(" =/|,", *p))
			*p = '-';
	return dir;
}

static struct night_part *add_part(struct night *n, const char *name)
{
	struct night_part *p;

	n->parts = xrealloc(n->parts, n->n + 1, sizeof(*n->parts));
	p = &n->parts[n->n++];
	*p = (struct night_part){ .name = xstrdup(name),
				  .dir = dir_of(n, name),
				  .verdict = OUT_SKIP };
	return p;
}

/* Of before the night was killed, and of the same plan. */
static bool is_done(struct night_part *p, const struct plan *plan)
{
	_cleanup_free_ char *json = strf("%s/" RESULT, p->dir);
	struct run_result *r = path_exists(json) ? report_load(json) : NULL;

	fail_clear();
	if (r && r->finished && r->subject.hash && !strcmp(r->subject.hash, plan->hash) &&
	    r->verdict != OUT_BROKEN) {
		p->result = r;
		p->verdict = result_verdict(r);
		p->over = true;
		return true;
	}
	result_free(r);
	return false;
}

/* A plan that can't be run here is told as that; the others are run. */
static int take_unmakeable(struct night_part *p, int ret)
{
	if (ret != -OUT_BROKEN && ret != -OUT_SKIP)
		return fail_prefix("plan '%s'", p->name);
	p->over = true;
	p->verdict = OUT_BROKEN; /* it was asked for */
	p->reason = xstrdup(fail_text());
	fail_clear();
	return 0;
}

static int plan_item(const struct night *n, const struct night_item *it, struct plan *plan)
{
	_cleanup_free_ struct setting *s = xcalloc(it->knobs.n + 1, sizeof(*s));
	size_t k = 0;

	if (n->conf.needs && !strv_has(&it->knobs, "LANE"))
		s[k++] = (struct setting){ "LANE", n->conf.needs };
	for (size_t i = 0; i < it->knobs.n; i++)
		s[k++] = (struct setting){ it->knobs.v[i], it->values.v[i] };
	return plan_with(&n->knobs, s, k, plan);
}

static void add_to_hash(struct night *n, const char *name, const struct plan *plan)
{
	struct hash *h = hash_new("night-1");

	hash_add_str(h, "before", n->hash);
	hash_add_str(h, "name", name);
	hash_add_str(h, "plan", plan ? plan->hash : "");
	hash_hex(h, n->hash);
}

static int add_job(struct night *n, struct night_part *p, const struct plan *plan)
{
	int ret = pool_add(&n->pool, p->name, plan, p->dir, NULL);

	if (ret)
		return ret;
	n->pool.jobs[n->pool.n - 1].save_lab = !p->mutant;
	n->pool.jobs[n->pool.n - 1].may_skip = true;
	if (!p->mutant)
		n->pool.jobs[n->pool.n - 1].history = strf("%s/%s", n->result->run_id, p->name);
	return 0;
}

/* Once all parts are there: what points to one stays true. */
static void point_jobs(struct night *n)
{
	for (size_t i = 0, k = 0; i < n->n; i++)
		if (!n->parts[i].over)
			n->pool.jobs[k++].ctx = &n->parts[i];
}

static int take_plan(struct night *n, struct night_part *p, const struct plan *plan)
{
	if (!is_done(p, plan))
		return add_job(n, p, plan);
	n->again++;
	return 0;
}

static int add_item(struct night *n, const struct night_item *it)
{
	struct night_part *p = add_part(n, it->name);
	struct plan plan = { 0 };
	int ret = plan_item(n, it, &plan);

	ret = ret ? take_unmakeable(p, ret) : take_plan(n, p, &plan);
	plan_free(&plan);
	return ret;
}

/* ---- mutants ---- */

/* One that this lane hides is not drawn. */
static int add_mutant(struct night *n, const char *patch, const char *lane, bool *hidden)
{
	struct mutant *m = xcalloc(1, sizeof(*m));
	struct plan plan = { 0 };
	int ret = mutant_load(patch, lane, m);

	if (!ret)
		ret = mutant_plan(m, &n->knobs, n->dir, &plan);
	*hidden = !ret && mutant_why_hidden(m, &plan);
	if (!ret && !*hidden) {
		_cleanup_free_ char *name = strf("mutant %s", m->name);
		struct night_part *p = add_part(n, name);

		p->mutant = m;
		m = NULL;
		ret = take_plan(n, p, &plan);
	}
	plan_free(&plan);
	if (m)
		mutant_free(m);
	free(m);
	return ret;
}

static int settle_lane(struct night *n)
{
	struct plan plan = { 0 };
	int ret = n->conf.needs ? knobs_set(&n->knobs, "LANE", n->conf.needs) : 0;

	if (!ret)
		ret = plan_with(&n->knobs, NULL, 0, &plan);
	if (!ret)
		ret = knobs_set(&n->knobs, "LANE", plan.lane.name);
	plan_free(&plan);
	return ret;
}

static int add_mutants(struct night *n)
{
	_cleanup_strv_ struct strv all = { 0 }, drawn = { 0 };
	size_t taken = 0;
	int ret = n->conf.mutants ? mutants_in(MUTANTS, &all) : 0;

	if (!ret && n->conf.mutants)
		ret = settle_lane(n);
	mutants_pick(&all, n->state.seed, all.n, &drawn);
	for (size_t i = 0; !ret && i < drawn.n && taken < n->conf.mutants; i++) {
		bool hidden;

		ret = add_mutant(n, drawn.v[i], n->knobs.lane, &hidden);
		taken += !hidden;
	}
	return ret;
}

/* ---- begin ---- */

/* The night of these plans, whatever mutants are drawn: two of one hash can be compared. */
static int hash_night(struct night *n)
{
	for (size_t i = 0; i < n->items.n; i++) {
		struct plan plan = { 0 };
		int ret = plan_item(n, &n->items.v[i], &plan);

		if (ret && ret != -OUT_BROKEN && ret != -OUT_SKIP)
			return fail_prefix("plan '%s'", n->items.v[i].name);
		add_to_hash(n, n->items.v[i].name, ret ? NULL : &plan);
		plan_free(&plan);
	}
	fail_clear();
	return 0;
}

static int read_conf(struct night *n)
{
	int ret = knobs_load(&n->knobs);

	if (!ret)
		ret = night_conf_load(n->path, &n->conf);
	if (!ret)
		ret = night_items_make(&n->conf, &n->items);
	if (!ret)
		ret = hash_night(n);
	if (!ret && n->conf.jobs && knobs_source(&n->knobs, "JOBS") == KNOB_FROM_TABLE)
		n->knobs.jobs = n->conf.jobs;
	return ret;
}

static void make_result(struct night *n, const char *id)
{
	_cleanup_free_ char *what = strf("the plans of %s", path_last(n->path));

	n->result = result_new(id);
	n->result->started = xstrdup(n->state.started);
	n->result->verdict = OUT_BROKEN;
	str_set(&n->result->reason, "the night did not finish");
	identity_fill(n->result);
	result_set_subject_what(n->result, what);
	result_set_subject_hash(n->result, n->hash);
}

/* A new folder, or that of one that was killed. *none: there is none to go on with. */
static void choose_folder(struct night *n, enum night_start how, bool *none)
{
	_cleanup_free_ char *id = NULL;
	const char *results = path_results();

	*none = false;
	if (how != NIGHT_NEW && night_state_find(results, n->hash, &n->state, &n->dir)) {
		ui_note("going on with the night %s, of which %.0f min are used", path_last(n->dir),
			n->state.used_s / 60);
		n->used_before = n->state.used_s;
		return;
	}
	*none = how == NIGHT_GO_ON;
	id = rundir_id(time(NULL));
	n->dir = strf("%s/%s" NIGHT_SUFFIX, results, id);
	night_state_begin(&n->state, n->hash);
}

static int begin(struct night *n)
{
	if (mkdir_p(n->dir))
		return fail(OUT_BROKEN, "can't make the night's folder %s", n->dir);
	make_result(n, path_last(n->dir));
	history_begin(n->result, n->dir, "run", &n->mark);
	rundir_point_latest(n->dir);
	return note_progress(n);
}

/*
 * Bought for its hardware, a machine that lost it is broken; what an emulator says instead is not
 * what was asked.
 */
static int check_needs(const struct night *n)
{
	_cleanup_free_ char *why = NULL;
	struct lane l = { 0 };
	int ret;

	if (!n->conf.needs)
		return 0;
	ret = lane_load(n->conf.needs, &l);
	if (!ret && !lane_usable(&l, &why))
		ret = fail(OUT_BROKEN,
			   "needs = %s: lane %s can't run on this machine (%s): nothing was judged",
			   n->conf.needs, l.name, why);
	lane_free(&l);
	return ret;
}

static int add_all(struct night *n)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < n->items.n; i++)
		ret = add_item(n, &n->items.v[i]);
	if (!ret)
		ret = add_mutants(n);
	if (!ret)
		point_jobs(n);
	return ret;
}

/* ---- end ---- */

static void finish(struct night *n, int ret)
{
	bool stopped = ret && proc_interrupted();

	if (note_progress(n))
		ui_note("%s", fail_text());
	n->result->verdict = ret ? (enum outcome) - ret : OUT_PASS;
	str_set(&n->result->reason, ret ? fail_text() : NULL);
	n->result->seconds = used(n);
	result_finish(n->result);
	if (!stopped)
		return;
	n->result->finished = false;
	n->result->verdict = OUT_INTERRUPTED;
	str_set(&n->result->reason,
		"stopped by a signal from outside; `nestlab nightly` goes on with it");
}

/* The history has it before it is compared with the night before. */
static int conclude(struct night *n, int ret)
{
	int err;

	finish(n, ret);
	n->state.done = n->result->finished;
	err = report_all(n->result, n->dir);
	if (!err)
		err = night_state_save(&n->state, n->dir);
	history_end(&n->mark);
	rundir_prune(&n->knobs);
	if (!err && n->result->finished)
		err = night_tell_change(n->result, n->dir, n->conf.on_change);
	night_tell_end(n->result, n->dir);
	return err ? err : outcome_exit_code(result_verdict(n->result));
}

static void free_night(struct night *n)
{
	pool_free(&n->pool);
	for (size_t i = 0; i < n->n; i++) {
		struct night_part *p = &n->parts[i];

		free(p->name);
		free(p->dir);
		free(p->reason);
		result_free(p->result);
		if (p->mutant)
			mutant_free(p->mutant);
		free(p->mutant);
	}
	free(n->parts);
	night_items_free(&n->items);
	night_conf_free(&n->conf);
	night_state_free(&n->state);
	knobs_free(&n->knobs);
	result_free(n->result);
	free(n->dir);
}

static int run_all(struct night *n)
{
	int ret = check_needs(n);

	if (!ret)
		ret = add_all(n);
	if (ret)
		return ret;
	ui_note("%zu plans and mutants, %zu of them judged before; mutants by the seed %s", n->n,
		n->again, n->state.seed);
	return pool_run(&n->pool, n->knobs.jobs);
}

static int go(struct night *n, enum night_start how)
{
	int ret = read_conf(n);
	bool none;

	if (ret)
		return ret;
	choose_folder(n, how, &none);
	if (none) {
		ui_note("no night of these plans was left unfinished");
		return 0;
	}
	ret = begin(n);
	return ret ? ret : conclude(n, run_all(n));
}

/* One at a time: two would each take the other's folder for one that was killed. */
static int lock_nights(void)
{
	const char *results = path_results();
	_cleanup_free_ char *path = strf("%s/.nightly", results);
	int fd;

	mkdir_p(results);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(OUT_BROKEN, "can't open the lock %s: %s", path, strerror(errno));
	if (lock_at_once(fd, path))
		return fd;
	close(fd);
	return fail(OUT_BUSY, "another `nestlab nightly` of this checkout runs: wait for its end");
}

int night_run(const char *path, enum night_start how)
{
	struct night n = { .path = path,
			   .start = now_ns(),
			   .mark = { .fd = -1 },
			   .pool = { .done = end_job, .may_take = may_take, .ctx = &n } };
	int lock = lock_nights(), ret;

	if (lock < 0)
		return lock;
	ret = go(&n, how);
	free_night(&n);
	close(lock);
	return ret;
}
