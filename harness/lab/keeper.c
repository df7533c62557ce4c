// SPDX-License-Identifier: GPL-2.0-only
#include "lab/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/paths.h"
#include "core/proc.h"
#include "core/util.h"
#include "machine/libvirt/daemon.h"

/* Its word, or its end with what it says to the shell; ^C is sent to both, and it answers. */
static void wait_for(pid_t child, int word)
{
	int status = 0;
	char byte;

	signal(SIGINT, SIG_IGN);
	if (read(word, &byte, 1) == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void keeper_fork(struct keeper *k)
{
	int pair[2];
	pid_t child;

	k->parent = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return;
	fflush(NULL);
	child = fork();
	if (child > 0) {
		close(pair[0]);
		wait_for(child, pair[1]);
	}
	k->parent = dup2(pair[0], STDERR_FILENO + 1);
	fcntl(k->parent, F_SETFD, FD_CLOEXEC);
	proc_close_fds_above(k->parent);
}

void keeper_ready(struct keeper *k)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_NAME, KEEPER_NAME);
	setsid();
	if (chdir(path_run()))
		return;
	fflush(NULL);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	close_p(&null);
	if (k->parent >= 0 && write(k->parent, "", 1) == 1)
		close(k->parent);
	k->parent = -1;
}
