// SPDX-License-Identifier: GPL-2.0-only
/* What Bochs is told, what its boot medium says, and what its log's last words mean. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "image/medium.h"
#include "machine/bochs/bochs.h"
#include "machine/bochs/pulse.h"
#include "machine/loop.h"
#include "plan/lane.h"

#include <cmocka.h>

static void has(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (!at || (at != text && at[-1] != '\n'))
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void test_bochsrc(void **state)
{
	struct bochs_spec s = { .cpu = "corei7_haswell_4770",
				.cpus = 4,
				.memory_mib = 768,
				.medium = "l1.iso",
				.console = "l1-console",
				.port = 7548 };
	_cleanup_buf_ struct buf rc = { 0 };

	(void)state;
	bochsrc_write(&s, &rc);
	has(buf_str(&rc), "memory: guest=768, host=768, block_size=4096\n");
	has(buf_str(&rc), "cpu: model=corei7_haswell_4770, count=1:4:1, ips=");
	has(buf_str(&rc), "ata0-master: type=cdrom, path=l1.iso, status=inserted\n");
	has(buf_str(&rc), "com1: enabled=1, mode=file, dev=l1-console\n");
	has(buf_str(&rc), "com2: enabled=1, mode=socket-client, dev=127.0.0.1:7548\n");
	has(buf_str(&rc), "clock: sync=none, time0=1767225600\n");
	has(buf_str(&rc), "panic: action=fatal\n");
	/* What another Bochs would not understand is there only when it is wanted. */
	assert_null(strstr(buf_str(&rc), "sound:"));
	assert_null(strstr(buf_str(&rc), "type=disk"));

	s.disk = "l1-disk";
	s.memory_mib = 2560;
	s.debian = true;
	buf_free(&rc);
	bochsrc_write(&s, &rc);
	has(buf_str(&rc), "memory: guest=2560, host=2048\n");
	has(buf_str(&rc), "ata1-master: type=disk, path=l1-disk, mode=volatile\n");
	assert_null(strstr(buf_str(&rc), "slave"));
	has(buf_str(&rc), "sound: waveoutdrv=dummy,");

	s.disk = NULL;
	s.second = "l1-suite";
	buf_free(&rc);
	bochsrc_write(&s, &rc);
	has(buf_str(&rc), "ata1-slave: type=disk, path=l1-suite, mode=volatile\n");
	assert_null(strstr(buf_str(&rc), "ata1-master"));
}

static void test_medium(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	medium_config("console=ttyS0 a=b", &b);
	has(buf_str(&b), "PROMPT 0\n");
	has(buf_str(&b), " KERNEL /kernel\n");
	has(buf_str(&b), " INITRD /initrd.img,/files.img\n");
	has(buf_str(&b), " APPEND console=ttyS0 a=b\n");
	assert_null(strstr(buf_str(&b), "TIMEOUT"));
}

/* A wait status as waitpid() gives it. */
#define EXITED(code) ((code) << 8)

static void test_end(void **state)
{
	static const struct {
		const char *log;
		int status;
		enum outcome outcome;
		const char *why;
	} ends[] = {
		{ "1i[CPU0  ] x\n2p[CPU0  ] >>PANIC<< exception(): 3rd (13) exception with no "
		  "resolution\n3i[SYS] bye\n",
		  EXITED(1), OUT_CRASH, "L1 triple-faulted" },
		{ "9p[ACPI  ] >>PANIC<< ACPI control: soft power off\n", EXITED(0), OUT_CRASH,
		  "powered itself off" },
		{ "9p[HD    ] >>PANIC<< could not open l1.iso\n===\n", EXITED(1), OUT_BROKEN,
		  "status 1; its log's last words: 9p[HD    ] >>PANIC<< could not open l1.iso" },
		{ "1i[CPU0  ] x\n2i[CPU0  ] y\n\n====\n", 9, OUT_BROKEN,
		  "ended by signal 9; its log's last words: 2i[CPU0  ] y" },
		{ "", EXITED(127), OUT_BROKEN,
		  "status 127; its log's last words: it said nothing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(bochs_end(ends[i].log, ends[i].status, &why), ends[i].outcome);
		if (!strstr(why, ends[i].why))
			fail_msg("'%s' does not say '%s'", why, ends[i].why);
	}
}

/* A stopped child is seen to do nothing; one that works is not. */
static void test_pulse(void **state)
{
	struct pulse p = { 0 };
	uint64_t ticks;
	char c;

	(void)state;
	assert_true(pulse_parse("12 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0", &c, &ticks));
	assert_int_equal(c, 'S');
	assert_int_equal(ticks, 42);
	assert_false(pulse_parse("12 (bochs) S 1 2", &c, &ticks));
	assert_false(pulse_parse("", &c, &ticks));

	assert_int_equal(pulse_note(&p, 'R', 7, 100 * NSEC_PER_SEC), 0);
	assert_int_equal(pulse_note(&p, 'S', 7, 104 * NSEC_PER_SEC), 4);
	assert_int_equal(pulse_note(&p, 'S', 8, 108 * NSEC_PER_SEC), 0);
	assert_int_equal(pulse_note(&p, 'T', 8, 112 * NSEC_PER_SEC), 4);
	assert_int_equal(pulse_note(&p, 'D', 8, 116 * NSEC_PER_SEC), 0); /* a slow disk */
	assert_int_equal(pulse_note(&p, 'T', 8, 120 * NSEC_PER_SEC), 4);
	/* nobody looked for 10 s */
	assert_int_equal(pulse_note(&p, 'T', 8, 130 * NSEC_PER_SEC), 0);
	assert_int_equal(pulse_note(&p, 'T', 8, 131 * NSEC_PER_SEC), 1);
}

static void test_pulse_of_child(void **state)
{
	struct pulse p = { 0 };
	pid_t child = fork();
	uint64_t until = now_ns() + 10 * NSEC_PER_SEC;
	unsigned int still = 0;

	(void)state;
	while (!child)
		; /* until it is killed */
	assert_true(child > 0);
	kill(child, SIGSTOP);
	while (!still && now_ns() < until) {
		still = pulse_still_s(&p, child);
		poll(NULL, 0, 50);
	}
	assert_int_equal(still, 1);
	assert_int_equal(p.state, 'T');
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(pulse_still_s(&p, child), 0);
}

/* In Bochs's place: says which descriptors it got. */
static void test_descriptors(void **state)
{
	char dir[] = "/tmp/nestlab-bochs-XXXXXX";
	_cleanup_free_ char *program = NULL, *log = NULL, *console = NULL;
	_cleanup_buf_ struct buf said = { 0 };
	struct bochs_spec s = { .cpu = "x", .medium = "l1.iso", .console = "l1-console", .port = 7548 };
	struct bochs_wires w = { 0 };
	struct level l;
	static const char script[] = "#!/bin/sh\ncd /proc/self/fd; echo *\n";

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(setenv("NESTLAB_RUN", dir, 1), 0);
	s.program = program = strf("%s/program", dir);
	w.log = log = strf("%s/log", dir);
	w.console_log = console = strf("%s/console", dir);
	assert_int_equal(file_write(program, script, strlen(script), 0755), 0);
	loop_init();
	level_init(&l, 1, NULL, 1);
	dup2(STDIN_FILENO, 200);
	assert_int_equal(bochs_start(&l, &s, &w), -OUT_BROKEN); /* it ended, and is no Bochs */
	close(200);
	level_destroy(&l);
	assert_int_equal(file_read(log, &said), 0);
	rm_rf(dir);
	if (!str_starts(buf_str(&said), "0 1 ") || strstr(buf_str(&said), " 200"))
		fail_msg("%s (%s)", buf_str(&said), fail_text());
}

static void test_wedged(void **state)
{
	_cleanup_free_ char *stopped = bochs_wedged("1i[CPU0  ] x\n", 'T', 10), *waiting = bochs_wedged("", 'S', 11);

	(void)state;
	assert_non_null(strstr(stopped, "no CPU time for 10 s (its process is in state T: a signal or a debugger stopped it)"));
	assert_non_null(strstr(stopped, "its log's last words: 1i[CPU0  ] x"));
	assert_non_null(strstr(waiting, "state S: it waits"));
}

/* A lane without a word on it runs L1 by libvirt. */
static void test_lanes(void **state)
{
	struct lane l;

	(void)state;
	assert_int_equal(lane_load("tcg-svm", &l), 0);
	assert_null(l.machine);
	lane_free(&l);
	assert_int_equal(lane_load("bochs-vmx", &l), 0);
	assert_string_equal(l.machine, "bochs");
	lane_free(&l);
}

static char *key_of(const char *cmdline, const char *module)
{
	char path[] = "/tmp/nestlab-medium-XXXXXX";
	_cleanup_strv_ struct strv files = { 0 };
	struct medium m = { .kernel = MEDIUM_LOADER,
			    .initramfs = MEDIUM_LOADER,
			    .cmdline = cmdline,
			    .files = &files };
	_cleanup_free_ char *named = NULL;
	char *key = NULL;

	assert_non_null(mkdtemp(path));
	named = strf("%s/kvm.ko", path);
	assert_int_equal(file_write(named, module, strlen(module), 0600), 0);
	strv_add(&files, named);
	assert_int_equal(medium_key(&m, &key), 0);
	rm_rf(path);
	return key;
}

/* By content: not where a module lies, but what is in it. */
static void test_medium_key(void **state)
{
	_cleanup_free_ char *a = NULL, *same = NULL, *line = NULL, *module = NULL;

	(void)state;
	if (!path_exists(MEDIUM_LOADER) || !path_exists(MEDIUM_LOADER_MODULE))
		skip();
	a = key_of("a=b", "one");
	same = key_of("a=b", "one");
	line = key_of("a=c", "one");
	module = key_of("a=b", "two");
	assert_string_equal(a, same);
	assert_string_not_equal(a, line);
	assert_string_not_equal(a, module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bochsrc),
		cmocka_unit_test(test_medium),
		cmocka_unit_test(test_medium_key),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_pulse),
		cmocka_unit_test(test_pulse_of_child),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_wedged),
		cmocka_unit_test(test_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
