// SPDX-License-Identifier: GPL-2.0-only
/* Whole commands, as people give them. */
#include "bench/bench.h"
#include "bench/hyperfine.h"
#include "bench/lines.h"
#include "core/paths.h"

#define VALUE_S 1800 /* of one command at most, with what it builds the first time */

static int time_command(struct bench_run *r, const struct bench *b, const char *command,
			unsigned int first)
{
	_cleanup_free_ char *prepare = b->prepare ? bench_command(r, b->prepare) : NULL;
	_cleanup_free_ char *cleanup = b->cleanup ? bench_command(r, b->cleanup) : NULL;
	struct timed t = {
		.command = command,
		.prepare = prepare,
		.cleanup = cleanup,
		.first = first,
		.warm = !first && !prepare,
	};

	return hyperfine_bench(r, b, &t, VALUE_S);
}

/* Once before, so that it is warm: what is built once is built, and the lab is saved. */
static int run_command(struct bench_run *r, const struct bench *b)
{
	_cleanup_free_ char *command = bench_command(r, b->command);

	return time_command(r, b, command, 0);
}

static int run_make(struct bench_run *r, const struct bench *b)
{
	_cleanup_free_ char *command = strf("make -s -C '%s' build", path_root());

	return time_command(r, b, command, 0);
}

/* One before, not timed: after it the tree's objects are those of the reference. */
static int run_line_in(struct bench_run *r, const struct bench *b, const char *dir)
{
	_cleanup_free_ char *words = NULL, *command = NULL, *warm = NULL;
	unsigned int n = bench_values(r, b), first;
	int ret = lines_write(r, dir, n + 1, &first);

	if (ret)
		return ret;
	warm = strf("%s PATCH=%s/line-%u.patch", b->command, dir, first + n);
	ret = bench_call(r, warm, VALUE_S);
	if (ret)
		return ret;
	words = strf("%s PATCH=%s/line-{n}.patch", b->command, dir);
	command = bench_command(r, words);
	return time_command(r, b, command, first);
}

static int run_line(struct bench_run *r, const struct bench *b)
{
	return run_line_in(r, b, r->inside);
}

static int run_line_outside(struct bench_run *r, const struct bench *b)
{
	return run_line_in(r, b, r->outside);
}

#define MICRO "TESTS=cpuid-exits/answer"

static const struct bench commands[] = {
	{ .name = "make", .what = "make build, with nothing to do", .run = run_make },
	{ .name = "one-test", .what = "one test of the reference in L2, warm", .run = run_command, .command = "test TESTS=vcpu-info/syscall LANE=tcg-svm" },
	{ .name = "micro-test", .what = "a test of the reference without an L2, warm", .run = run_command, .command = "test " MICRO " LANE=tcg-svm" },
	{ .name = "all-tests", .what = "all tests of the reference, warm", .at_most = 3, .run = run_command, .command = "test LANE=tcg-svm" },
	{ .name = "line-micro", .what = "a line of KVM to a micro test's verdict", .floor = "floor-make", .run = run_line, .command = "test " MICRO " LANE=tcg-svm" },
	{ .name = "line-test", .what = "a line of KVM to the verdict of a test in L2", .run = run_line, .command = "test TESTS=vcpu-info/syscall LANE=tcg-svm" },
	{ .name = "line-all", .what = "a line of KVM to all tests' verdict", .floor = "floor-make", .at_most = 3, .run = run_line, .command = "test LANE=tcg-svm" },
	{ .name = "outside-micro", .what = "the same line from a patch out of the checkout, to a micro test", .floor = "floor-make", .run = run_line_outside, .command = "test " MICRO " LANE=tcg-svm" },
	{ .name = "lab-boot", .what = "L1 and L2 from power-on", .floor = "floor-boot", .run = run_command, .command = "lab-up --fresh LANE=tcg-svm SAVE_LAB=0", .prepare = "lab-down", .cleanup = "lab-down" },
	{ .name = "lab-restore", .what = "L1 and L2 from their saved state", .floor = "floor-load", .run = run_command, .command = "lab-up LANE=tcg-svm", .prepare = "lab-down", .cleanup = "lab-down" },
	{ .name = "lab-down", .what = "ending a lab that was left running", .run = run_command, .command = "lab-down", .prepare = "lab-up LANE=tcg-svm", .cleanup = "lab-down" },
	{ .name = "one-test-bochs", .what = "one test of the reference in L2, warm, lane bochs-vmx", .run = run_command, .command = "test TESTS=vcpu-info/syscall LANE=bochs-vmx" },
	{ .name = "micro-test-bochs", .what = "a test without an L2, warm, lane bochs-vmx", .run = run_command, .command = "test " MICRO " LANE=bochs-vmx" },
	{ .name = "all-tests-bochs", .what = "all tests, lane bochs-vmx", .at_most = 1, .on_request = true, .run = run_command, .command = "test LANE=bochs-vmx" },
};
BENCHES(commands);
