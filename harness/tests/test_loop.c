// SPDX-License-Identifier: GPL-2.0-only
/* Calls that nobody answers, calls that never return, and whom the guard leaves alone. */
#include <libvirt/libvirt.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/util.h"
#include "machine/level.h"
#include "machine/hangup.h"
#include "machine/loop.h"

#include <cmocka.h>

static char dir[] = "/tmp/nestlab-loop-XXXXXX";
static char *uri, *path;

/* Accepts by its backlog alone, and says nothing: a libvirtd that was stopped. */
static int listen_mutely(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path = strf("%s/sock", dir);
	uri = strf("qemu+unix:///system?socket=%s", path);
	strcpy(a.sun_path, path);
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 10) ? -1 : 0;
}

struct job {
	struct loop_job job;
	bool ended; /* written by the call at its end: freed memory, if it outlived its job */
	int go;	    /* a pipe's end that it waits for; -1: none */
};

static atomic_bool freed;

static void job_free(struct loop_job *job)
{
	free(job);
	atomic_store(&freed, true);
}

static struct job *job_new(int (*call)(struct loop_job *job))
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->job = (struct loop_job){ .call = call, .free = job_free };
	j->go = -1;
	atomic_store(&freed, false);
	return j;
}

static int open_connection(struct loop_job *job)
{
	virConnectPtr conn = virConnectOpen(uri);

	(void)job;
	if (conn)
		virConnectClose(conn);
	return conn ? 0 : -1;
}

static int wait_for_pipe(struct loop_job *job)
{
	struct job *j = (struct job *)job;
	char c;

	while (read(j->go, &c, 1) < 0)
		;
	j->ended = true;
	return 0;
}

static void hang_up(void *ctx)
{
	(void)ctx;
	assert_int_equal(hangup(path), 1);
}

static double since(uint64_t start)
{
	return (double)(now_ns() - start) / 1e9;
}

static void test_uri(void **state)
{
	_cleanup_free_ char *a = hangup_socket("qemu+unix:///system?socket=/a/b"), *b = hangup_socket("qemu:///system");
	_cleanup_free_ char *c = hangup_socket("qemu+unix:///session?mode=auto&socket=/c&x=y");

	(void)state;
	assert_string_equal(a, "/a/b");
	assert_null(b);
	assert_string_equal(c, "/c");
}

static void test_mute_deadline(void **state)
{
	struct job *j = job_new(open_connection);
	struct loop_call c = { .what = "connecting", .job = &j->job, .unblock = hang_up, .deadline_ms = 300 };
	uint64_t start = now_ns();

	(void)state;
	assert_int_equal(loop_call(&c), -OUT_BROKEN);
	assert_string_equal(fail_text(), "connecting: no answer within 0 s");
	assert_true(since(start) < 2);
	assert_true(loop_job_done(&j->job));
	loop_job_drop(&j->job);
	assert_true(atomic_load(&freed));
}

/* What it writes when it comes back at last is still there, and goes then. */
static void test_abandoned(void **state)
{
	struct job *j = job_new(wait_for_pipe);
	struct loop_call c = { .what = "waiting", .job = &j->job, .deadline_ms = 200 };
	uint64_t start = now_ns();
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	j->go = fds[0];
	assert_int_equal(loop_call(&c), -OUT_BROKEN);
	assert_true(since(start) < 5);
	assert_false(loop_job_done(&j->job));
	loop_job_drop(&j->job);
	assert_false(atomic_load(&freed));
	assert_int_equal(write(fds[1], "x", 1), 1);
	for (int i = 0; i < 200 && !atomic_load(&freed); i++)
		poll(NULL, 0, 10);
	assert_true(atomic_load(&freed));
	close(fds[0]);
	close(fds[1]);
}

static atomic_int unblocked;

static void count(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&unblocked, 1);
}

/* virt-install took longer than the guard's time, in the loop's thread, and L1 was ended for it. */
static void test_guard_leaves_alone(void **state)
{
	char *const argv[] = { (char *)"sleep", (char *)"0.8", NULL };
	struct proc p = { .what = "a long step", .argv = argv };

	(void)state;
	atomic_store(&unblocked, 0);
	loop_guard(300, count, NULL);
	assert_int_equal(loop_step(10), 0);
	assert_int_equal(proc_run(&p), 0);
	assert_int_equal(loop_step(10), 0);
	poll(NULL, 0, 600);
	loop_unguard();
	assert_int_equal(atomic_load(&unblocked), 0);
}

static void test_guard_ends(void **state)
{
	(void)state;
	atomic_store(&unblocked, 0);
	loop_guard(300, count, NULL);
	loop_enter(); /* a call that lasts, also when one inside it came to its end */
	loop_enter();
	loop_leave();
	poll(NULL, 0, 600);
	loop_leave();
	loop_unguard();
	assert_int_equal(atomic_load(&unblocked), 1);
}

static void *interrupt(void *arg)
{
	poll(NULL, 0, 300);
	kill(getpid(), SIGINT);
	return arg;
}

/* Its deadline is 20 s; ^C must not wait for it. Last: nothing goes on after that. */
static void test_mute_interrupted(void **state)
{
	uint64_t start = now_ns();
	struct level l;
	pthread_t thread;

	(void)state;
	proc_catch_signals();
	level_init(&l, 1, NULL, 1);
	pthread_create(&thread, NULL, interrupt, NULL);
	assert_int_equal(level_connect(&l, uri), -OUT_INTERRUPTED);
	level_destroy(&l);
	assert_true(since(start) < 6);
	pthread_join(thread, NULL);
	start = now_ns();
	assert_int_equal(level_connect(&l, uri), -OUT_INTERRUPTED);
	assert_true(since(start) < 1);
	level_detach(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uri),
		cmocka_unit_test(test_mute_deadline),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_guard_leaves_alone),
		cmocka_unit_test(test_guard_ends),
		cmocka_unit_test(test_mute_interrupted),
	};
	int ret;

	if (!mkdtemp(dir) || listen_mutely())
		return 1;
	loop_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(dir);
	free(path);
	free(uri);
	return ret;
}
