// SPDX-License-Identifier: GPL-2.0-only
/* EXEC: a program, its output, its input and its end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-flow.h"
#include "agent-spawn.h"

#define END_OF_TRANSMISSION 4 /* ^D */

struct exec;

struct output {
	struct exec *x;
	uint8_t stream;
	int fd; /* -1: at its end */
};

struct exec {
	struct op op;
	pid_t pid;
	bool tty;
	bool ended; /* and reaped */
	struct output out[2];
	struct inflow in;
	uint64_t start_ns, end_ns;
	siginfo_t status;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- output ---- */

/* 1 when something came, 0 when there is nothing now, -1 at the end. */
static int pump(struct output *o)
{
	ssize_t n = op_output(&o->x->op, o->fd, o->stream);

	if (n > 0)
		return 1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	close_fd(&o->fd); /* EIO is how a terminal tells its end */
	return -1;
}

static void output_ready(void *ctx, short revents)
{
	struct output *o = ctx;

	(void)revents;
	/* Earlier callbacks of this turn may have closed it, or filled the line. */
	if (o->fd >= 0 && op_room(&o->x->op))
		pump(o);
}

/*
 * The program has ended: what can be read now is all it wrote (a terminal too hands on what is on
 * its way before it says that there is nothing). The end of the file may never come: a daemon may
 * hold it.
 */
static void drain(struct output *o)
{
	int got = 1;

	while (got > 0 && op_room(&o->x->op))
		got = pump(o);
	if (!got)
		close_fd(&o->fd);
}

/* ---- input ---- */

static void close_input(struct inflow *f)
{
	close(f->fd);
}

/* A terminal stays open: its end of input is a character. */
static void exec_input(struct op *o, const struct proto_input *m)
{
	static const uint8_t eot = END_OF_TRANSMISSION;
	struct exec *x = (struct exec *)o;

	if (x->tty && !m->len)
		inflow_add(&x->in, &eot, 1);
	else
		inflow_add(&x->in, m->bytes, m->len);
}

/* ---- begin and end ---- */

static void send_exit(struct exec *x, int err)
{
	bool by_signal = x->status.si_code == CLD_KILLED || x->status.si_code == CLD_DUMPED;
	uint32_t status = (uint32_t)x->status.si_status;
	union proto_msg m = { .exit = {
				      .error = (uint32_t)err,
				      .code = by_signal ? 0 : status,
				      .signal = by_signal ? status : 0,
				      .start_ns = x->start_ns,
				      .end_ns = x->end_ns,
			      } };

	op_send(&x->op, PROTO_EXIT, &m);
	x->op.gone = true;
}

static int exec_start(struct op *o, const union proto_msg *m)
{
	struct exec *x = (struct exec *)o;
	struct spawned s;
	union proto_msg started;
	int err;

	x->start_ns = mono_ns();
	err = spawn(&m->exec, &s);
	x->pid = s.pid;
	x->tty = m->exec.flags & PROTO_EXEC_TTY;
	x->in = (struct inflow){ .op = o, .fd = s.in, .close = close_input };
	x->out[0] = (struct output){ x, PROTO_STDOUT, s.out };
	x->out[1] = (struct output){ x, PROTO_STDERR, s.err };
	if (err) {
		x->ended = true;
		x->end_ns = mono_ns();
		x->in.fd = x->out[0].fd = x->out[1].fd = -1;
		send_exit(x, err);
		return 0;
	}
	started.started = (struct proto_started){ (uint32_t)s.pid, x->start_ns };
	op_send(o, PROTO_STARTED, &started);
	return 0;
}

/*
 * The status is looked at before the process is reaped: until then nobody else can get its number,
 * and the signal to what is left of its group hits no stranger.
 */
static void exec_child(struct op *o)
{
	struct exec *x = (struct exec *)o;

	x->status.si_pid = 0;
	if (x->ended || waitid(P_PID, (id_t)x->pid, &x->status, WEXITED | WNOHANG | WNOWAIT) ||
	    !x->status.si_pid)
		return;
	kill(-x->pid, SIGKILL);
	waitpid(x->pid, NULL, 0);
	x->ended = true;
	x->end_ns = mono_ns();
	inflow_over(&x->in);
	if (o->silent)
		o->gone = true;
}

static void exec_prepare(struct op *o, struct loop *l)
{
	struct exec *x = (struct exec *)o;

	for (int i = 0; i < 2; i++) {
		struct output *out = &x->out[i];

		if (out->fd < 0 || !op_room(o))
			continue;
		if (x->ended)
			drain(out);
		else
			loop_add(l, out->fd, POLLIN, output_ready, out);
	}
	inflow_prepare(&x->in, l);
	if (x->ended && x->out[0].fd < 0 && x->out[1].fd < 0)
		send_exit(x, 0);
}

static void exec_resize(struct op *o, const struct proto_resize *m)
{
	struct exec *x = (struct exec *)o;
	struct winsize size = { .ws_row = m->rows, .ws_col = m->cols };

	if (x->tty && x->out[0].fd >= 0)
		ioctl(x->out[0].fd, TIOCSWINSZ, &size);
}

static void exec_kill(struct op *o, const struct proto_kill *m)
{
	struct exec *x = (struct exec *)o;

	if (!x->ended)
		kill(-x->pid, (int)m->signal);
}

static void exec_cancel(struct op *o)
{
	struct exec *x = (struct exec *)o;

	inflow_over(&x->in);
	close_fd(&x->out[0].fd);
	close_fd(&x->out[1].fd);
	if (x->ended)
		o->gone = true;
	else
		kill(-x->pid, SIGKILL);
}

static void exec_end(struct op *o)
{
	struct exec *x = (struct exec *)o;

	inflow_free(&x->in);
	close_fd(&x->out[0].fd);
	close_fd(&x->out[1].fd);
}

static const struct op_type exec_op = {
	.request = PROTO_EXEC,
	.size = sizeof(struct exec),
	.start = exec_start,
	.prepare = exec_prepare,
	.input = exec_input,
	.resize = exec_resize,
	.kill = exec_kill,
	.child = exec_child,
	.cancel = exec_cancel,
	.end = exec_end,
};
OP_TYPE(exec_op);
