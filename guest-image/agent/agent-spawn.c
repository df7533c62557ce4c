// SPDX-License-Identifier: GPL-2.0-only
#include "agent-spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Both sides of what joins the program to the agent. */
struct ends {
	struct spawned ours;
	int theirs[3];
	int told[2]; /* execve() closes it, or its errno comes through it */
};

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void drop_theirs(struct ends *e)
{
	/* A terminal's slave is one descriptor three times. */
	if (e->theirs[1] == e->theirs[0])
		e->theirs[1] = e->theirs[2] = -1;
	for (int i = 0; i < 3; i++)
		drop(&e->theirs[i]);
	drop(&e->told[1]);
}

static void drop_all(struct ends *e)
{
	drop_theirs(e);
	drop(&e->told[0]);
	drop(&e->ours.in);
	drop(&e->ours.out);
	drop(&e->ours.err);
}

/* Only the agent's end is non-blocking: a program expects to wait when it writes. */
static int pipe_to(int *ours, int *theirs, bool we_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return errno;
	*ours = fds[we_write];
	*theirs = fds[!we_write];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) ? errno : 0;
}

static int open_pipes(struct ends *e, bool input)
{
	int err = 0;

	if (input)
		err = pipe_to(&e->ours.in, &e->theirs[0], true);
	else if ((e->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		err = errno;
	if (!err)
		err = pipe_to(&e->ours.out, &e->theirs[1], false);
	if (!err)
		err = pipe_to(&e->ours.err, &e->theirs[2], false);
	return err;
}

static int open_terminal(struct ends *e, const struct proto_exec *x)
{
	struct winsize size = { .ws_row = x->rows, .ws_col = x->cols };
	int unlock = 0, master;

	master = e->ours.out = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock))
		return errno;
	/* By the master and not by name: /dev/pts may be another mount, or none. */
	e->theirs[0] = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (e->theirs[0] < 0)
		return errno;
	e->theirs[1] = e->theirs[2] = e->theirs[0];
	if (x->flags & PROTO_EXEC_INPUT)
		e->ours.in = fcntl(master, F_DUPFD_CLOEXEC, 0);
	ioctl(master, TIOCSWINSZ, &size);
	return 0;
}

/* ---- in the child ---- */

static void default_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void default_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) == 1)
		close(fd);
}

static int become(const struct proto_exec *x, const struct ends *e)
{
	setsid();
	if (x->flags & PROTO_EXEC_TTY)
		ioctl(e->theirs[0], TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		if (dup2(e->theirs[i], i) < 0)
			return errno;
#ifdef SYS_close_range
	/* Whatever the agent was started with: CLOSE_RANGE_CLOEXEC is 4. */
	syscall(SYS_close_range, 3U, ~0U, 4U);
#endif
	default_oom_score();
	default_signals();
	umask(022);
	if (chdir(*x->cwd ? x->cwd : "/"))
		return errno;
	for (unsigned int i = 0; i < x->envc; i++)
		putenv((char *)(uintptr_t)x->env[i]);
	execvp(x->argv[0], (char *const *)(uintptr_t)x->argv);
	return errno;
}

static _Noreturn void child(const struct proto_exec *x, const struct ends *e)
{
	int err = become(x, e);

	while (write(e->told[1], &err, sizeof(err)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* ---- in the agent ---- */

static int how_it_went(struct ends *e)
{
	int err = 0;
	ssize_t n;

	do
		n = read(e->told[0], &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(err))
		return 0;
	waitpid(e->ours.pid, NULL, 0);
	return err;
}

int spawn(const struct proto_exec *x, struct spawned *s)
{
	struct ends e = { { 0, -1, -1, -1 }, { -1, -1, -1 }, { -1, -1 } };
	int err;

	err = x->flags & PROTO_EXEC_TTY ? open_terminal(&e, x)
					: open_pipes(&e, x->flags & PROTO_EXEC_INPUT);
	if (!err && pipe2(e.told, O_CLOEXEC))
		err = errno;
	if (!err) {
		e.ours.pid = fork();
		if (!e.ours.pid)
			child(x, &e);
		err = e.ours.pid < 0 ? errno : 0;
	}
	drop_theirs(&e);
	if (!err)
		err = how_it_went(&e);
	drop(&e.told[0]);
	*s = e.ours;
	if (err)
		drop_all(&e);
	return err;
}
