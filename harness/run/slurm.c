// SPDX-License-Identifier: GPL-2.0-only
#include "run/slurm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/lock.h"
#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"

#define ASK_MS 5000	/* between two questions to Slurm's controller, which has many users */
#define LOOK_MS 200	/* between two looks whether we are interrupted */
#define ANSWER_S 600	/* that squeue may not answer: a controller that is restarted */
#define CANCEL_S 180	/* from scancel to the last task's end, with Slurm's own patience */
#define SILENT_S 60	/* that a file of a node may need to be seen here */
#define QUEUE_S 86400	/* in which no task begins or ends */
#define SUBMIT_S 120

#define ARRAY_FILE "array" /* the number of the array that runs, or nothing */

/* ---- Slurm's commands ---- */

/* ending: also when we are interrupted. As proc_run(); *out has both streams. */
static int call(const char *const *argv, unsigned int deadline_s, bool ending, struct buf *out)
{
	const struct proc p = {
		.what = argv[0], .argv = (char *const *)argv, .log_path = "/dev/null", .out = out,
		.deadline_s = deadline_s, .clears_up = ending,
	};

	return proc_run(&p);
}

/* Its last line: that is its reason. The caller owns it. */
static char *last_line(const struct buf *out)
{
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, buf_str(out), "\n");
	return xstrdup(lines.n ? lines.v[lines.n - 1] : "it said nothing");
}

/* An ended task is in squeue's list for minutes (MinJobAge). 0, or what fail() says. */
static int ask_states(uint64_t id, bool ending, struct task_state *states, size_t n)
{
	static const char *const argv[] = { "squeue", "--noheader", "--me", "--array", "--states=all",
					    "--format=%F %K %T", NULL };
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *last = NULL;
	int status = call(argv, 0, ending, &out);

	if (!status)
		array_states(buf_str(&out), id, states, n);
	if (status <= 0)
		return status;
	last = last_line(&out);
	return fail(OUT_BROKEN, "squeue ended with status %d: %s", status, last);
}

static bool any_active(const struct task_state *states, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (states[i].is == TASK_ACTIVE)
			return true;
	return false;
}

/* To the last task's end. states: of ARRAY_MAX. */
static int cancel(uint64_t id, struct task_state *states)
{
	_cleanup_free_ char *number = strf("%" PRIu64, id);
	const char *const argv[] = { "scancel", number, NULL };
	uint64_t deadline = now_ns() + CANCEL_S * NSEC_PER_SEC;
	_cleanup_buf_ struct buf out = { 0 };
	int ret = call(argv, 0, true, &out);

	/* A status is none: the array may be over. squeue tells. */
	for (ret = ret < 0 ? ret : ask_states(id, true, states, ARRAY_MAX);
	     !ret && any_active(states, ARRAY_MAX); ret = ask_states(id, true, states, ARRAY_MAX)) {
		if (now_ns() > deadline)
			return fail(OUT_BROKEN, "Slurm job array %s had tasks %d s after scancel: see `squeue -j %s`", number,
				    CANCEL_S, number);
		poll(NULL, 0, 1000);
	}
	return ret;
}

int slurm_find(void)
{
	return path_has_program(getenv("PATH"), "sbatch") ? 0 : fail(OUT_BROKEN, "--slurm: there is no sbatch on this machine: run it on one from which "
					    "Slurm's jobs are submitted, or without --slurm");
}

/* ---- the folder ---- */

/* Here and not in memory: for who comes after us when we are killed. */
static int write_array(const struct slurm *s, uint64_t id)
{
	_cleanup_free_ char *text = id ? strf("%" PRIu64 "\n", id) : xstrdup("");

	if (ftruncate(s->lock, 0) || pwrite(s->lock, text, strlen(text), 0) < 0 || fsync(s->lock))
		return fail(OUT_BROKEN, "can't write %s/" ARRAY_FILE ": %s", s->dir, strerror(errno));
	return 0;
}

static uint64_t read_array(const struct slurm *s)
{
	char text[32] = "";
	uint64_t id = 0;

	return pread(s->lock, text, sizeof(text) - 1, 0) > 0 && array_id(text, &id) ? id : 0;
}

static struct task_said read_task(const char *dir)
{
	_cleanup_free_ char *path = strf("%s/" TASK_FILE, dir);
	_cleanup_buf_ struct buf text = { 0 };

	return file_read(path, &text) ? (struct task_said){ 0, -1 } : task_said(buf_str(&text));
}

/* What it left may read as a crash: a machine that Slurm killed. */
static int forget_task(const char *dir, bool keep)
{
	_cleanup_free_ char *task = strf("%s/" TASK_FILE, dir), *json = strf("%s/results.json", dir);

	if (!keep && rm_rf(json))
		return fail(OUT_BROKEN, "can't remove %s, which is of a task that Slurm ended", json);
	return rm_rf(task) ? fail(OUT_BROKEN, "can't remove %s", task) : 0;
}

static int settle_job(const char *dir, const struct task_state *states)
{
	_cleanup_free_ char *path = strf("%s/" TASK_FILE, dir);
	struct task_said said;
	bool judged;

	if (!path_exists(path))
		return 0;
	said = read_task(dir);
	judged = said.index && said.index <= ARRAY_MAX &&
		 task_verdict(&states[said.index - 1], said.status) == TASK_JUDGED;
	return forget_task(dir, judged);
}

static int settle(const struct slurm *s, const struct strv *jobs)
{
	_cleanup_free_ struct task_state *states = xcalloc(ARRAY_MAX, sizeof(*states));
	uint64_t id = read_array(s);
	int ret = 0;

	if (id) {
		ui_note("ending Slurm job array %" PRIu64 ", which an earlier run left", id);
		ret = cancel(id, states);
	}
	for (size_t i = 0; !ret && i < jobs->n; i++)
		ret = settle_job(jobs->v[i], states);
	return ret ? ret : write_array(s, 0);
}

bool slurm_was_in(const char *dir)
{
	_cleanup_free_ char *path = strf("%s/" ARRAY_FILE, dir);

	return path_exists(path);
}

int slurm_enter(struct slurm *s, const char *dir, const struct strv *jobs)
{
	_cleanup_free_ char *path = strf("%s/" ARRAY_FILE, dir);

	s->dir = xstrdup(dir);
	s->lock = mkdir_p(dir) ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->lock < 0)
		return fail(OUT_BROKEN, "can't write %s: %s", path, strerror(errno));
	if (!lock_at_once(s->lock, path))
		return fail(OUT_BUSY, "another nestlab has its jobs run by Slurm from %s; wait for its end", dir);
	return settle(s, jobs);
}

void slurm_leave(struct slurm *s)
{
	close_p(&s->lock);
	s->lock = -1;
	free(s->dir);
	s->dir = NULL;
}

/* ---- one array ---- */

struct array {
	const struct slurm *s;
	struct pool *p;
	struct pool_job *jobs;
	size_t n, left;
	uint64_t id;
	struct task_state *states; /* of ARRAY_MAX, as squeue had them last */
	uint64_t *silent;	   /* since when each is; 0: it is not */
	bool *taken;
	uint64_t answered; /* when squeue answered last */
	uint64_t changed;  /* when a task began or ended */
};

static int write_script(const struct array *a, char **path)
{
	_cleanup_buf_ struct buf script = { 0 };
	char nestlab[PATH_MAX];
	int err;

	if (!realpath("/proc/self/exe", nestlab))
		return fail(OUT_BROKEN, "can't tell by what path the nodes have this program: %s", strerror(errno));
	*path = strf("%s/script", a->s->dir);
	array_script(&script, a->p, a->jobs, a->n, nestlab, &a->s->needs);
	err = file_write(*path, script.data, script.len, 0755);
	return err ? fail(OUT_BROKEN, "can't write %s: %s", *path, strerror(-err)) : 0;
}

static int mark_jobs(const struct array *a)
{
	for (size_t i = 0; i < a->n; i++) {
		_cleanup_free_ char *path = strf("%s/" TASK_FILE, a->jobs[i].dir);

		if (file_write(path, "", 0, 0644))
			return fail(OUT_BROKEN, "can't write %s", path);
	}
	return 0;
}

/* A "%" in sbatch's --output= begins what it puts in. */
static char *output_option(const char *dir)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (; *dir; dir++)
		buf_add(&b, *dir == '%' ? "%%" : dir, *dir == '%' ? 2 : 1);
	return strf("--output=%s/%%A_%%a.log", buf_str(&b));
}

/* Not interrupted: an array whose number we do not get could not be cancelled. */
static int sbatch(struct array *a, unsigned int at_once, const char *script)
{
	_cleanup_free_ char *which = strf("--array=1-%zu%%%u", a->n, at_once);
	_cleanup_free_ char *output = output_option(a->s->dir), *last = NULL;
	const char *const argv[] = { "sbatch", "--parsable", which, output, script, NULL };
	_cleanup_buf_ struct buf out = { 0 };
	int status = call(argv, SUBMIT_S, true, &out);

	if (status < 0)
		return status;
	if (!status && array_id(buf_str(&out), &a->id))
		return 0;
	last = last_line(&out);
	return fail(OUT_BROKEN, "Slurm takes no job array (sbatch ended with status %d): %s", status, last);
}

static int submit(struct array *a, unsigned int at_once)
{
	_cleanup_free_ char *script = NULL;
	int ret = write_script(a, &script);

	if (!ret)
		ret = mark_jobs(a);
	if (!ret)
		ret = sbatch(a, at_once, script);
	if (!ret)
		ret = write_array(a->s, a->id);
	if (ret)
		return ret;
	a->answered = a->changed = now_ns();
	ui_note("Slurm job array %" PRIu64 ": tasks 1 to %zu, %u at once; `squeue -j %" PRIu64 "` shows them", a->id, a->n, at_once, a->id);
	return 0;
}

static int ask(struct array *a)
{
	_cleanup_free_ struct task_state *now = xcalloc(ARRAY_MAX, sizeof(*now));
	int ret = ask_states(a->id, false, now, ARRAY_MAX);

	if (ret == -OUT_INTERRUPTED)
		return fail(OUT_INTERRUPTED, "interrupted: Slurm job array %" PRIu64 " is cancelled", a->id);
	if (ret && now_ns() > a->answered + ANSWER_S * NSEC_PER_SEC)
		return fail_prefix("Slurm job array %" PRIu64, a->id);
	if (ret)
		return 0;
	a->answered = now_ns();
	if (memcmp(now, a->states, ARRAY_MAX * sizeof(*now)) != 0)
		a->changed = a->answered;
	memcpy(a->states, now, ARRAY_MAX * sizeof(*now));
	return 0;
}

static int lose_task(struct array *a, size_t i, int status)
{
	_cleanup_free_ char *code = status < 0 ? xstrdup("") : strf(" with exit code %d", status);
	int ret = forget_task(a->jobs[i].dir, false);

	a->jobs[i].lost = true;
	if (!ret)
		fail(OUT_BROKEN, "Slurm's task %" PRIu64 "_%zu ended as %s%s and left no judgement (%s/%" PRIu64 "_%zu.log has Slurm's "
		     "words): the same command judges it again", a->id, i + 1, a->states[i].word, code, a->s->dir, a->id, i + 1);
	return ret;
}

static int judge_task(struct array *a, size_t i, int status)
{
	_cleanup_free_ char *log = strf("%s/output.log", a->jobs[i].dir);
	int ret = forget_task(a->jobs[i].dir, true);

	if (!ret)
		pool_take(&a->jobs[i], status, log);
	return ret;
}

static bool is_silent_for_long(struct array *a, size_t i)
{
	if (!a->silent[i])
		a->silent[i] = now_ns();
	return now_ns() > a->silent[i] + SILENT_S * NSEC_PER_SEC;
}

static int look_at_task(struct array *a, size_t i)
{
	int ret, status = read_task(a->jobs[i].dir).status;
	enum task_verdict v = task_verdict(&a->states[i], status);

	if (v == TASK_GOES_ON || (v == TASK_SILENT && !is_silent_for_long(a, i)))
		return 0;
	ret = v == TASK_JUDGED ? judge_task(a, i, status) : lose_task(a, i, status);
	if (ret)
		return ret;
	a->taken[i] = true;
	a->left--;
	if (a->p->done)
		a->p->done(&a->jobs[i], a->p->ctx);
	fail_clear();
	return 0;
}

static void pause_for(unsigned int ms)
{
	for (unsigned int i = 0; i < ms && !proc_interrupted(); i += LOOK_MS)
		poll(NULL, 0, LOOK_MS);
}

static int check_deadline(const struct array *a)
{
	uint64_t most = QUEUE_S + a->s->needs.minutes * 60ULL;

	if (now_ns() < a->changed + most * NSEC_PER_SEC)
		return 0;
	return fail(OUT_BROKEN, "Slurm job array %" PRIu64 ": no task began or ended for %" PRIu64 " h; it is cancelled, and the same "
		    "command judges what is missing", a->id, most / 3600);
}

static int look(struct array *a)
{
	int ret = ask(a);

	for (size_t i = 0; !ret && i < a->n; i++)
		if (!a->taken[i])
			ret = look_at_task(a, i);
	if (!ret && a->left)
		ret = check_deadline(a);
	if (!ret && a->left)
		pause_for(ASK_MS);
	return ret;
}

/* What its tasks came to is told by slurm_enter(), when the same is asked for again. */
static void give_up(struct array *a)
{
	_cleanup_free_ char *why = xstrdup(fail_text());
	enum outcome outcome = fail_outcome();

	if (cancel(a->id, a->states))
		ui_note("%s", fail_text());
	fail_restore(outcome, why);
}

static int watch(struct array *a)
{
	int ret = 0;

	while (!ret && a->left)
		ret = look(a);
	if (!ret)
		return write_array(a->s, 0);
	give_up(a);
	return ret;
}

static int run_array(const struct slurm *s, struct pool *p, size_t first, unsigned int at_once)
{
	size_t n = p->n - first < ARRAY_MAX ? p->n - first : ARRAY_MAX;
	_cleanup_free_ struct task_state *states = xcalloc(ARRAY_MAX, sizeof(*states));
	_cleanup_free_ uint64_t *silent = xcalloc(n, sizeof(*silent));
	_cleanup_free_ bool *taken = xcalloc(n, sizeof(*taken));
	struct array a = { .s = s, .p = p, .jobs = &p->jobs[first], .n = n, .left = n,
			   .states = states, .silent = silent, .taken = taken };
	int ret = submit(&a, at_once);

	if (!ret)
		return watch(&a);
	if (a.id)
		give_up(&a);
	return ret;
}

int slurm_run(struct slurm *s, struct pool *p, unsigned int at_once)
{
	int ret = 0;

	for (size_t first = 0; !ret && first < p->n; first += ARRAY_MAX)
		ret = run_array(s, p, first, at_once);
	return ret;
}
