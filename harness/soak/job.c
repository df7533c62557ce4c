// SPDX-License-Identifier: GPL-2.0-only
#include "soak/job.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"

#define STEP_MS 10
#define SIGNALLED 128

/* ---- running ---- */

static void add_command(const struct job_place *p, const struct job_run *r, struct strv *argv)
{
	strv_add(argv, p->self);
	strv_add(argv, "test");
	strv_addf(argv, "OUT=%s", r->out);
	strv_addf(argv, "LANE=%s", p->lane);
	strv_addf(argv, "TESTS=%s", p->tests);
	strv_add(argv, "GUEST_PATCH=");
	strv_add(argv, r->job->settings);
}

static void put_env(const struct strv *env)
{
	for (size_t i = 0; i < env->n; i++)
		putenv(env->v[i]);
}

static void become(const struct job_place *p, const struct strv *env, struct job_run *r)
{
	_cleanup_strv_ struct strv argv = { 0 };
	int log = open(r->log, O_WRONLY | O_CREAT | O_TRUNC, 0644), null = open("/dev/null", O_RDONLY);

	proc_child_setup();
	setsid();
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	proc_close_fds();
	put_env(&p->world->env);
	put_env(env);
	add_command(p, r, &argv);
	execv(p->self, argv.v);
	_exit(SIGNALLED - 1);
}

int job_start(const struct job_place *p, const struct job *job, unsigned int number,
	      const struct strv *env, struct job_run *r)
{
	*r = (struct job_run){
		.job = job,
		.out = strf("%s/%u", p->world->results, number),
		.log = strf("%s/%u.log", p->world->dir, number),
		.start = now_ns(),
		.verdict = -1,
	};
	r->pid = fork();
	if (!r->pid)
		become(p, env, r);
	return r->pid < 0 ? fail(OUT_BROKEN, "can't start a run: %m") : 0;
}

static void note_end(struct job_run *r, int status)
{
	r->status = WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
	r->seconds = (double)(now_ns() - r->start) / 1e9;
	r->pid = 0;
}

bool job_ended(struct job_run *r, unsigned int ms)
{
	uint64_t until = now_ns() + ms * NSEC_PER_MSEC;
	int status;

	while (r->pid) {
		if (waitpid(r->pid, &status, WNOHANG) == r->pid)
			note_end(r, status);
		else if (proc_interrupted() || now_ns() >= until)
			return false;
		else
			poll(NULL, 0, STEP_MS);
	}
	return true;
}

/* ---- what it left ---- */

static void read_results(struct job_run *r)
{
	_cleanup_free_ char *path = strf("%s/results.json", r->out);
	json_t *root = json_load_file(path, 0, NULL);
	const char *verdict = json_string_value(json_object_get(root, "verdict"));
	const char *reason = json_string_value(json_object_get(root, "reason"));

	r->verdict = verdict ? outcome_from_name(verdict) : -1;
	r->finished = json_is_true(json_object_get(root, "finished"));
	r->reason = reason ? xstrdup(reason) : NULL;
	json_decref(root);
}

void job_finish(struct job_run *r, unsigned int deadline_s)
{
	int status = 0;

	if (!job_ended(r, deadline_s * 1000)) {
		r->hung = !proc_interrupted();
		kill(r->pid, SIGKILL);
		waitpid(r->pid, &status, 0);
		note_end(r, status);
	}
	read_results(r);
}

void job_free(struct job_run *r)
{
	free(r->out);
	free(r->log);
	free(r->reason);
	*r = (struct job_run){ 0 };
}

/* ---- what is wrong with it ---- */

char *job_told(const struct job_run *r)
{
	const char *verdict = r->verdict < 0 ? "no verdict" : outcome_name((enum outcome)r->verdict);
	const char *how = r->hung ? ", hung" : r->finished ? "" : ", unfinished";

	if (r->status >= SIGNALLED)
		return strf("%s%s, signal %d", verdict, how, r->status - SIGNALLED);
	return strf("%s%s, exit %d", verdict, how, r->status);
}

static bool has_code(const struct job_run *r, enum outcome o)
{
	return r->status == outcome_exit_code(o);
}

char *job_wrong(const struct job_run *r)
{
	_cleanup_free_ char *told = job_told(r);
	bool right = r->verdict == (int)r->job->right && has_code(r, r->job->right);

	if (!r->hung && r->finished && right)
		return NULL;
	return strf("%s, not %s", told, outcome_name(r->job->right));
}

static bool may_be(const struct job_run *r, int verdict)
{
	return verdict == (int)r->job->right || verdict == OUT_BROKEN || verdict == OUT_INTERRUPTED;
}

static bool may_exit(const struct job_run *r)
{
	return r->status >= SIGNALLED || has_code(r, r->job->right) || has_code(r, OUT_BROKEN);
}

char *job_wrong_when_harmed(const struct job_run *r)
{
	_cleanup_free_ char *told = job_told(r);

	if (!r->hung && may_exit(r) && (r->verdict < 0 || may_be(r, r->verdict)))
		return NULL;
	return strf("%s, not %s or broken", told, outcome_name(r->job->right));
}
