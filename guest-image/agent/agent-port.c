// SPDX-License-Identifier: GPL-2.0-only
#include "agent-port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define LOOK_FOR_PEER (20 * MSEC)
#define LOOK_FOR_PORT (100 * MSEC)
#define CLASS_DIR "/sys/class/virtio-ports"

void port_init(struct port *p, enum port_kind kind, const char *where, int fd)
{
	*p = (struct port){ .kind = kind, .where = where, .fd = fd, .listen_fd = -1 };
	if (kind != PORT_FD)
		return;
	p->up = true;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static bool read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, line, size - 1);
	close(fd);
	if (n < 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/*
 * Is /sys/class/virtio-ports/<entry> the port of this name? Then its device node is written to
 * path.
 */
static bool port_is(const char *entry, const char *name, char *path, size_t size)
{
	char file[320], line[128];

	snprintf(file, sizeof(file), CLASS_DIR "/%s/name", entry);
	if (!read_line(file, line, sizeof(line)) || strcmp(line, name))
		return false;
	snprintf(path, size, "/dev/%s", entry);
	return true;
}

static bool find_virtio(const char *name, char *path, size_t size)
{
	DIR *d = opendir(CLASS_DIR);
	bool found = false;
	struct dirent *e;

	if (!d)
		return false;
	while (!found && (e = readdir(d)))
		found = e->d_name[0] != '.' && port_is(e->d_name, name, path, size);
	closedir(d);
	return found;
}

static int open_virtio(struct port *p)
{
	char path[320];

	if (!find_virtio(p->where, path, sizeof(path))) {
		errno = ENOENT;
		return -1;
	}
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int open_path(struct port *p)
{
	int fd = open(p->where, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct termios t;

	if (fd < 0 || tcgetattr(fd, &t))
		return fd;
	cfmakeraw(&t);
	cfsetspeed(&t, B115200); /* a serial line's default is 9600 */
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cflag &= ~(tcflag_t)CRTSCTS;
	tcsetattr(fd, TCSANOW, &t);
	return fd;
}

/* A new socket in *fd, and the address. */
static bool unix_socket(const char *path, struct sockaddr_un *sa, int *fd)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*fd = -1;
	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(sa->sun_path))
		return false;
	strcpy(sa->sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return *fd >= 0;
}

static int close_failed(int fd)
{
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return -1;
}

int unix_connect_nonblock(const char *path)
{
	struct sockaddr_un sa;
	int fd;

	if (unix_socket(path, &sa, &fd) && !connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	return close_failed(fd);
}

static int open_listen(const char *path)
{
	struct sockaddr_un sa;
	int fd;

	unlink(path);
	if (unix_socket(path, &sa, &fd) && !bind(fd, (struct sockaddr *)&sa, sizeof(sa)) &&
	    !listen(fd, 8))
		return fd;
	return close_failed(fd);
}

static int accept_one(struct port *p)
{
	if (p->listen_fd < 0)
		p->listen_fd = open_listen(p->where);
	if (p->listen_fd < 0)
		return -1;
	return accept4(p->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static int try_open(struct port *p)
{
	switch (p->kind) {
	case PORT_VIRTIO:
		return open_virtio(p);
	case PORT_PATH:
		return open_path(p);
	case PORT_LISTEN:
		return accept_one(p);
	case PORT_FD:
		break;
	}
	return -1;
}

static void tell_once(struct port *p)
{
	if (p->told || errno == ENOENT || errno == EAGAIN)
		return;
	p->told = true;
	say("can't open port %s: %s; trying on", p->where, strerror(errno));
}

static void look(struct port *p)
{
	struct pollfd pf = { .fd = p->fd };

	if (p->fd < 0) {
		p->look_ns = mono_ns() + LOOK_FOR_PORT;
		p->fd = try_open(p);
		if (p->fd < 0) {
			tell_once(p);
			return;
		}
		pf.fd = p->fd;
	}
	p->look_ns = mono_ns() + LOOK_FOR_PEER;
	p->up = p->kind != PORT_VIRTIO || (poll(&pf, 1, 0) >= 0 && !(pf.revents & POLLHUP));
}

static void came(void *ctx, short revents)
{
	struct port *p = ctx;

	(void)revents;
	p->look_ns = 0;
}

void port_prepare(struct port *p, struct loop *l, short events, loop_ready ready, void *ctx)
{
	if (p->over)
		return;
	if (!p->up && mono_ns() >= p->look_ns) {
		look(p);
		/* Its owner may want other events of a port that is up. */
		if (p->up)
			loop_now(l);
	}
	if (p->up)
		loop_add(l, p->fd, events, ready, ctx);
	else if (p->listen_fd >= 0)
		loop_add(l, p->listen_fd, POLLIN, came, p);
	else
		loop_due(l, p->look_ns);
}

static void close_port(struct port *p)
{
	close(p->fd);
	p->fd = -1;
	p->over = p->kind == PORT_FD;
	p->look_ns = mono_ns() + (p->kind == PORT_LISTEN ? 0 : LOOK_FOR_PORT);
}

void port_hang_up(struct port *p)
{
	if (!p->up)
		return;
	p->up = false;
	/* A virtio port stays open: closing it would be seen by the host as the agent's end. */
	if (p->kind == PORT_VIRTIO)
		p->look_ns = mono_ns() + LOOK_FOR_PEER;
	else
		close_port(p);
}

/* n < 0 with errno as a call left it: is the line only busy? */
static ssize_t busy_or_gone(struct port *p)
{
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	port_hang_up(p);
	if (p->fd >= 0)
		close_port(p); /* unplugged: found anew by its name when it is back */
	return -1;
}

ssize_t port_read(struct port *p, void *buf, size_t len)
{
	ssize_t n;

	if (!p->up)
		return -1;
	n = read(p->fd, buf, len);
	if (n > 0)
		return n;
	if (n < 0)
		return busy_or_gone(p);
	port_hang_up(p);
	return -1;
}

ssize_t port_write(struct port *p, const void *data, size_t len)
{
	ssize_t n;

	if (!p->up)
		return -1;
	n = write(p->fd, data, len);
	return n >= 0 ? n : busy_or_gone(p);
}
