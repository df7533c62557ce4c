// SPDX-License-Identifier: GPL-2.0-only
#include "run/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "report/report.h"

#define AT_ONCE_MAX 64

int pool_add(struct pool *p, const char *name, const struct plan *plan, const char *dir, void *ctx)
{
	if (mkdir_p(dir))
		return fail(OUT_BROKEN, "can't make %s", dir);
	p->jobs = xrealloc(p->jobs, p->n + 1, sizeof(*p->jobs));
	p->jobs[p->n++] = (struct pool_job){ .name = name, .dir = xstrdup(dir), .ctx = ctx };
	return plan_save(plan, dir);
}

void pool_free(struct pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->jobs[i].dir);
		free(p->jobs[i].history);
		result_free(p->jobs[i].result);
	}
	free(p->jobs);
	p->jobs = NULL;
	p->n = 0;
}

/* ---- one job ---- */

/* The kernel was judged: by tests, by dying, or by its compiler. */
static bool is_judgement(const struct pool_job *job, int status)
{
	return (status == outcome_exit_code(OUT_SKIP) && job->may_skip) ||
	       status == outcome_exit_code(OUT_PASS) || status == outcome_exit_code(OUT_FAIL) ||
	       status == outcome_exit_code(OUT_CRASH) ||
	       status == outcome_exit_code(OUT_BUILD_ERROR);
}

/* The lab came up, and was lost in one. */
static bool broke_in_a_test(const struct pool_job *job, int status, const struct run_result *result)
{
	return job->may_break && status == outcome_exit_code(OUT_BROKEN) && result &&
	       result->n_tests;
}

void pool_take(struct pool_job *job, int status, const char *log)
{
	_cleanup_free_ char *json = strf("%s/results.json", job->dir);
	struct run_result *result;

	if (status < 0)
		return;
	result = report_load(json);
	if (is_judgement(job, status) || broke_in_a_test(job, status, result)) {
		job->result = result;
		return;
	}
	fail(OUT_BROKEN, "judging %s ended with exit code %d%s%s: see %s", job->name, status,
	     result && result->reason ? ": " : "", result && result->reason ? result->reason : "", log);
	result_free(result);
}

/*
 * What make's command line said is in the plan already, and may not be said beside it. A libvirt
 * that is not ours carries one lab at a time, and may carry the caller's.
 */
void pool_command(const struct pool *p, const struct pool_job *job, const char *nestlab,
		  struct strv *argv, struct strv *env)
{
	strv_add(argv, nestlab);
	strv_add(argv, "run");
	strv_add(argv, job->dir);
	strv_addf(argv, "OUT=%s", job->dir);
	strv_addf(argv, "HISTORY=%s", job->history ? job->history : "no");
	strv_add(argv, job->save_lab ? "SAVE_LAB=1" : "SAVE_LAB=0");
	strv_add(env, "NESTLAB_MAKE_GIVEN=");
	strv_add(env, "LIBVIRT_DEFAULT_URI=");
	strv_addf(env, "NESTLAB_CACHE=%s", p->cache ? p->cache : path_cache());
}

static void run_job(const struct pool *p, struct pool_job *job, const char *place,
		    unsigned int deadline_s)
{
	_cleanup_free_ char *log = strf("%s/output.log", job->dir);
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct proc proc = { .what = job->name, .log_path = log, .deadline_s = deadline_s,
			     .budget = p->may_take };
	uint64_t start = now_ns();
	int status;

	pool_command(p, job, "/proc/self/exe", &argv, &env);
	strv_addf(&argv, "PLACE=%s", place);
	proc.argv = argv.v;
	proc.env = env.v;
	unlink(log);
	status = proc_run(&proc);
	job->seconds = (double)(now_ns() - start) / 1e9;
	pool_take(job, status, log);
}

void pool_keep_reason(struct pool_job *job, void *ctx)
{
	if (!job->result)
		str_set(ctx, fail_text());
}

/* ---- workers ---- */

struct crew {
	struct pool *p;
	pthread_mutex_t lock;
	size_t next, workers;
};

/* deadline_s: 0 of one that is not to be run. */
static struct pool_job *next_job(struct crew *c, size_t *worker, unsigned int *deadline_s)
{
	struct pool_job *job = NULL;

	pthread_mutex_lock(&c->lock);
	if (worker)
		*worker = ++c->workers;
	if (c->next < c->p->n && !proc_interrupted())
		job = &c->p->jobs[c->next++];
	*deadline_s = job && c->p->may_take ? c->p->may_take(job, c->p->ctx) : c->p->deadline_s;
	pthread_mutex_unlock(&c->lock);
	return job;
}

static void end_job(struct crew *c, struct pool_job *job)
{
	pthread_mutex_lock(&c->lock);
	if (c->p->done && !proc_interrupted())
		c->p->done(job, c->p->ctx);
	pthread_mutex_unlock(&c->lock);
	fail_clear();
}

/* The place is named by us, so that two pools of one checkout don't meet. */
static void *work(void *arg)
{
	_cleanup_free_ char *place = NULL, *folder = NULL;
	struct crew *c = arg;
	unsigned int deadline_s;
	size_t worker;

	for (struct pool_job *job = next_job(c, &worker, &deadline_s); job;
	     job = next_job(c, NULL, &deadline_s)) {
		if (!place)
			place = strf("p%dx%zu", (int)getpid() % 1000000, worker);
		if (deadline_s)
			run_job(c->p, job, place, deadline_s);
		end_job(c, job);
	}
	if (place && !proc_interrupted()) {
		folder = path_run_of(place);
		rm_rf(folder);
	}
	return NULL;
}

int pool_run(struct pool *p, unsigned int at_once)
{
	struct crew c = { .p = p, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[AT_ONCE_MAX];
	unsigned int n = 0;

	while (n < at_once && n < AT_ONCE_MAX && !pthread_create(&threads[n], NULL, work, &c))
		n++;
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (!n)
		return fail(OUT_BROKEN, "can't start a thread to run plans");
	return proc_interrupted() ? fail(OUT_INTERRUPTED, "interrupted") : 0;
}
