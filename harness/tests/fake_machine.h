/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lab whose L1 is the real agent (build/tests/agent) in namespaces of its own, behind struct
 * level_machine, as Bochs is: what runs tests, takes the unpatched kernel's answers and drives
 * levels runs against it for real. The test programs are shell scripts that misbehave as they like:
 * the agent is their parent ($PPID), L1's console is $CONSOLE, $KEPT is a folder that outlives a
 * life of the lab. Its /tmp and its tracefs are new with each life. There is no L2.
 */
#ifndef NESTLAB_TESTS_FAKE_MACHINE_H
#define NESTLAB_TESTS_FAKE_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/paths.h"
#include "core/ui.h"
#include "judge/checks.h"
#include "lab/bringup.h"
#include "machine/loop.h"
#include "run/run.h"

#define FAKE static __attribute__((unused))

struct fake {
	struct lab lab; /* first: the backend finds us by it */
	struct plan plan;
	struct run run;
	const struct testcase *tests[16];
	struct testcase cases[16];
	unsigned int ups;      /* how often the lab was brought up */
	unsigned int refusals; /* how often it will not come up again */
	unsigned int bad_ends; /* agents that the sanitizers had something to say of */
	const char
		*ended; /* the machine says that it has ended by itself, and why; NULL: it runs */
	char *dir;	/* console, kept/, results/ */
};

static const char *agent_path(void)
{
	const char *p = getenv("NESTLAB_TEST_AGENT");

	return p ? p : "build/tests/agent";
}

/* ---- the machine ---- */

struct fake_machine {
	pid_t init;
	int port;
	struct fake *fake;
};

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f))
		_exit(125);
}

/* Before anything may be mounted by an ordinary user. */
static void become_root(unsigned int uid, unsigned int gid)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1\n", uid);
	write_text("/proc/self/uid_map", map);
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1\n", gid);
	write_text("/proc/self/gid_map", map);
}

/*
 * A /tmp that goes with this life, and a tracefs of plain files: trace_pipe is a pipe that anybody
 * may write to.
 */
static void make_world(const struct fake *f)
{
	static const char *const files[] = { "trace_clock", "buffer_size_kb", "tracing_on",
					     "trace_marker" };
	_cleanup_free_ char *console = strf("%s/console", f->dir), *kept = strf("%s/kept", f->dir);

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("fake", "/sys/kernel", "tmpfs", 0, NULL) || mkdir("/sys/kernel/tracing", 0755) ||
	    mkdir("/sys/kernel/kept", 0755) || mount(kept, "/sys/kernel/kept", NULL, MS_BIND, NULL))
		_exit(125);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[128];

		snprintf(path, sizeof(path), "/sys/kernel/tracing/%s", files[i]);
		write_text(path, "");
	}
	write_text("/sys/kernel/console", "");
	if (mkfifo("/sys/kernel/tracing/trace_pipe", 0600) ||
	    mount(console, "/sys/kernel/console", NULL, MS_BIND, NULL))
		_exit(125);
	setenv("KEPT", "/sys/kernel/kept", 1);
	setenv("CONSOLE", "/sys/kernel/console", 1);
}

/* Its init: what it leaves behind at its end goes with the namespace. */
static _Noreturn void be_machine(const struct fake *f, int port, unsigned int uid, unsigned int gid)
{
	char name[16];
	char *argv[] = { (char *)agent_path(), (char *)"--port", name,
			 (char *)"--level",    (char *)"L1",	 NULL };
	char *agent = realpath(agent_path(), NULL);
	int status = 0;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (uid)
		become_root(uid, gid);
	make_world(f);
	snprintf(name, sizeof(name), "fd:%d", port);
	pid = fork();
	if (!pid) {
		int fd = open(agent, O_RDONLY | O_CLOEXEC); /* it may lie under /tmp */

		if (mount("fake", "/tmp", "tmpfs", 0, "mode=1777") || fd < 0)
			_exit(125);
		fexecve(fd, argv, environ);
		_exit(127);
	}
	close(port);
	while (waitpid(pid, &status, 0) != pid)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 0);
}

static pid_t start_machine(const struct fake *f, int port, int ours)
{
	unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | SIGCHLD | (getuid() ? CLONE_NEWUSER : 0);
	unsigned int uid = getuid(), gid = getgid();
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	if (!pid) {
		close(ours); /* or hanging up would be no end */
		be_machine(f, port, uid, gid);
	}
	return pid;
}

static void fake_cut(struct level *l)
{
	struct fake_machine *m = l->machine_data;

	kill(m->init, SIGKILL);
}

/*
 * Hanging up ends the agent, and its exit status is the sanitizers' verdict. One that does not go
 * is killed.
 */
static void fake_end(struct level *l)
{
	struct fake_machine *m = l->machine_data;
	int status = 0;
	pid_t gone = 0;

	level_close_channel(l);
	close(m->port);
	for (int i = 0; i < 100 && !gone; i++) {
		gone = waitpid(m->init, &status, WNOHANG);
		if (!gone)
			usleep(20000);
	}
	if (!gone) {
		kill(m->init, SIGKILL);
		waitpid(m->init, &status, 0);
	}
	m->fake->bad_ends += WIFEXITED(status) && WEXITSTATUS(status);
	free(m);
}

static struct vstream *fake_open_port(struct level *l, const struct vstream_handler *h)
{
	struct fake_machine *m = l->machine_data;

	return vstream_open_socket(fcntl(m->port, F_DUPFD_CLOEXEC, 3), h);
}

static void fake_look(struct level *l)
{
	const struct fake_machine *m = l->machine_data;

	if (m->fake->ended)
		level_note_end(l, OUT_CRASH, m->fake->ended);
}

static const struct level_machine fake_machine = {
	.cut = fake_cut, .end = fake_end, .open_port = fake_open_port, .look = fake_look
};

/* ---- the backend ---- */

static int power_on(struct fake *f, struct level *l)
{
	struct fake_machine *m = xcalloc(1, sizeof(*m));
	int sv[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), errno);
	fcntl(sv[0], F_SETFD, FD_CLOEXEC);
	*m = (struct fake_machine){ .init = start_machine(f, sv[1], sv[0]),
				    .port = sv[0],
				    .fake = f };
	close(sv[1]);
	assert_true(m->init > 0);
	level_adopt(l, &fake_machine, m);
	return level_open_channel(l, 20);
}

/* Where a state is restored, its console log comes along: the one of before is written over. */
static int fake_up(struct lab *lab, bool fresh)
{
	struct fake *f = (struct fake *)lab;
	_cleanup_free_ char *log = strf("%s/l1-console.log", lab->run_dir);
	_cleanup_free_ char *boot = strf("boot of life %u\n", ++f->ups);
	int ret;

	(void)fresh;
	if (f->ups > 1 && f->refusals && f->refusals--)
		return fail(OUT_CRASH, "L1's kernel died at its boot");
	lab->levels[L1].console_file = strf("%s/console", f->dir);
	assert_int_equal(file_write(lab->levels[L1].console_file, "", 0, 0600), 0);
	assert_int_equal(file_write(log, boot, strlen(boot), 0600), 0);
	ret = console_log_to(&lab->levels[L1].console, log);
	return ret ? ret : power_on(f, &lab->levels[L1]);
}

static const struct lab_backend fake_backend = { .name = "fake", .up = fake_up };

/* ---- a run in it ---- */

/*
 * The checkout of these tests: their programs lie in its build/guest. Once a process, as paths are
 * remembered.
 */
static char *fake_root;

FAKE int fake_group_setup(void **state)
{
	char root[] = "/tmp/nestlab-test.XXXXXX";
	_cleanup_free_ char *agent = realpath(agent_path(), NULL), *guest = NULL, *run = NULL,
			    *cache = NULL;

	(void)state;
	assert_non_null(agent);
	setenv("NESTLAB_TEST_AGENT", agent, 1);
	assert_non_null(mkdtemp(root));
	fake_root = xstrdup(root);
	guest = strf("%s/build/guest", root);
	run = strf("%s/run", root);
	cache = strf("%s/cache", root);
	assert_int_equal(mkdir_p(guest), 0);
	setenv("NESTLAB_ROOT", root, 1);
	setenv("NESTLAB_RUN", run, 1);
	setenv("NESTLAB_CACHE", cache, 1);
	ui_init(false);
	loop_init();
	return 0;
}

FAKE int fake_group_teardown(void **state)
{
	(void)state;
	rm_rf(fake_root);
	free(fake_root);
	return 0;
}

FAKE struct fake *fake_new(void)
{
	static unsigned int n;
	struct fake *f = xcalloc(1, sizeof(*f));
	_cleanup_free_ char *kept = NULL;

	f->dir = strf("%s/lab-%d-%u", fake_root, (int)getpid(), ++n);
	kept = strf("%s/kept", f->dir);
	f->plan = (struct plan){ .lane.slowdown = 1, .knobs.effort = 1 };
	f->lab = (struct lab){
		.place.lock = -1, .plan = &f->plan, .backend = &fake_backend, .without_l2 = true
	};
	level_init(&f->lab.levels[L1], 1, NULL, 1);
	level_init(&f->lab.levels[L2], 2, &f->lab.levels[L1], 1);
	f->run = (struct run){ .plan = &f->plan, .lab = &f->lab, .tests = f->tests, .result = result_new("fake") };
	f->run.dir = strf("%s/results", f->dir);
	assert_int_equal(mkdir_p(kept), 0);
	assert_int_equal(mkdir_p(f->run.dir), 0);
	return f;
}

FAKE void judge_end(const struct evidence *e, struct test_result *t)
{
	if (check_program(e, t))
		check_that(t, "it is judged", true, "a program that ended", "it did", NULL);
}

static const char *const fake_checks[] = { "it is judged", NULL };

/* A script of this name in build/guest. */
FAKE void fake_program(const char *name, const char *script)
{
	_cleanup_free_ char *path = strf("%s/build/guest/%s", fake_root, name);
	_cleanup_free_ char *text = strf("#!/bin/sh\n%s\n", script);

	assert_int_equal(file_write(path, text, strlen(text), 0700), 0);
}

/* One more test, of a program that is there, for the run: the caller may change it. */
FAKE struct testcase *fake_add(struct fake *f, const char *name)
{
	struct testcase *t = &f->cases[f->run.n_tests];

	*t = (struct testcase){
		.name = name, .program = name, .level = 1, .timeout_s = 20, .judge = judge_end,
		.checks = fake_checks,
	};
	f->tests[f->run.n_tests++] = t;
	return t;
}

/* The same with its program. The script says itself that it is done. */
FAKE struct testcase *fake_test(struct fake *f, const char *name, const char *script)
{
	fake_program(name, script);
	return fake_add(f, name);
}

#define DONE "echo '@nestlab guest.done u64 1'"

FAKE int fake_run(struct fake *f)
{
	int ret = lab_up(&f->lab, f->run.dir, false);

	assert_int_equal(ret, 0);
	ret = execute_tests(&f->run);
	result_finish(f->run.result);
	return ret;
}

FAKE const struct test_result *fake_result(const struct fake *f, const char *name)
{
	const struct test_result *t = result_find_test(f->run.result, name);

	if (!t)
		print_error("no result of %s\n", name);
	assert_non_null(t);
	return t;
}

FAKE void assert_verdict(const struct fake *f, const char *name, enum outcome o)
{
	const struct test_result *t = fake_result(f, name);

	if (t->verdict != o)
		print_error("%s: %s, not %s (%s)\n", name, outcome_name(t->verdict),
			    outcome_name(o), t->reason ? t->reason : "no reason");
	assert_int_equal(t->verdict, o);
}

FAKE char *fake_file(const struct fake *f, const char *name)
{
	_cleanup_free_ char *path = strf("%s/%s", f->run.dir, name);
	struct buf b = { 0 };

	file_read(path, &b);
	buf_add(&b, "", 0);
	return b.data ? b.data : xstrdup("");
}

FAKE void fake_free(struct fake *f)
{
	lab_levels_down(&f->lab);
	assert_int_equal(f->bad_ends, 0);
	free(f->lab.run_dir);
	result_free(f->run.result);
	free(f->run.dir);
	free(f->run.why);
	placed_forget(&f->run.placed);
	free(f->dir);
	free(f);
}

#endif
