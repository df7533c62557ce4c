// SPDX-License-Identifier: GPL-2.0-only
/*
 * A build that was killed by SIGKILL, at a random moment, and then the next patch: what it left
 * must not cost that one a build of everything (it did: 45 to 145 s, each time, for ever).
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lines.h"
#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"

#define KILLS 10
#define MOST_S 10.0 /* on a busy machine: twice what such a build takes with no kill before it */
#define BUSY 2
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

/* The checkout's own are built in the tree that all share, a stranger's in a copy of it. */
static int kill_one(struct bench_run *r, const struct bench *b, unsigned int round, double usual_s,
		    struct samples *s)
{
	_cleanup_free_ char *words = NULL, *command = NULL;
	double seconds;
	int ret = next_patch(r, b, round % 2 ? r->outside : r->inside, &words);

	if (ret)
		return ret;
	command = bench_command(r, words);
	ret = start_and_kill(command, (unsigned int)((double)random() / RAND_MAX * usual_s * 1000));
	if (!ret)
		ret = time_build(r, b, r->outside, &seconds);
	if (!ret)
		samples_add(s, seconds);
	return ret;
}

static int look_at_most(const struct bench_run *r, const struct bench *b, double usual_s)
{
	const struct figure *g = figures_find(&r->figures, b->name);
	double most = usual_s * BUSY > MOST_S ? usual_s * BUSY : MOST_S;

	if (!g || g->max <= most)
		return 0;
	return fail(OUT_FAIL, "after a build that was killed the next patch took %.1f s to build, more than %.1f s (%.1f s with no kill before)", g->max, most, usual_s);
}

static int run_killed(struct bench_run *r, const struct bench *b)
{
	struct samples s = { 0 };
	double usual_s;
	int ret = time_build(r, b, r->inside, &usual_s);

	if (!ret)
		ret = time_build(r, b, r->outside, &usual_s);
	srandom((unsigned int)now_ns());
	for (unsigned int i = 0; !ret && i < KILLS; i++)
		ret = kill_one(r, b, i, usual_s, &s);
	if (!ret)
		ret = bench_add_seconds(r, b, &s);
	samples_free(&s);
	return ret ? ret : look_at_most(r, b, usual_s);
}

static const struct bench killed[] = {
	{ .name = "killed-builds", .what = "after each of ten builds that are killed at a random moment, the next patch: under 10 s each", .on_request = true, .run = run_killed, .command = "kernel host LANE=tcg-svm" },
};
BENCHES(killed);
