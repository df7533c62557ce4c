// SPDX-License-Identifier: GPL-2.0-only
/* A level by its machine, with the real agent in it; and the loop that waits for it. */
#include "tests/fake_machine.h"


static struct fake *fake_lab_up(void)
{
	struct fake *f = fake_new();

	assert_int_equal(lab_up(&f->lab, f->run.dir, false), 0);
	return f;
}

static int shell(struct fake *f, const char *script, unsigned int deadline_s)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };

	return level_command(&f->lab.levels[L1], "trying it", argv, deadline_s);
}

/* ---- calls ---- */

static void test_commands(void **state)
{
	char *const nothing[] = { (char *)"/no/such", NULL };
	struct fake *f = fake_lab_up();

	(void)state;
	assert_int_equal(shell(f, "true", 5), 0);
	assert_int_equal(shell(f, "echo why >&2; exit 3", 5), -OUT_BROKEN);
	assert_string_equal(fail_text(), "trying it: /bin/sh in L1 ended with status 3: why\n");
	assert_int_equal(level_command(&f->lab.levels[L1], "trying it", nothing, 5), -OUT_BROKEN);
	assert_string_equal(fail_text(),
			    "trying it: can't run /no/such in L1: No such file or directory");
	fake_free(f);
}

static void test_placing_a_file(void **state)
{
	struct fake *f = fake_lab_up();
	_cleanup_free_ char *local = strf("%s/here", f->dir), *where = NULL, *on_medium = NULL;

	(void)state;
	assert_int_equal(file_write(local, "text", 4, 0600), 0);
	assert_int_equal(level_place(&f->lab.levels[L1], local, "/tmp/there", 0600, &where), 0);
	assert_string_equal(where, "/tmp/there");
	assert_int_equal(shell(f, "test \"$(cat /tmp/there)\" = text", 5), 0);
	/* What the boot medium brought is not sent. */
	f->lab.levels[L1].medium = "/medium";
	assert_int_equal(level_place(&f->lab.levels[L1], local, "/tmp/again", 0600, &on_medium), 0);
	assert_string_equal(on_medium, "/medium/here");
	assert_int_equal(shell(f, "test ! -e /tmp/again", 5), 0);
	fake_free(f);
}

/* Of the last start alone, and not how it was started. */
static void test_last_words(void **state)
{
	static const char start[] = "2026-11-27 11:57:00.1+0000: starting up libvirt version: 9.0.0\n"
				    "LC_ALL=C \\\n/usr/bin/qemu-system-x86_64 \\\n-name guest=l1 \\\n-msg timestamp=on\n"
				    "char device redirected to /dev/pts/0 (label charserial0)\n";
	static const char fault[] = "ERROR:../../accel/tcg/x.c:80:handle: assertion failed: (locked)\n";
	static const char end[] = "2026-11-27 11:57:09.1+0000: shutting down, reason=crashed\n";
	static const char killed[] = "2026-11-27T11:57:45Z qemu-system-x86_64: terminating on signal 15\n";
	_cleanup_free_ char *log = strf("%s%s%s", start, fault, end), *words = level_last_words(log);
	_cleanup_free_ char *again = strf("%s%s%s", log, start, killed);

	(void)state;
	assert_non_null(words);
	assert_string_equal(words, "ERROR:../../accel/tcg/x.c:80:handle: assertion failed: (locked)");
	assert_null(level_last_words(again));
	assert_null(level_last_words(start));
	assert_null(level_last_words(""));
}

static void test_waiting_for_the_console(void **state)
{
	struct fake *f = fake_lab_up();

	(void)state;
	assert_int_equal(shell(f,
			       "(setsid sh -c 'sleep 0.6; echo it is here >>$CONSOLE' &) "
			       ">/dev/null 2>&1; sleep 0.2",
			       5),
			 0);
	assert_int_equal(level_wait_console(&f->lab.levels[L1], "it is", 5), 0);
	assert_int_equal(level_wait_console(&f->lab.levels[L1], "nobody says", 1), -OUT_BROKEN);
	assert_string_equal(fail_text(),
			    "L1: the console line 'nobody says' did not happen within 1 s");
	fake_free(f);
}

/* ---- ends ---- */

static void test_a_machine_that_ends(void **state)
{
	struct fake *f = fake_lab_up();

	(void)state;
	f->ended = "L1's machine fell over";
	assert_int_equal(shell(f, "sleep 20", 30), -OUT_CRASH);
	assert_non_null(strstr(fail_text(), "L1's machine fell over"));
	fake_free(f);
}

/* Its last words tell more than that it is gone. */
static void test_a_kernel_that_dies_with_its_machine(void **state)
{
	struct fake *f = fake_lab_up();
	const struct console *c = &f->lab.levels[L1].console;

	(void)state;
	assert_int_equal(shell(f,
			       "printf 'Kernel panic - not syncing: no\\n Call Trace:\\n  "
			       "panic+0x1\\n' >>$CONSOLE",
			       5),
			 0);
	f->ended = "L1's machine fell over";
	assert_int_equal(level_look_for_end(&f->lab.levels[L1]), -OUT_CRASH);
	assert_string_equal(fail_text(),
			    "L1's kernel died (kernel panic): Kernel panic - not syncing: no");
	assert_int_equal(c->crash_text.n, 3);
	fake_free(f);
}

/* Whoever waits for L2 learns of L1's end. */
static void test_the_carrier_s_end(void **state)
{
	struct fake *f = fake_lab_up();

	(void)state;
	f->ended = "L1's machine fell over";
	assert_int_equal(level_look_for_end(&f->lab.levels[L2]), -OUT_CRASH);
	assert_string_equal(fail_text(), "L1's machine fell over");
	fake_free(f);
}

/* ---- silence ---- */

/*
 * A deadline that passed makes the next ones short, on the level and on what it carries, until
 * something is heard of it.
 */
static void test_one_deadline_is_enough(void **state)
{
	struct fake *f = fake_lab_up();
	_cleanup_free_ char *go = strf("%s/kept/go", f->dir);
	struct level *l1 = &f->lab.levels[L1];
	uint64_t ns;

	(void)state;
	assert_int_equal(level_ms(l1, 10), 10000);
	assert_int_equal(shell(f, "(until test -e $KEPT/go; do sleep 0.1; done; kill -CONT $PPID) "
				  ">/dev/null 2>&1 & kill -STOP $PPID", 3),
			 -OUT_BROKEN);
	assert_int_equal(level_ms(l1, 10), 3000);
	assert_int_equal(level_ms(&f->lab.levels[L2], 10), 3000);
	assert_int_equal(level_ms(l1, 2), 2000);
	assert_int_equal(file_write(go, "", 0, 0644), 0);
	assert_true(level_answers(l1));
	assert_int_equal(level_ms(l1, 10), 10000);
	assert_int_equal(channel_time(l1->channel, &ns, level_ms(l1, 10)), 0);
	fake_free(f);
}

static void test_the_silent_one_is_found(void **state)
{
	struct fake *f = fake_lab_up();
	struct level *l1 = &f->lab.levels[L1];
	const struct level *silent;
	uint64_t start;

	(void)state;
	assert_int_equal(level_diagnose(l1, l1, &silent), 0);
	assert_null(silent);
	assert_int_equal(shell(f, "kill -STOP $PPID", 1), -OUT_BROKEN);
	assert_int_equal(level_diagnose(l1, l1, &silent), 0);
	assert_ptr_equal(silent, l1);
	/* Who did not answer once is not asked again. */
	start = now_ns();
	assert_false(level_answers(l1));
	assert_true(now_ns() - start < NSEC_PER_SEC);
	fake_free(f);
}

static void test_an_agent_that_is_gone(void **state)
{
	struct fake *f = fake_lab_up();
	const struct level *silent;

	(void)state;
	assert_int_equal(shell(f, "kill -KILL $PPID", 20), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "the connection to it was lost"));
	assert_int_equal(level_diagnose(&f->lab.levels[L1], &f->lab.levels[L1], &silent), 0);
	assert_ptr_equal(silent, &f->lab.levels[L1]);
	fake_free(f);
}

static void nothing(struct level *l)
{
	(void)l;
}

static struct vstream *refuse_port(struct level *l, const struct vstream_handler *h)
{
	(void)l;
	(void)h;
	fail(OUT_BROKEN, "no lock file for the port");
	return NULL;
}

/* Was told as "L1 hangs", a crash of the kernel under test, while L1 ran. */
static void test_a_port_that_is_not_opened(void **state)
{
	static const struct level_machine machine = {
		.cut = nothing, .end = nothing, .open_port = refuse_port, .look = nothing
	};
	struct level l;

	(void)state;
	level_init(&l, 1, NULL, 1);
	level_adopt(&l, &machine, NULL);
	assert_int_equal(bringup_open_channel(&l, 1), -OUT_BROKEN);
	assert_string_equal(fail_text(), "no lock file for the port");
	level_power_off(&l);
	level_detach(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_placing_a_file),
		cmocka_unit_test(test_last_words), cmocka_unit_test(test_waiting_for_the_console),
		cmocka_unit_test(test_a_machine_that_ends),
		cmocka_unit_test(test_a_kernel_that_dies_with_its_machine),
		cmocka_unit_test(test_the_carrier_s_end),
		cmocka_unit_test(test_one_deadline_is_enough),
		cmocka_unit_test(test_the_silent_one_is_found),
		cmocka_unit_test(test_an_agent_that_is_gone),
		cmocka_unit_test(test_a_port_that_is_not_opened),
	};

	return cmocka_run_group_tests(tests, fake_group_setup, fake_group_teardown);
}
