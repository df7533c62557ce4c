// SPDX-License-Identifier: GPL-2.0-only
/* PUT and WRITE: files that come from the client. GET: a file that goes to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-flow.h"

/*
 * How often a file that has nothing to say just now is read again. poll() tells of trace_pipe only
 * when its buffer is half full.
 */
#define READ_AGAIN (20 * MSEC)

/* ---- PUT ---- */

struct put {
	struct op op;
	char *path, *temp; /* temp is renamed to path when all has come */
	int fd;
	uint64_t size;
	uint64_t taken, told;
};

static void make_folders(char *path)
{
	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		mkdir(path, 0755); /* what is really wrong is told by creating the file */
		*s = '/';
	}
}

static int put_start(struct op *o, const union proto_msg *m)
{
	struct put *p = (struct put *)o;

	p->fd = -1;
	p->size = m->put.size;
	if (!*m->put.path)
		return ENOENT;
	p->path = strdup(m->put.path);
	if (!p->path || asprintf(&p->temp, "%s.XXXXXX", p->path) < 0) {
		p->temp = NULL;
		return ENOMEM;
	}
	make_folders(p->path);
	p->fd = mkostemp(p->temp, O_CLOEXEC);
	if (p->fd < 0) {
		int err = errno;

		free(p->temp);
		p->temp = NULL; /* not there to be removed */
		return err;
	}
	return fchmod(p->fd, m->put.mode & 07777) ? errno : 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int put_finish(struct put *p)
{
	int fd = p->fd;

	p->fd = -1;
	if (close(fd))
		return errno;
	if (p->taken != p->size)
		return EIO;
	if (rename(p->temp, p->path))
		return errno;
	free(p->temp);
	p->temp = NULL;
	return 0;
}

static void forget_part(struct put *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->temp)
		unlink(p->temp);
	free(p->temp);
	p->fd = -1;
	p->temp = NULL;
}

static void put_failed(struct put *p, int err)
{
	forget_part(p); /* before it is told: who asked may look */
	op_error(&p->op, err, strerror(err));
}

static void put_input(struct op *o, const struct proto_input *m)
{
	struct put *p = (struct put *)o;
	int err;

	p->taken += m->len;
	err = m->len ? write_all(p->fd, m->bytes, m->len) : put_finish(p);
	if (err)
		put_failed(p, err);
	else if (m->len)
		op_taken(o, p->taken, &p->told);
	else
		op_done(o, p->size);
}

static void put_end(struct op *o)
{
	struct put *p = (struct put *)o;

	forget_part(p);
	free(p->path);
}

static const struct op_type put_op = {
	.request = PROTO_PUT,
	.size = sizeof(struct put),
	.start = put_start,
	.input = put_input,
	.end = put_end,
};
OP_TYPE(put_op);

/* ---- WRITE ---- */

/* Over at once. */
static int write_start(struct op *o, const union proto_msg *m)
{
	/*
	 * O_APPEND matters to ordinary files and to set_ftrace_filter; sysfs does not look at it.
	 * O_NONBLOCK: a FIFO nobody reads must not stop the agent.
	 */
	int fd = open(m->write.path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n = 0;
	int err = fd < 0 ? errno : 0;

	if (!err && m->write.len) {
		n = write(fd, m->write.bytes, m->write.len);
		err = n < 0 ? errno : 0;
	}
	/* Some files of the kernel take what was written only now (set_ftrace_filter). */
	if (fd >= 0 && close(fd) && !err)
		err = errno;
	if (!err)
		op_done(o, (uint64_t)n);
	return err;
}

static const struct op_type write_op = {
	.request = PROTO_WRITE,
	.size = sizeof(struct op),
	.start = write_start,
};
OP_TYPE(write_op);

/* ---- GET ---- */

struct get {
	struct op op;
	int fd;
	uint64_t total;
	uint64_t again_ns;
};

static int get_start(struct op *o, const union proto_msg *m)
{
	struct get *g = (struct get *)o;

	g->fd = open(m->get.path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return g->fd < 0 ? errno : 0;
}

/* One read; false when there is nothing more to be had in this turn. */
static bool get_some(struct get *g)
{
	ssize_t n = op_output(&g->op, g->fd, PROTO_FILE);

	if (n > 0)
		g->total += (uint64_t)n;
	else if (!n)
		op_done(&g->op, g->total);
	else if (errno == EAGAIN || errno == EINTR)
		g->again_ns = mono_ns() + READ_AGAIN;
	else
		op_error(&g->op, errno, strerror(errno));
	return n > 0;
}

static void get_prepare(struct op *o, struct loop *l)
{
	struct get *g = (struct get *)o;

	if (mono_ns() >= g->again_ns)
		while (op_room(o) && get_some(g))
			;
	if (!o->gone && g->again_ns > mono_ns())
		loop_due(l, g->again_ns);
}

static void get_end(struct op *o)
{
	struct get *g = (struct get *)o;

	if (g->fd >= 0)
		close(g->fd);
}

static const struct op_type get_op = {
	.request = PROTO_GET,
	.size = sizeof(struct get),
	.start = get_start,
	.prepare = get_prepare,
	.end = get_end,
};
OP_TYPE(get_op);
