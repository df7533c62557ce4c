// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plugin that counts in the emulator, in a real QEMU: a machine that makes a known number of
 * VMRUNs (guest/vmruns.S). And where a lab can't have it, why.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "machine/libvirt/plugin.h"

#include <cmocka.h>

#define QEMU_SAYS_OFF 33 /* the machine's exit status */

/*
 * Runs the machine, with this object as its plugin. Returns QEMU's exit status. begin: it stands
 * still until there is a file of this name; NULL: it does not.
 */
static int run_machine_from(const char *object, const char *counters, const char *begin)
{
	static const char script[] = "begin=$1; shift; test -n \"$begin\" || exec \"$@\"\n"
				     "(until test -e \"$begin\"; do sleep 0.05; done; echo cont) |"
				     " \"$@\" -S -monitor stdio >/dev/null";
	_cleanup_free_ char *plugin = strf("file=%s,counters=%s", object, counters);
	_cleanup_free_ char *kernel = path_in_root("build/tests/guest/vmruns");
	const char *const argv[] = { "sh", "-c", script, "sh", begin ? begin : "", "qemu-system-x86_64",
				     "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-nodefaults",
				     "-display", "none", "-device", "isa-debug-exit,iobase=0xf4",
				     "-kernel", kernel, "-plugin", plugin, NULL };
	struct proc p = { .what = "running the machine",
			  .argv = (char *const *)(uintptr_t)argv,
			  .deadline_s = 60,
			  .quiet_stderr = true };

	return proc_run(&p);
}

static int run_machine(const char *object, const char *counters)
{
	return run_machine_from(object, counters, NULL);
}

static char *counters_path(void)
{
	return strf("/tmp/nestlab-test-%d.counters", (int)getpid());
}

static void test_counts_exactly(void **state)
{
	_cleanup_free_ char *object = path_in_root("build/tcg-plugin/vmruns.so");
	_cleanup_free_ char *path = counters_path();
	struct plugin p = { .option = object, .path = path };
	struct counters_sample s;
	const struct counters *c;

	(void)state;
	assert_int_equal(plugin_renew(&p), 0);
	assert_null(plugin_counters(&p)); /* no QEMU has it yet */
	assert_int_equal(run_machine(object, path), QEMU_SAYS_OFF);
	c = plugin_counters(&p);
	assert_non_null(c);
	assert_true(counters_take(c, &s));
	assert_int_equal(c->faults, 0);
	assert_int_equal(s.vmruns, 1010);
	assert_int_equal(s.vmexits, 1010);
	assert_true(s.guest_most > 0);
	assert_int_equal(c->marks, 2);
	assert_int_equal(c->mark[0].number, 1);
	assert_int_equal(c->mark[0].sample.vmexits, 0);
	assert_int_equal(c->mark[1].number, 2);
	assert_int_equal(c->mark[1].sample.vmexits, 1000);
	assert_true(c->mark[1].sample.begin > c->mark[0].sample.end);
	unlink(path);
	p.option = p.path = NULL;
	plugin_close(&p);
}

#define MACHINE_FROM 0x100000
#define MACHINE_TO 0x200000

/* How often the machine was stopped, which accesses its memory 20000 times and more. */
static uint64_t run_with_stops(uint64_t from, uint64_t to)
{
	_cleanup_free_ char *object = path_in_root("build/tcg-plugin/vmruns.so");
	_cleanup_free_ char *path = counters_path();
	struct plugin p = { .option = object, .path = path };
	struct counters_sample s;
	uint64_t made;

	assert_int_equal(plugin_renew(&p), 0);
	plugin_stop_cpus(&p, from, to);
	assert_int_equal(run_machine(object, path), QEMU_SAYS_OFF);
	assert_true(counters_take(plugin_counters(&p), &s));
	assert_int_equal(s.vmexits, 1010);
	assert_int_equal(plugin_counters(&p)->faults, 0);
	made = plugin_counters(&p)->stops.made;
	assert_int_equal(!made, !plugin_counters(&p)->stops.ns);
	unlink(path);
	p.option = p.path = NULL;
	plugin_close(&p);
	return made;
}

static void test_stops_where_asked(void **state)
{
	(void)state;
	assert_int_equal(run_with_stops(0, 0), 0);
	assert_in_range(run_with_stops(MACHINE_FROM, MACHINE_TO), 300, 2000);
	assert_int_equal(run_with_stops(MACHINE_TO, 2 * MACHINE_TO), 0);
}

/* Asked for when all is there, and some of it translated without. */
static void *ask_later(void *plugin)
{
	struct plugin *p = plugin;
	_cleanup_free_ char *begin = strf("%s.begin", p->path);

	while (!plugin_counters(p))
		usleep(1000);
	plugin_stop_cpus(p, MACHINE_FROM, MACHINE_TO);
	assert_int_equal(file_write(begin, "", 0, 0600), 0);
	return NULL;
}

static void test_stops_later(void **state)
{
	_cleanup_free_ char *object = path_in_root("build/tcg-plugin/vmruns.so");
	_cleanup_free_ char *path = counters_path(), *begin = strf("%s.begin", path);
	struct plugin p = { .option = object, .path = path };
	struct counters_sample s;
	pthread_t thread;

	(void)state;
	assert_int_equal(plugin_renew(&p), 0);
	assert_int_equal(pthread_create(&thread, NULL, ask_later, &p), 0);
	assert_int_equal(run_machine_from(object, path, begin), QEMU_SAYS_OFF);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(counters_take(plugin_counters(&p), &s));
	assert_int_equal(s.vmruns, 1010);
	assert_int_equal(s.vmexits, 1010);
	assert_in_range(plugin_counters(&p)->stops.made, 300, 2000);
	unlink(begin);
	unlink(path);
	p.option = p.path = NULL;
	plugin_close(&p);
}

/* A file that an earlier QEMU counted in, or of another layout, is not written to. */
static void test_refuses_other_files(void **state)
{
	_cleanup_free_ char *object = path_in_root("build/tcg-plugin/vmruns.so");
	_cleanup_free_ char *path = counters_path();
	struct plugin p = { .option = object, .path = path };

	(void)state;
	assert_int_equal(plugin_renew(&p), 0);
	assert_int_equal(run_machine(object, path), QEMU_SAYS_OFF);
	assert_int_equal(run_machine(object, path), 1);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(run_machine(object, path), 1);
	unlink(path);
	assert_int_equal(run_machine(object, path), 1);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(run_machine(object, path), 1);
	unlink(path);
	p.option = p.path = NULL;
	plugin_close(&p);
}

static void test_a_lane_without(void **state)
{
	struct lane kvm = { .name = (char *)"kvm" };
	struct plugin p;

	(void)state;
	plugin_open(&p, &kvm);
	assert_null(p.option);
	assert_non_null(strstr(p.missing, "lane kvm has no emulator"));
	assert_int_equal(plugin_renew(&p), 0);
	assert_null(plugin_counters(&p));
	plugin_close(&p);
}

static void test_a_plugin_that_is_not_there(void **state)
{
	struct lane lane = { .name = (char *)"x", .plugin = (char *)"no-such" };
	struct plugin p;

	(void)state;
	unsetenv("LIBVIRT_DEFAULT_URI");
	plugin_open(&p, &lane);
	assert_null(p.option);
	assert_non_null(strstr(p.missing, "no-such.so is not there"));
	plugin_close(&p);
}

static void test_another_libvirt(void **state)
{
	struct lane lane = { .name = (char *)"x", .plugin = (char *)"vmruns" };
	struct plugin p;

	(void)state;
	setenv("LIBVIRT_DEFAULT_URI", "qemu:///system", 1);
	plugin_open(&p, &lane);
	assert_null(p.option);
	assert_non_null(strstr(p.missing, "LIBVIRT_DEFAULT_URI is set"));
	plugin_close(&p);
	unsetenv("LIBVIRT_DEFAULT_URI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_exactly),
		cmocka_unit_test(test_stops_where_asked),
		cmocka_unit_test(test_stops_later),
		cmocka_unit_test(test_refuses_other_files),
		cmocka_unit_test(test_a_lane_without),
		cmocka_unit_test(test_a_plugin_that_is_not_there),
		cmocka_unit_test(test_another_libvirt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
