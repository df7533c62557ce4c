// SPDX-License-Identifier: GPL-2.0-only
/*
 * A build that was killed by SIGKILL, at a random moment, and then the next patch: what it left
 * must not cost that one a build of everything (it did: 45 to 145 s, each time, for ever).
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lines.h"
#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"

#define STEPS "steps of the next build"
#define KILLS 10
#define MOST_S 10.0 /* on a busy machine: twice what such a build takes with no kill before it */
#define BUSY 2
#define MOST_STEPS 150 /* a series that touches headers has 119, a whole build 2,090 */
#define DEADLINE_S 1800

static void become_shell(const char *command)
{
	_cleanup_free_ char *quiet = strf("exec %s >/dev/null 2>&1", command);

	proc_child_setup();
	execlp("sh", "sh", "-c", quiet, NULL);
	_exit(127);
}

/* As `kill -9` does it: the program alone, not what it started. */
static int start_and_kill(const char *command, unsigned int ms)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		become_shell(command);
	if (pid < 0)
		return fail(OUT_BROKEN, "can't start a build: %m");
	poll(NULL, 0, (int)ms);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ui_note("killed after %u ms%s", ms, WIFSIGNALED(status) ? "" : ", when it had ended");
	return 0;
}

/* "host kernel  10.9 s  built, 10 steps": of the build that was called last. */
static int steps_of_last(const struct bench_run *r, double *steps)
{
	static const char mark[] = "built, ";
	_cleanup_free_ char *log = strf("%s/" CALLS_LOG, r->dir);
	_cleanup_buf_ struct buf b = { 0 };
	const char *last = NULL;

	if (file_read(log, &b))
		return fail(OUT_BROKEN, "can't read %s", log);
	for (const char *at = buf_str(&b); (at = strstr(at, mark)); at++)
		last = at + strlen(mark);
	if (!last)
		return fail(OUT_BROKEN, "no build is told in %s", log);
	*steps = strtod(last, NULL);
	return 0;
}

/* A new line in a patch from there, and what builds it. The caller owns it. */
static int next_patch(struct bench_run *r, const struct bench *b, const char *dir, char **words)
{
	unsigned int number;
	int ret = lines_write(r, dir, 1, &number);

	*words = ret ? NULL : strf("%s PATCH=%s/line-%u.patch", b->command, dir, number);
	return ret;
}

static int time_build(struct bench_run *r, const struct bench *b, const char *dir, double *seconds)
{
	_cleanup_free_ char *words = NULL;
	int ret = next_patch(r, b, dir, &words);
	uint64_t start = now_ns();

	if (!ret)
		ret = bench_call(r, words, DEADLINE_S);
	*seconds = (double)(now_ns() - start) / 1e9;
	return ret;
}

/* What the next build took, after each kill. */
struct after {
	struct samples seconds, steps;
};

/* The checkout's own are built in the tree that all share, a stranger's in a copy of it. */
static int kill_one(struct bench_run *r, const struct bench *b, unsigned int round, double usual_s,
		    struct after *a)
{
	_cleanup_free_ char *words = NULL, *command = NULL;
	double seconds = 0, steps = 0;
	int ret = next_patch(r, b, round % 2 ? r->outside : r->inside, &words);

	if (ret)
		return ret;
	command = bench_command(r, words);
	ret = start_and_kill(command, (unsigned int)((double)random() / RAND_MAX * usual_s * 1000));
	if (!ret)
		ret = time_build(r, b, r->outside, &seconds);
	if (!ret)
		ret = steps_of_last(r, &steps);
	if (ret)
		return ret;
	samples_add(&a->seconds, seconds);
	samples_add(&a->steps, steps);
	return 0;
}

static int look_at_most(const struct bench_run *r, const struct bench *b, double usual_s)
{
	const struct figure *g = figures_find(&r->figures, b->name);
	double most = usual_s * BUSY > MOST_S ? usual_s * BUSY : MOST_S;

	if (!g || g->max <= most)
		return 0;
	return fail(OUT_FAIL, "after a build that was killed the next patch took %.1f s to build, more than %.1f s (%.1f s with no kill before)", g->max, most, usual_s);
}

/* However busy the machine is. */
static int look_at_steps(const struct bench_run *r, const struct bench *b)
{
	_cleanup_free_ char *name = strf("%s: " STEPS, b->name);
	const struct figure *g = figures_find(&r->figures, name);

	if (!g || g->max <= MOST_STEPS)
		return 0;
	return fail(OUT_FAIL, "after a build that was killed the next patch took %.0f build steps, more than %d", g->max, MOST_STEPS);
}

static int run_killed(struct bench_run *r, const struct bench *b)
{
	struct after a = { 0 };
	double usual_s;
	int ret = time_build(r, b, r->inside, &usual_s);

	if (!ret)
		ret = time_build(r, b, r->outside, &usual_s);
	srandom((unsigned int)now_ns());
	for (unsigned int i = 0; !ret && i < KILLS; i++)
		ret = kill_one(r, b, i, usual_s, &a);
	if (!ret)
		ret = bench_add_part(r, b, STEPS, "steps", &a.steps);
	if (!ret)
		ret = bench_add_seconds(r, b, &a.seconds);
	samples_free(&a.seconds);
	samples_free(&a.steps);
	if (!ret)
		ret = look_at_steps(r, b);
	return ret ? ret : look_at_most(r, b, usual_s);
}

static const struct bench killed[] = {
	{ .name = "killed-builds", .what = "after each of ten builds that are killed at a random moment, the next patch: under 10 s each", .on_request = true, .run = run_killed, .command = "kernel host LANE=tcg-svm" },
};
BENCHES(killed);
