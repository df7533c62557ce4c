// SPDX-License-Identifier: GPL-2.0-only
#include "core/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"

#define DEFAULT_DEADLINE_S 60
#define TICK_MS 200
#define LINE_MAX_BYTES 65536

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

void proc_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool proc_interrupted(void)
{
	return interrupted != 0;
}

void proc_child_setup(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	sigset_t none;

	for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
		signal(caught[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A harness that was killed with -9 can clean up nothing: the kernel does it here. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void proc_close_fds_above(int last)
{
	/* Before Linux 5.9: one by one. */
	if (close_range((unsigned int)last + 1, ~0U, 0))
		for (int fd = last + 1; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
			close(fd);
}

void proc_close_fds(void)
{
	proc_close_fds_above(STDERR_FILENO);
}

struct run {
	const struct proc *p;
	pid_t pid;
	int out;	/* read end of the child's output */
	int log;	/* -1: none */
	struct buf line;
	uint64_t looked; /* at the limits, when */
	unsigned int turn;
	size_t printed;
	char last[256]; /* the last line that said something, for messages */
};

/*
 * It has a user namespace of its own where only that lets it mount. Who is not root there loses
 * what is allowed in it with the exec that follows.
 */
static bool enter(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd >= 0 && (!setns(fd, CLONE_NEWUSER | CLONE_NEWNS) || !setns(fd, CLONE_NEWNS));
}

static void child_exec(const struct proc *p, pid_t parent, int in, int out, int err)
{
	setpgid(0, 0);
	proc_child_setup();
	if (getppid() != parent)
		_exit(127);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	proc_close_fds();
	if (p->space && !enter(p->space))
		_exit(127);
	if (p->cwd && chdir(p->cwd))
		_exit(127);
	for (char *const *e = p->env; e && *e; e++)
		putenv(*e);
	if (p->limits)
		limits_set(p->limits);
	execvp(p->argv[0], p->argv);
	_exit(127);
}

/*
 * A file with the input's bytes, already unlinked: no pipe, so no deadlock with a child that reads
 * late.
 */
static int open_input(const char *input)
{
	char path[] = "/tmp/nestlab-input-XXXXXX";
	size_t len = input ? strlen(input) : 0;
	int fd;

	if (!input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -1;
	unlink(path);
	if (write(fd, input, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		goto err;
	return fd;
err:
	close(fd);
	return -1;
}

static void take_line(struct run *r, const char *line)
{
	if (*line)
		snprintf(r->last, sizeof(r->last), "%s", line);
	if (r->p->on_line)
		r->p->on_line(line, r->p->ctx);
}

/* A flood of short lines is dropped once, not line by line. */
static void take_lines(struct run *r)
{
	size_t at = 0;
	char *nl;

	while ((nl = memchr(r->line.data + at, '\n', r->line.len - at))) {
		*nl = '\0';
		take_line(r, r->line.data + at);
		at = (size_t)(nl - r->line.data) + 1;
	}
	buf_drop(&r->line, at);
}

static void take_output(struct run *r, const char *data, size_t len)
{
	r->printed += len;
	if (r->log >= 0 && write(r->log, data, len) < 0)
		r->log = -1;
	if (r->p->out)
		buf_add(r->p->out, data, len);
	buf_add(&r->line, data, len);
	take_lines(r);
	if (r->line.len > LINE_MAX_BYTES) {
		take_line(r, r->line.data);
		buf_drop(&r->line, r->line.len);
	}
}

static int spawn(struct run *r)
{
	const struct proc *p = r->p;
	_cleanup_close_ int in = open_input(p->input);
	_cleanup_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int pipe_fd[2], err;
	pid_t parent = getpid();

	if (in < 0 || null < 0 || pipe2(pipe_fd, O_CLOEXEC))
		return fail(OUT_BROKEN, "%s: can't prepare files for %s: %s", p->what, p->argv[0],
			    strerror(errno));
	/* With a log both streams go there, in the order they were written. */
	err = p->log_path ? pipe_fd[1] : p->quiet_stderr ? null : STDERR_FILENO;
	r->pid = fork();
	if (!r->pid)
		child_exec(p, parent, in, pipe_fd[1], err);
	close(pipe_fd[1]);
	if (r->pid < 0) {
		close(pipe_fd[0]);
		return fail(OUT_BROKEN, "%s: can't start %s: %s", p->what, p->argv[0],
			    strerror(errno));
	}
	setpgid(r->pid, r->pid); /* in both, so that a kill() right now finds the group */
	r->out = pipe_fd[0];
	return 0;
}

static int stop_group(struct run *r, enum outcome outcome, const char *why)
{
	kill(-r->pid, SIGTERM);
	for (int i = 0; i < 20; i++) {
		if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
			goto gone;
		poll(NULL, 0, 50);
	}
	kill(-r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
gone:
	kill(-r->pid, SIGKILL); /* what it left behind in its group */
	return fail(outcome, "%s: %s", r->p->what, why);
}

static unsigned int slowdown = 1;

void proc_slow_down(unsigned int times)
{
	slowdown = times;
}

static unsigned int seconds_of(const struct proc *p)
{
	return (p->deadline_s ? p->deadline_s : DEFAULT_DEADLINE_S) * (p->budget ? 1 : slowdown);
}

/* Not with each line that it says. */
static int check_limits(struct run *r)
{
	_cleanup_free_ char *what = NULL, *why = NULL;

	if (!r->p->limits || now_ns() < r->looked + TICK_MS * NSEC_PER_MSEC)
		return 0;
	what = r->printed > LIMITS_OUTPUT ? strf("it printed more than %zu MB", LIMITS_OUTPUT >> 20)
					  : limits_exceeded(r->p->limits, r->pid, r->turn++);
	r->looked = now_ns();
	if (!what)
		return 0;
	why = strf("%s, and was stopped", what);
	return stop_group(r, OUT_BUILD_ERROR, why);
}

/* Read until the child closes its output. 0, or a negative outcome when it had to be stopped. */
static int pump(struct run *r)
{
	unsigned int seconds = seconds_of(r->p);
	uint64_t deadline = now_ns() + seconds * NSEC_PER_SEC;
	char chunk[65536];

	for (;;) {
		struct pollfd pfd = { .fd = r->out, .events = POLLIN };
		ssize_t n;

		if (proc_interrupted() && !r->p->clears_up)
			return stop_group(r, OUT_INTERRUPTED, "interrupted");
		if (now_ns() > deadline) {
			_cleanup_free_ char *why = strf("%s had not ended after %u s%s%s; stopped",
							r->p->argv[0], seconds,
							r->last[0] ? "; it last said: " : "", r->last);

			return stop_group(r, OUT_BROKEN, why);
		}
		if (check_limits(r))
			return -OUT_BUILD_ERROR;
		ui_tick();
		if (poll(&pfd, 1, TICK_MS) <= 0)
			continue;
		n = read(r->out, chunk, sizeof(chunk));
		if (n == 0)
			return 0;
		if (n > 0)
			take_output(r, chunk, (size_t)n);
		else if (errno != EINTR)
			return 0;
	}
}

static int run_child(struct run *r)
{
	int ret, status;

	ret = spawn(r);
	if (ret)
		return ret;
	ret = pump(r);
	if (ret)
		return ret;
	if (r->line.len)
		take_line(r, r->line.data);
	if (waitpid(r->pid, &status, 0) < 0)
		return fail(OUT_BROKEN, "%s: lost track of %s: %s", r->p->what, r->p->argv[0],
			    strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_with_log(struct run *r)
{
	int ret;

	r->log = -1;
	r->out = -1;
	if (r->p->log_path) {
		r->log = open(r->p->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (r->log < 0)
			return fail(OUT_BROKEN, "%s: can't write the log %s: %s", r->p->what,
				    r->p->log_path, strerror(errno));
	}
	ret = run_child(r);
	close_p(&r->out);
	close_p(&r->log);
	buf_free(&r->line);
	return ret;
}

int proc_run(const struct proc *p)
{
	struct run r = { .p = p };

	return run_with_log(&r);
}

int proc_check(const struct proc *p)
{
	struct run r = { .p = p };
	int ret = run_with_log(&r);

	if (ret <= 0)
		return ret;
	if (ret == 127 && !r.last[0])
		return fail(OUT_BROKEN, "%s: can't run %s: is it installed? `nestlab doctor` tells what is missing", p->what, p->argv[0]);
	if (cache_disk_is_full())
		return fail(OUT_BROKEN, "%s: %s ended with status %d; the disk of the cache %s is full: make room and try again", p->what,
			    p->argv[0], ret, path_cache());
	return fail(OUT_BROKEN, "%s: %s ended with status %d%s%s%s%s", p->what, p->argv[0], ret,
		    r.last[0] ? "; it last said: " : "", r.last, p->log_path ? "; see " : "",
		    p->log_path ? p->log_path : "");
}
