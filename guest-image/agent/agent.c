// SPDX-License-Identifier: GPL-2.0-only
/*
 * The agent in a level: runs programs, moves files and reads counters for the harness (proto.h),
 * joins ports to sockets, and is init where there is no other. One process, one thread, one static
 * binary for L1 and L2.
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent-bridge.h"
#include "agent-level.h"
#include "agent-loop.h"
#include "agent-session.h"

#define BRIDGES_MAX 8
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct agent {
	struct link link;
	struct session seats[PROTO_SEATS];
	bool announced;
	struct bridge *bridges[BRIDGES_MAX];
	unsigned int bridge_count;
	int signals; /* signalfd */
	bool stop;
};

#define for_seats(s, a) for (struct session *s = (a)->seats; s < (a)->seats + PROTO_SEATS; s++)

static const char usage[] =
	"nestlab-agent [--port PORT] [--level NAME] [--bridge PORT=SOCKET]...\n"
	"  --port PORT           the line to the harness:\n"
	"                          NAME         a virtio-serial port of this name (" PROTO_PORT_NAME
	")\n"
	"                          /PATH        a terminal or another device\n"
	"                          listen:PATH  a unix socket to listen on, for tests\n"
	"                          fd:N         an open descriptor, for tests\n"
	"  --level NAME          what this machine is called (nestlab.level= on the kernel's "
	"command line)\n"
	"  --bridge PORT=SOCKET  join another port to a unix socket of this machine\n";

static bool parse_port(struct port *p, const char *spec)
{
	char *end;
	long fd;

	if (*spec == '/') {
		port_init(p, PORT_PATH, spec, -1);
	} else if (!strncmp(spec, "listen:", 7)) {
		port_init(p, PORT_LISTEN, spec + 7, -1);
	} else if (!strncmp(spec, "fd:", 3)) {
		fd = strtol(spec + 3, &end, 10);
		if (end == spec + 3 || *end || fcntl((int)fd, F_GETFD) < 0)
			return false;
		port_init(p, PORT_FD, spec, (int)fd);
	} else {
		port_init(p, PORT_VIRTIO, spec, -1);
	}
	return true;
}

static bool add_bridge(struct agent *a, char *arg)
{
	char *path = strrchr(arg, '=');
	struct port port;

	if (!path || a->bridge_count == BRIDGES_MAX)
		return false;
	*path++ = '\0';
	if (!parse_port(&port, arg))
		return false;
	a->bridges[a->bridge_count] = bridge_new(&port, path);
	return a->bridges[a->bridge_count++];
}

static bool parse_arg(struct agent *a, int option)
{
	switch (option) {
	case 'p':
		return parse_port(&a->link.port, optarg);
	case 'l':
		for_seats (s, a)
			s->level = optarg;
		return true;
	case 'b':
		return add_bridge(a, optarg);
	default:
		return false;
	}
}

static bool parse_args(struct agent *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "level", required_argument, NULL, 'l' },
		{ "bridge", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!parse_arg(a, option))
			return false;
	return optind == argc;
}

static void on_frame(void *ctx, const struct proto_frame *f)
{
	struct agent *a = ctx;

	session_frame(&a->seats[f->session % PROTO_SEATS], f);
}

static void on_hung_up(void *ctx)
{
	struct agent *a = ctx;

	for_seats (s, a)
		session_end(s);
}

static void init_seats(struct agent *a)
{
	a->link.frame = on_frame;
	a->link.hung_up = on_hung_up;
	a->link.ctx = a;
	for_seats (s, a)
		s->link = &a->link;
}

/* nestlab.bridges=PORT=SOCKET,...: what cannot be joined is not. */
static void add_bridges(struct agent *a, const char *list)
{
	char *save = NULL, *copy = list ? strdup(list) : NULL;

	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w; w = strtok_r(NULL, ",", &save))
		add_bridge(a, w);
}

/*
 * What the kernel was told serves where there are no arguments; an init's are the kernel's
 * leftovers.
 */
static bool configure(struct agent *a, int argc, char **argv, bool init)
{
	const char *port = level_option("nestlab.port");
	const char *level = level_option("nestlab.level");

	parse_port(&a->link.port, port ? port : PROTO_PORT_NAME);
	for_seats (s, a)
		s->level = level ? level : "";
	if (init)
		add_bridges(a, level_option("nestlab.bridges"));
	else if (!parse_args(a, argc, argv))
		return false;
	init_seats(a);
	return true;
}

/*
 * A descriptor below 3 that is closed would become a pipe's end, and then a child's standard
 * output.
 */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The kernel should end the program that eats the memory, not the one that can tell of it. */
static void protect_from_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	ssize_t n;

	if (fd < 0)
		return;
	n = write(fd, "-1000", 5); /* only root may; anybody else is trying the agent out */
	(void)n;
	close(fd);
}

static void look_for_children(struct agent *a)
{
	for_seats (s, a)
		session_child(s);
}

static void signal_ready(void *ctx, short revents)
{
	struct agent *a = ctx;
	struct signalfd_siginfo si;

	(void)revents;
	while (read(a->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			look_for_children(a);
		else
			a->stop = true;
	}
}

static void announce(struct agent *a)
{
	if (a->announced || !a->link.port.up)
		return;
	a->announced = true;
	session_announce(&a->seats[0]);
}

static void turn(struct agent *a, struct loop *l)
{
	loop_begin(l);
	link_flush(&a->link);
	announce(a);
	for_seats (s, a)
		session_prepare(s, l);
	link_prepare(&a->link, l);
	for (unsigned int i = 0; i < a->bridge_count; i++)
		bridge_prepare(a->bridges[i], l);
	loop_add(l, a->signals, POLLIN, signal_ready, a);
	if (!a->link.port.over)
		loop_wait(l);
}

/* Nothing of a session outlives the agent. */
static void finish(struct agent *a)
{
	struct loop *l = loop_get();

	for_seats (s, a)
		session_end(s);
	loop_begin(l);
	look_for_children(a);
	for_seats (s, a)
		session_prepare(s, l);
	link_prepare(&a->link, l);
	for (unsigned int i = 0; i < a->bridge_count; i++)
		bridge_free(a->bridges[i]);
}

int main(int argc, char **argv)
{
	static struct agent a;
	bool init = getpid() == 1;

	level_init();
	fill_standard_fds();
	setenv("PATH", DEFAULT_PATH, 0);
	if (!configure(&a, argc, argv, init)) {
		fputs(usage, stderr);
		return 2;
	}
	/* A quiet console would not tell whether the kernel got as far as this. */
	if (init)
		fputs("nestlab-agent: init is up\n", stderr);
	protect_from_oom();
	a.signals = open_signals();
	while (!a.stop && !a.link.port.over)
		turn(&a, loop_get());
	finish(&a);
	return 0;
}
