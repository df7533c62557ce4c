// SPDX-License-Identifier: GPL-2.0-only
#include "machine/bochs/bochs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "image/medium.h"
#include "machine/bochs/bochs_program.h"
#include "machine/bochs/forward.h"
#include "machine/bochs/pulse.h"
#include "machine/vstream.h"
#include "plan/lane.h"

#define CONNECT_S 20 /* before slowdown */
#define SAVE_S 5
#define STILL_S 10 /* without any CPU time; an emulated machine that idles takes some, too */
#define STEP_MS 20

struct bochs {
	pid_t pid;
	int listen_fd, port_fd; /* port_fd: until the level opens its channel */
	struct forward *forward;
	struct pulse pulse;
	bool rests; /* while gdb has stopped it: that is no fault */
	char *log;
};

/* ---- how it ended ---- */

static const struct {
	const char *text;
	enum outcome outcome;
	const char *meaning;
} last_words[] = {
	{ "exception with no resolution", OUT_CRASH, "L1 triple-faulted" },
	{ "soft power off", OUT_CRASH, "L1 powered itself off" },
};

/* The last panic's line, else the last line that says something. */
static char *find_last_words(const char *log)
{
	const char *panic = NULL, *line = NULL;

	for (const char *p = log; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t n = strcspn(p, "\n");

		if (memmem(p, n, ">>PANIC<<", 9))
			panic = p;
		if (strspn(p, " \t=") < n)
			line = p;
	}
	line = panic ? panic : line;
	return line ? xstrndup(line, strcspn(line, "\n")) : xstrdup("it said nothing");
}

enum outcome bochs_end(const char *log_text, int status, char **why)
{
	_cleanup_free_ char *words = find_last_words(log_text);

	for (size_t i = 0; i < ARRAY_SIZE(last_words); i++) {
		if (!strstr(words, last_words[i].text))
			continue;
		*why = strf("%s (Bochs: %s)", last_words[i].meaning, words);
		return last_words[i].outcome;
	}
	if (WIFSIGNALED(status))
		*why = strf("L1's Bochs was ended by signal %d; its log's last words: %s",
			    WTERMSIG(status), words);
	else
		*why = strf("L1's Bochs ended with status %d; its log's last words: %s",
			    WEXITSTATUS(status), words);
	return OUT_BROKEN;
}

char *bochs_wedged(const char *log_text, char state, unsigned int seconds)
{
	_cleanup_free_ char *words = find_last_words(log_text);
	const char *how = strchr("Tt", state) ? "a signal or a debugger stopped it" : "it waits for what does not come";

	return strf("L1's Bochs took no CPU time for %u s (its process is in state %c: %s), which is no kernel's doing: run it again; its log's last words: %s",
		    seconds, state, how, words);
}

static void look(struct level *l)
{
	struct bochs *b = l->machine_data;
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *why = NULL;
	unsigned int still;
	int status;

	if (!b->pid)
		return;
	if (waitpid(b->pid, &status, WNOHANG) == b->pid) {
		enum outcome outcome;

		b->pid = 0;
		file_read(b->log, &text);
		outcome = bochs_end(buf_str(&text), status, &why);
		level_note_end(l, outcome, why);
		return;
	}
	still = b->rests ? 0 : pulse_still_s(&b->pulse, b->pid);
	if (still < STILL_S)
		return;
	file_read(b->log, &text);
	why = bochs_wedged(buf_str(&text), b->pulse.state, still);
	/* killed with the level: its end now would be told in place of this */
	level_note_end(l, OUT_BROKEN, why);
}

/* ---- the level's view ---- */

static void cut(struct level *l)
{
	struct bochs *b = l->machine_data;

	if (b->pid)
		kill(-b->pid, SIGKILL);
}

static void end(struct level *l)
{
	struct bochs *b = l->machine_data;

	cut(l);
	if (b->pid)
		waitpid(b->pid, NULL, 0);
	forward_stop(b->forward);
	close_p(&b->listen_fd);
	close_p(&b->port_fd);
	free(b->log);
	free(b);
}

static struct vstream *open_port(struct level *l, const struct vstream_handler *h)
{
	struct bochs *b = l->machine_data;
	/*
	 * Ours stays open: Bochs can't open the line again, and the channel may be, after a state
	 * was saved.
	 */
	int fd = fcntl(b->port_fd, F_DUPFD_CLOEXEC, 3);

	if (fd >= 0)
		return vstream_open_socket(fd, h);
	fail(OUT_BROKEN, "%s's serial line can't be opened: %s", l->name, strerror(errno));
	return NULL;
}

static const struct level_machine machine = {
	.cut = cut, .end = end, .open_port = open_port, .look = look
};

void bochs_leave_channel(struct level *l)
{
	struct bochs *b = l->machine_data;

	level_close_channel(l);
	close_p(&b->port_fd);
	b->port_fd = -1;
}

/* ---- of another process: its Bochs is not ours to end, nor to wait for ---- */

static void leave(struct level *l)
{
	free(l->machine_data);
}

static void nothing(struct level *l)
{
	(void)l;
}

static struct vstream *open_door(struct level *l, const struct vstream_handler *h)
{
	const char *door = l->machine_data;
	int fd = unix_connect(door);

	if (fd >= 0)
		return vstream_open_socket(fd, h);
	fail(OUT_BROKEN, "%s's keeper does not answer at %s: %s; `nestlab lab-down` ends what is left", l->name, door,
	     strerror(errno));
	return NULL;
}

static const struct level_machine joined = {
	.cut = nothing, .end = leave, .open_port = open_door, .look = nothing
};

void bochs_join(struct level *l, const char *folder, const char *door)
{
	l->console_file = strf("%s/" BOCHS_CONSOLE, folder);
	level_adopt(l, &joined, xstrdup(door));
}

/* ---- the child ---- */

static const char *folder_of(const struct bochs_spec *spec)
{
	return spec->folder ? spec->folder : path_run();
}

static char *in_folder(const struct bochs_spec *spec, const char *name)
{
	return strf("%s/%s", folder_of(spec), name);
}

/*
 * Whatever L1 does to the emulator, no network is in reach; and nobody else reaches its ports (a
 * display's, the agent's).
 */
static bool enter_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_close_ int fd = -1;

	if (unshare(getuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &lo);
}

static int listen_on(unsigned int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 1))
		return fd;
	close_p(&fd);
	return -1;
}

/* One byte with a descriptor on it. */
union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static bool pass_fd(int through, int fd)
{
	union control c = { 0 };
	struct iovec byte = { .iov_base = (char[]){ 0 }, .iov_len = 1 };
	struct msghdr m = {
		.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};

	c.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
				     .cmsg_type = SCM_RIGHTS,
				     .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(&c.header), &fd, sizeof(fd));
	return sendmsg(through, &m, 0) == 1;
}

static int take_fd(int through)
{
	union control c;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	int fd = -1;

	if (recvmsg(through, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void tell(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

/* What config/bochs/0003 and 0004 read. Bochs makes the time of its first clock a local one. */
static void set_environment(const struct bochs_spec *spec, const struct bochs_wires *w)
{
	_cleanup_free_ char *seed = spec->seed ? strf("%u", spec->seed) : NULL;

	tell("BOCHS_SEED", seed);
	tell("BOCHS_RECORD", w->record);
	tell("BOCHS_REPLAY", w->replay);
	tell("BOCHS_GDB", w->gdb);
	tell("BOCHS_GDB_TICK", w->gdb_tick);
	tell("TZ", "UTC0");
}

/*
 * With a debugger it stops there first; "c" lets it go. -f: also how a later nestlab knows it for
 * one of ours.
 */
static void become_bochs(const struct bochs_spec *spec, const struct bochs_wires *w, int through,
			 int log)
{
	_cleanup_free_ char *rc = in_folder(spec, "bochsrc"), *go = in_folder(spec, "bochs-go");
	char *const argv[] = { (char *)"bochs-bin",
			       (char *)"-q",
			       (char *)"-f",
			       rc,
			       (char *)(spec->state ? "-r" : spec->debian ? "-rc" : NULL),
			       spec->state ? (char *)spec->state : go,
			       NULL };
	pid_t parent = getppid();

	setpgid(0, 0);
	if (!enter_network() || !pass_fd(through, listen_on(spec->port)))
		_exit(126);
	/* Behind the namespaces: a change of credentials clears what the parent's death does. */
	proc_child_setup();
	if (getppid() != parent || chdir(folder_of(spec)))
		_exit(126);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	set_environment(spec, w);
	proc_close_fds();
	execv(spec->program, argv);
	_exit(127);
}

static int launch(struct bochs *b, const struct bochs_spec *spec, const struct bochs_wires *w)
{
	_cleanup_close_ int log = open(b->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int pair[2];

	if (log < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return fail(OUT_BROKEN, "can't start Bochs (its log: %s): %s", b->log,
			    strerror(errno));
	b->pid = fork();
	if (!b->pid)
		become_bochs(spec, w, pair[1], log);
	close(pair[1]);
	b->listen_fd = b->pid > 0 ? take_fd(pair[0]) : -1;
	close(pair[0]);
	if (b->listen_fd >= 0)
		return 0;
	b->pid = b->pid > 0 ? b->pid : 0;
	return fail(OUT_BROKEN, "can't give Bochs a network namespace of its own (does this kernel "
				"allow user namespaces?)");
}

static int write_files(const struct bochs_spec *spec)
{
	_cleanup_free_ char *rc = in_folder(spec, "bochsrc"), *go = in_folder(spec, "bochs-go");
	_cleanup_free_ char *console = in_folder(spec, spec->console);
	_cleanup_buf_ struct buf text = { 0 };

	bochsrc_write(spec, &text);
	unlink(console);
	if (file_write(rc, text.data, text.len, 0600) || file_write(go, "c\n", 2, 0600))
		return fail(OUT_BROKEN, "can't write %s", rc);
	return 0;
}

/* Bochs connects while it reads its configuration. */
static int wait_for_port(struct level *l, struct bochs *b)
{
	uint64_t deadline = now_ns() + level_ms(l, CONNECT_S) * NSEC_PER_MSEC;
	struct pollfd p = { .fd = b->listen_fd, .events = POLLIN };
	int ret = 0;

	while (!ret && !poll(&p, 1, 0)) {
		if (now_ns() > deadline)
			return fail(OUT_BROKEN,
				    "L1's Bochs did not connect its serial line within %u s; its "
				    "log: %s",
				    level_ms(l, CONNECT_S) / 1000, b->log);
		ret = level_step(l, STEP_MS);
	}
	if (!ret)
		b->port_fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	close_p(&b->listen_fd);
	b->listen_fd = -1;
	return ret;
}

/* The forwarder owns the line then, and gives another one for the level's channel. */
static int lay_wires(struct bochs *b, const struct bochs_wires *w)
{
	int line = b->port_fd;

	if (!w->local)
		return 0;
	b->port_fd = -1;
	b->forward = forward_start(line, w->local, w->remote, w->door, &b->port_fd);
	return b->forward ? 0 : -OUT_BROKEN;
}

int bochs_start(struct level *l, const struct bochs_spec *spec, const struct bochs_wires *wires)
{
	struct bochs *b = xcalloc(1, sizeof(*b));
	int ret = write_files(spec);

	*b = (struct bochs){
		.listen_fd = -1, .port_fd = -1, .rests = wires->gdb, .log = xstrdup(wires->log)
	};
	l->console_file = in_folder(spec, spec->console);
	level_adopt(l, &machine, b);
	if (!ret)
		ret = console_log_to(&l->console, wires->console_log);
	if (!ret)
		ret = launch(b, spec, wires);
	if (ret || wires->replay)
		return ret;
	ret = wait_for_port(l, b);
	return ret ? ret : lay_wires(b, wires);
}

/* config/bochs/0002: a file names the folder, and goes when the state is there. */
int bochs_save(struct level *l, const char *dir)
{
	const struct bochs *b = l->machine_data;
	_cleanup_free_ char *name = strf("%s/save", path_run());
	uint64_t deadline = now_ns() + level_ms(l, SAVE_S) * NSEC_PER_MSEC;
	int ret = 0;

	if (!b->pid || file_write(name, dir, strlen(dir), 0600) || kill(b->pid, SIGUSR1))
		return fail(OUT_BROKEN, "can't ask %s's Bochs for its state", l->name);
	while (!ret && path_exists(name) && now_ns() < deadline)
		ret = level_step(l, STEP_MS);
	if (!ret && path_exists(name))
		ret = fail(OUT_BROKEN, "%s's Bochs did not save its state to %s within %u s; its log: %s", l->name, dir,
			   level_ms(l, SAVE_S) / 1000, b->log);
	unlink(name);
	return ret;
}

static bool is_usable(bool ours, char **why)
{
	static const char *const files[] = { BOCHS_DEBIAN, BOCHS_BIOS, BOCHS_VGABIOS, MEDIUM_LOADER,
					     MEDIUM_LOADER_MODULE };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (path_exists(files[i]))
			continue;
		*why = strf("%s is missing: install the packages bochs, bochs-term, isolinux and "
			    "syslinux-common",
			    files[i]);
		return false;
	}
	*why = strf("works on every machine%s",
		    ours ? "" : "; `nestlab bochs` makes it three times as fast");
	return true;
}

static bool needs_bochs(struct lane *l, char **why)
{
	char *ours = l->systems_emulator ? NULL : bochs_built();

	l->intel = true;
	if (ours)
		lane_take_built(l, ours);
	return is_usable(ours, why);
}

static const struct lane_need bochs_need = { "bochs", needs_bochs, bochs_provide };
LANE_NEED(bochs_need);
