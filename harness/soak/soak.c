// SPDX-License-Identifier: GPL-2.0-only
#include "soak/soak.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "lab/lab.h"
#include "soak/harm.h"
#include "soak/job.h"

#define JUDGED "soak" /* in the place of an assignment */
#define TESTS "cpuid-exits/answer"
#define JOBS 2
#define DEADLINE_S 900 /* of a run: it may boot its lab again, or build a kernel again */
#define SETTLE_MS 3000 /* what is just ending is not left */
#define MISSES 8       /* in a row, of runs that were over before they could be harmed */

static const struct job jobs[JOBS] = {
	{ "the reference", "PATCH=", OUT_PASS },
	{ "a wrong patch", "PATCH=testcases/mutants/ecx-matters.patch", OUT_FAIL },
};

struct soak {
	struct rundir *rundir;
	struct world world;
	struct job_place place;
	char *lane, *machine, *self;
	struct dice dice;
	const struct harm *deck[64]; /* those that are to come, and then all again */
	size_t n_harms, dealt;
	struct strv before; /* what is there when nothing was harmed */
	double usual_s[JOBS];
	unsigned int number; /* of runs so far */
	unsigned int done, missed, wrong, left;
};

/* ---- which harms ---- */

static const char *why_not(const struct soak *s, const struct harm *h)
{
	if (h->machine && strcmp(h->machine, s->machine))
		return "not of this lane";
	return h->why_not ? h->why_not(&s->world) : NULL;
}

static int check_names(const struct strv *names)
{
	_cleanup_strv_ struct strv all = { 0 };
	const struct harm *h;

	for (size_t i = 0; (h = harm_nth(i)); i++)
		strv_add(&all, h->name);
	for (size_t i = 0; i < names->n; i++)
		if (!strv_has(&all, names->v[i]))
			return near_fail("there is no harm", names->v[i], &all);
	return 0;
}

static void choose(struct soak *s, const struct strv *names)
{
	const struct harm *h;

	for (size_t i = 0; (h = harm_nth(i)) && s->n_harms < ARRAY_SIZE(s->deck); i++) {
		const char *why = why_not(s, h);

		if (names->n && !strv_has(names, h->name))
			continue;
		if (why)
			printf("%-14s is left out: %s\n", h->name, why);
		else
			s->deck[s->n_harms++] = h;
	}
}

static void shuffle(struct soak *s)
{
	for (size_t i = s->n_harms; i > 1; i--) {
		size_t k = dice_below(&s->dice, i);
		const struct harm *h = s->deck[k];

		s->deck[k] = s->deck[i - 1];
		s->deck[i - 1] = h;
	}
}

/* Each as often as the others. */
static const struct harm *deal(struct soak *s)
{
	if (!(s->dealt % s->n_harms))
		shuffle(s);
	return s->deck[s->dealt++ % s->n_harms];
}

/* A lane may have nothing of that kind: one that boots each time has no saved lab. */
static void leave_out(struct soak *s, const struct harm *h)
{
	size_t kept = 0;

	printf("%-14s is left out: in %d runs there was nothing to do it to\n", h->name, MISSES);
	for (size_t i = 0; i < s->n_harms; i++)
		if (s->deck[i] != h)
			s->deck[kept++] = s->deck[i];
	s->n_harms = kept;
	s->dealt = 0;
}

/* ---- the world's beginning ---- */

static int find_needed(const struct job *job, const char *lane)
{
	struct knobs k;
	struct plan plan = { 0 };
	struct lab lab;
	int ret = knobs_load(&k);

	if (!ret)
		ret = knobs_set(&k, "LANE", lane);
	if (!ret)
		ret = knobs_set(&k, "PATCH", strchr(job->settings, '=') + 1);
	if (!ret)
		ret = plan_make(&k, &plan);
	knobs_free(&k);
	if (ret)
		return ret;
	ret = lab_open(&lab, &plan, "soak");
	lab.without_l2 = true;
	if (!ret)
		ret = lab_prepare(&lab);
	lab_close(&lab, false);
	plan_free(&plan);
	return ret;
}

/* What these two use of the real cache, built where it is not there. */
static int gather(const char *lane, struct strv *names)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < JOBS; i++)
		ret = find_needed(&jobs[i], lane);
	cache_used(names);
	return ret;
}

static int run_unharmed(struct soak *s, const struct job *job, double *seconds)
{
	static const struct strv none = { 0 };
	_cleanup_free_ char *wrong = NULL;
	struct job_run r;
	int ret = job_start(&s->place, job, s->number++, &none, &r);

	if (!ret) {
		job_finish(&r, DEADLINE_S);
		wrong = job_wrong(&r);
	}
	if (wrong)
		ret = fail(OUT_BROKEN, "with no harm done to it %s is judged: %s (%s)", job->name, wrong, r.reason ? r.reason : r.log);
	*seconds = r.seconds;
	job_free(&r);
	return ret;
}

/* The first makes states, the second is as all others. */
static int warm_up(struct soak *s)
{
	int ret = 0;

	ui_stage_begin("first runs");
	for (unsigned int round = 0; round < 2; round++)
		for (size_t i = 0; !ret && i < JOBS; i++)
			ret = run_unharmed(s, &jobs[i], &s->usual_s[i]);
	if (ret)
		ui_stage_abort();
	else
		ui_stage_end("%.1f and %.1f s", s->usual_s[0], s->usual_s[1]);
	world_look(&s->world, &s->before);
	return ret;
}

/* ---- what is left ---- */

static void list_left(const struct soak *s, struct strv *left)
{
	_cleanup_strv_ struct strv now = { 0 };

	world_look(&s->world, &now);
	for (size_t i = 0; i < now.n; i++)
		if (!strv_has(&s->before, now.v[i]))
			strv_add(left, now.v[i]);
}

static void look_for_left(const struct soak *s, struct strv *left)
{
	uint64_t until = now_ns() + SETTLE_MS * NSEC_PER_MSEC;

	for (list_left(s, left); left->n && now_ns() < until; list_left(s, left)) {
		usleep(100000);
		strv_free(left);
	}
}

/* ---- one ---- */

struct round {
	const struct harm *harm;
	struct job_run harmed, next[JOBS]; /* then both, whichever stands on what was harmed */
	struct strv env, left;
	struct victim victim;
	double at_s; /* of the harm, from the run's start */
	bool done;
	char *harmed_wrong, *next_wrong[JOBS];
};

static void round_free(struct round *r)
{
	job_free(&r->harmed);
	for (size_t i = 0; i < JOBS; i++) {
		job_free(&r->next[i]);
		free(r->next_wrong[i]);
	}
	strv_free(&r->env);
	strv_free(&r->left);
	buf_free(&r->victim.note);
	free(r->harmed_wrong);
}

/* At its moment, or as soon after it as there is something to harm. */
static void do_harm(struct soak *s, struct round *r, unsigned int at_ms)
{
	r->victim = (struct victim){
		.world = &s->world, .pid = r->harmed.pid, .dice = &s->dice,
	};
	if (job_ended(&r->harmed, at_ms))
		return;
	do
		r->done = !proc_interrupted() && r->harm->harm(&r->victim);
	while (!r->done && !proc_interrupted() && !job_ended(&r->harmed, 10));
	r->at_s = (double)(now_ns() - r->harmed.start) / 1e9;
}

static int run_harmed(struct soak *s, struct round *r)
{
	size_t i = dice_below(&s->dice, JOBS);
	unsigned int at_ms = (unsigned int)dice_below(&s->dice, (uint64_t)(s->usual_s[i] * 1000));
	int ret;

	if (r->harm->prepare)
		r->harm->prepare(&s->world, &r->env);
	ret = job_start(&s->place, &jobs[i], s->number++, &r->env, &r->harmed);
	if (ret)
		return ret;
	do_harm(s, r, at_ms);
	job_finish(&r->harmed, DEADLINE_S);
	if (r->harm->undo)
		r->harm->undo(&r->victim);
	r->harmed_wrong = job_wrong_when_harmed(&r->harmed);
	return proc_interrupted() ? fail(OUT_INTERRUPTED, "stopped") : 0;
}

/* Behind damage, which may be any bytes: the last line alone. NULL: it is none. */
static json_t *last_line(const struct buf *b)
{
	size_t end = b->len;
	const char *begin;

	while (end && b->data[end - 1] == '\n')
		end--;
	begin = end ? memrchr(b->data, '\n', end) : NULL;
	begin = begin ? begin + 1 : b->data;
	return end ? json_loadb(begin, (size_t)(b->data + end - begin), 0, NULL) : NULL;
}

/* Its line is the history's last one, and can be read. */
static bool is_in_history(const struct soak *s, const struct job_run *r)
{
	_cleanup_free_ char *path = strf("%s/history.jsonl", s->world.results);
	_cleanup_buf_ struct buf b = { 0 };
	json_t *last = file_read(path, &b) ? NULL : last_line(&b);
	bool same = last && r->verdict >= 0 &&
		    !strcmp(json_string_value(json_object_get(last, "verdict")) ?: "", outcome_name((enum outcome)r->verdict));

	json_decref(last);
	return same;
}

static int run_next(struct soak *s, struct round *r, const struct job *job, size_t i)
{
	int ret = job_start(&s->place, job, s->number++, &r->env, &r->next[i]);

	if (ret)
		return ret;
	job_finish(&r->next[i], DEADLINE_S);
	if (proc_interrupted())
		return fail(OUT_INTERRUPTED, "stopped");
	r->next_wrong[i] = job_wrong(&r->next[i]);
	if (!r->next_wrong[i] && !is_in_history(s, &r->next[i]))
		r->next_wrong[i] = xstrdup("right, but the history's last line is not its");
	return 0;
}

/* In either order. What is left when the first has ended is left. */
static int run_both(struct soak *s, struct round *r)
{
	size_t first = dice_below(&s->dice, JOBS);
	int ret = 0;

	for (size_t i = 0; !ret && i < JOBS; i++) {
		ret = run_next(s, r, &jobs[(first + i) % JOBS], i);
		if (!ret && !r->left.n)
			look_for_left(s, &r->left);
	}
	return ret;
}

/* ---- telling ---- */

static void add_check(struct test_result *t, const char *name, const char *right, const char *wrong)
{
	result_add_check(t, name, wrong ? OUT_FAIL : OUT_PASS, right, wrong ? wrong : right, NULL);
}

static void add_to_result(struct soak *s, const struct round *r)
{
	_cleanup_free_ char *name = strf("%u %s", s->done, r->harm->name);
	struct test_result *t = result_add_test(s->rundir->result, name, JUDGED);

	t->seconds = r->harmed.seconds;
	add_check(t, "the harmed run is not told wrongly", "right, or broken off", r->harmed_wrong);
	for (size_t i = 0; i < JOBS; i++)
		add_check(t, r->next[i].job->name, outcome_name(r->next[i].job->right),
			  r->next_wrong[i]);
	add_check(t, "nothing is left", "nothing", r->left.n ? r->left.v[0] : NULL);
	result_judge_test(t);
}

static void add_kept(const struct job_run *r, struct strv *argv)
{
	const char *const from[] = { r->out, r->log };

	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (path_exists(from[i]))
			strv_add(argv, from[i]);
}

/* Of what went wrong the runs' folders and logs are wanted. */
static void keep(const struct soak *s, const struct round *r)
{
	_cleanup_free_ char *to = strf("%s/%u-%s", s->rundir->dir, s->done, r->harm->name);
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = "keeping a run's folder" };

	strv_split(&argv, "cp -r -t", " ");
	strv_add(&argv, to);
	add_kept(&r->harmed, &argv);
	for (size_t i = 0; i < JOBS; i++)
		add_kept(&r->next[i], &argv);
	p.argv = argv.v;
	if (mkdir_p(to) || proc_check(&p))
		ui_note("the runs' folders can't be kept in %s", to);
}

static void tell_wrong(const char *which, const struct job_run *r, const char *wrong)
{
	if (wrong)
		printf("      WRONG: %s, %s: %s%s%s\n", which, r->job->name, wrong, r->reason ? ": " : "", r->reason ? r->reason : "");
}

static void tell_next(const struct job_run *r)
{
	_cleanup_free_ char *told = job_told(r);

	printf("; %s: %s, %.1f s", r->job->name, told, r->seconds);
}

static void tell(const struct soak *s, const struct round *r)
{
	_cleanup_free_ char *harmed = job_told(&r->harmed);

	printf("%4u  %-14s %s, at %.2f s of %s: %s", s->done, r->harm->name, buf_str(&r->victim.note),
	       r->at_s, r->harmed.job->name, harmed);
	for (size_t i = 0; i < JOBS; i++)
		tell_next(&r->next[i]);
	printf("\n");
	tell_wrong("the harmed run", &r->harmed, r->harmed_wrong);
	for (size_t i = 0; i < JOBS; i++)
		tell_wrong("after it", &r->next[i], r->next_wrong[i]);
	for (size_t i = 0; i < r->left.n; i++)
		printf("      LEFT: %s\n", r->left.v[i]);
	fflush(stdout);
}

static bool count_wrong(struct soak *s, const struct round *r)
{
	unsigned int wrong = r->harmed_wrong != NULL;

	for (size_t i = 0; i < JOBS; i++)
		wrong += r->next_wrong[i] != NULL;
	s->wrong += wrong;
	s->left += (unsigned int)r->left.n;
	return wrong || r->left.n;
}

static void forget(const struct job_run *r)
{
	rm_rf(r->out);
	unlink(r->log);
}

static void conclude_round(struct soak *s, const struct round *r)
{
	s->done++;
	add_to_result(s, r);
	if (count_wrong(s, r))
		keep(s, r);
	tell(s, r);
	forget(&r->harmed);
	for (size_t i = 0; i < JOBS; i++)
		forget(&r->next[i]);
}

/* ---- all ---- */

static int run_round(struct soak *s, const struct harm *h, bool *done)
{
	struct round r = { .harm = h };
	int ret = run_harmed(s, &r);

	if (!ret)
		ret = run_both(s, &r);
	*done = r.done;
	if (!ret && r.done)
		conclude_round(s, &r);
	round_free(&r);
	return ret;
}

/* A run that was over too soon is tried again with the same harm. */
static int run_rounds(struct soak *s, unsigned int times)
{
	const struct harm *h = NULL;
	unsigned int misses = 0;
	int ret = 0;

	while (!ret && s->done < times && s->n_harms) {
		bool done;

		if (!misses)
			h = deal(s);
		ret = run_round(s, h, &done);
		s->missed += !done;
		misses = done ? 0 : misses + 1;
		if (misses == MISSES) {
			leave_out(s, h);
			misses = 0;
		}
	}
	if (!ret && !s->done)
		ret = fail(OUT_BROKEN, "no harm could be done: there was nothing to do it to");
	return ret;
}

static int settle_lane(struct soak *s)
{
	struct knobs k;
	struct plan plan = { 0 };
	int ret = knobs_load(&k);

	if (!ret)
		ret = plan_make(&k, &plan);
	if (!ret) {
		s->lane = xstrdup(plan.lane.name);
		s->machine = xstrdup(plan.lane.machine ? plan.lane.machine : LAB_BACKEND_DEFAULT);
		str_set(&s->rundir->result->lane, plan.lane.name);
		str_set(&s->rundir->result->kernel, plan.kernel.name);
		str_set(&s->rundir->result->assignment, JUDGED);
		result_set_subject_what(s->rundir->result, "the lab itself, with harm done to it");
	}
	plan_free(&plan);
	knobs_free(&k);
	return ret;
}

static int begin(struct soak *s, const struct soak_asked *a)
{
	_cleanup_strv_ struct strv names = { 0 };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int ret = settle_lane(s);

	s->self = xstrndup(self, n > 0 ? (size_t)n : 0);
	if (!ret)
		ret = gather(s->lane, &names);
	if (!ret)
		ret = world_make(&s->world, &names);
	if (ret)
		return ret;
	s->place = (struct job_place){
		.world = &s->world, .self = s->self, .lane = s->lane, .tests = TESTS,
	};
	choose(s, &a->harms);
	if (!s->n_harms)
		return fail(OUT_SKIP, "no harm can be done here in lane %s", s->lane);
	return warm_up(s);
}

static void soak_free(struct soak *s)
{
	world_free(&s->world);
	strv_free(&s->before);
	free(s->lane);
	free(s->machine);
	free(s->self);
}

int soak_run(const struct soak_asked *a, struct rundir *d)
{
	struct soak s = { .rundir = d, .dice = { a->seed } };
	int ret = check_names(&a->harms);

	printf("soak: %u times, seed %llu\n", a->times, (unsigned long long)a->seed);
	fflush(stdout);
	if (!ret)
		ret = begin(&s, a);
	if (!ret)
		ret = run_rounds(&s, a->times);
	printf("\nmissed: %u (the run was over)\nsoak: %u wrong verdicts in %u, %u left\n", s.missed, s.wrong, s.done, s.left);
	soak_free(&s);
	if (!ret && (s.wrong || s.left))
		ret = fail(OUT_FAIL, "%u wrong verdicts in %u, %u left", s.wrong, s.done, s.left);
	return ret;
}
