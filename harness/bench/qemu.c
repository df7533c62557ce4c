// SPDX-License-Identifier: GPL-2.0-only
#include "bench/qemu.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"

#define QMP_FD 3

static void become(const struct strv *argv, pid_t parent, int fd)
{
	setpgid(0, 0);
	proc_child_setup();
	if (getppid() != parent || dup2(fd, QMP_FD) < 0)
		_exit(127);
	close_range(QMP_FD + 1, ~0U, 0);
	execvp(argv->v[0], argv->v);
	_exit(127);
}

int qemu_start(struct qemu *q, const struct strv *argv)
{
	_cleanup_strv_ struct strv all = { 0 };
	int pair[2];
	pid_t parent = getpid();

	*q = (struct qemu){ .qmp = -1 };
	for (size_t i = 0; i < argv->n; i++)
		strv_add(&all, argv->v[i]);
	strv_add(&all, "-chardev");
	strv_addf(&all, "socket,fd=%d,id=qmp", QMP_FD);
	strv_add(&all, "-mon");
	strv_add(&all, "chardev=qmp,mode=control");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return fail(OUT_BROKEN, "can't make a socket for QEMU: %m");
	q->pid = fork();
	if (!q->pid)
		become(&all, parent, pair[1]);
	close(pair[1]);
	q->qmp = pair[0];
	if (q->pid > 0)
		return qemu_say(q, "{\"execute\": \"qmp_capabilities\"}");
	q->pid = 0;
	return fail(OUT_BROKEN, "can't start %s: %m", argv->v[0]);
}

int qemu_say(struct qemu *q, const char *command)
{
	_cleanup_free_ char *line = strf("%s\n", command);

	if (send(q->qmp, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
		return 0;
	return fail(OUT_BROKEN, "QEMU does not take %s: %m", command);
}

/* Lines that came, up to one with the text. */
static bool has_said(struct qemu *q, const char *text)
{
	char *nl;

	while (q->in.len && (nl = memchr(q->in.data, '\n', q->in.len))) {
		bool found;

		*nl = '\0';
		found = strstr(q->in.data, text);
		buf_drop(&q->in, (size_t)(nl - q->in.data) + 1);
		if (found)
			return true;
	}
	return false;
}

int qemu_await(struct qemu *q, const char *text, unsigned int deadline_s)
{
	uint64_t deadline = now_ns() + deadline_s * NSEC_PER_SEC;

	while (!has_said(q, text)) {
		struct pollfd p = { .fd = q->qmp, .events = POLLIN };
		char chunk[4096];
		ssize_t n = poll(&p, 1, 100) > 0 ? read(q->qmp, chunk, sizeof(chunk)) : -1;

		if (n > 0)
			buf_add(&q->in, chunk, (size_t)n);
		if (proc_interrupted())
			return fail(OUT_INTERRUPTED, "interrupted");
		if (!n || now_ns() > deadline)
			return fail(OUT_BROKEN, "a plain QEMU %s before it said %s", n ? "took too long" : "ended", text);
	}
	return 0;
}

void qemu_end(struct qemu *q)
{
	if (q->pid) {
		kill(-q->pid, SIGKILL);
		kill(q->pid, SIGKILL);
		waitpid(q->pid, NULL, 0);
	}
	close_p(&q->qmp);
	buf_free(&q->in);
	*q = (struct qemu){ .qmp = -1 };
}
