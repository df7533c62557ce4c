// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports: the golden files of tests/data/report/ are approved output. After a wanted change, write
 * them anew with NESTLAB_APPROVE=1 and read the difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>

#include "report/growth.h"
#include "report/report.h"
#include "report/text.h"

/* Behind the others: cmocka has a macro fail(), which outcome.h declares as a function. */
#include <cmocka.h>

#define DATA "harness/tests/data/report"
#define SCHEMA "harness/report/results.schema.json"

static char dir[] = "/tmp/nestlab-test-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rm_rf(dir);
}

static char *in_dir(const char *name)
{
	return strf("%s/%s", dir, name);
}

static char *slurp(const char *path)
{
	struct buf b = { 0 };

	if (file_read(path, &b))
		fail_msg("cannot read %s", path);
	buf_puts(&b, "");
	return b.data;
}

/* Runs: each shows one kind of ending. */

static struct run_result *new_run(void)
{
	struct run_result *r = result_new("20261121-034219-7f3a");

	str_set(&r->lane, "tcg-svm");
	str_set(&r->lane_reason, "/dev/kvm offers neither SVM nor VMX");
	str_set(&r->kernel, "6.12");
	str_set(&r->assignment, "vcpu-info");
	str_set(&r->started, "2026-11-21T03:42:19Z");
	r->seconds = 12.3;
	result_add_stage(r, "host kernel", "reused", 0.01);
	result_add_stage(r, "L1", "restored", 0.64);
	result_set_manifest(r, "host patches", "sha256:60303ae22b998861bce3b28f33eec1be");
	return r;
}

static struct test_result *add_syscall(struct run_result *r)
{
	struct test_result *t = result_add_test(r, "vcpu-info/syscall", "vcpu-info");
	struct vcpu_row *row = result_add_vcpu(t, 0);

	t->seconds = 1.84;
	row->pid = 1187;
	row->num_exits = 10551;
	result_add_reg(row, "rax", 0x14);
	result_add_reg(row, "rflags", 0x246);
	result_add_reg(row, "rip", 0xffffffff81012345);
	result_add_reg(row, "r15", UINT64_MAX);
	strv_add(&t->log, "system call sys_vcpu_info result 0");
	result_add_measure(t, "calls", "calls", 4);
	result_add_measure(t, "cycles per exit", "cycles/exit", 120345.5);
	result_add_check(t, "the test program's end", OUT_PASS, "it runs to its end", "it did", NULL)
		->preparatory = true;
	result_set_ref(result_add_check(t, "system call returns 0", OUT_PASS, "0", "0", NULL),
		       "output-vcpu-info-syscall.txt", 0, 0);
	return t;
}

static void add_patch(struct run_result *r, const char *role, const char *file)
{
	const struct subject_patch p = {
		.role = (char *)role,
		.file = (char *)file,
		.subject = (char *)"KVM: x86: tell the caller's pid",
		.author = (char *)"A. Student <a@example.org>",
		.files = 1,
		.added = 3,
		.removed = 2,
		.sha256 = (char *)"1a2b3c4d5e6f",
	};

	result_add_patch(r, &p);
}

static struct run_result *run_pass(void)
{
	struct run_result *r = new_run();
	struct test_result *t = add_syscall(r);

	result_set_subject_what(r, "the reference");
	result_add_check(t, "ids in a sparse id space", OUT_SKIP, NULL, "needs a micro guest",
			 NULL);
	for (unsigned int i = 0; i <= 20; i++)
		result_add_exit_sample(r, i * 0.25, i * 1000);
	r->boot_seconds = 5;
	r->exits_per_boot = 20000;
	result_finish(r);
	return r;
}

static struct run_result *run_fail(void)
{
	struct run_result *r = new_run();
	struct test_result *t = add_syscall(r);

	result_set_ref(
		result_add_check(t, "registers of the target, not of the caller", OUT_FAIL,
				 "vCPU 0: rax 0x14, rbx 0x0; vCPU 1: rax 0x14, rbx 0x1",
				 "vCPU 0: rax 0x14, rbx 0x0; vCPU 1: rax 0x14, rbx 0x0",
				 "the registers of the caller stand where the target's belong: "
				 "every record holds the same values, and the argument in rbx "
				 "names the one that was asked for"),
		"trace.txt", 6, 6);
	add_patch(r, "host", "caller-pid.patch");
	result_set_subject_hash(r, "99aabbcc");
	result_add_check(t, "exits between the oracle's readings", OUT_BROKEN, "10,412 to 10,640",
			 "the oracle could not be read", NULL);
	result_finish(r);
	return r;
}

static struct run_result *run_crash(void)
{
	struct run_result *r = new_run();
	struct test_result *t;

	add_syscall(r);
	for (unsigned int i = 1; i <= 10; i++) {
		_cleanup_free_ char *file = strf("%04u-part.patch", i);

		add_patch(r, i % 2 ? "host" : "guest", file);
	}
	t = result_add_test(r, "vcpu-info/storm", "vcpu-info");
	t->verdict = OUT_CRASH;
	t->seconds = 125;
	str_set(&t->reason, "L1's kernel oopsed in kvm_vcpu_info+0x41/0x120 [kvm]");
	strv_add(&r->console,
		 "[   41.201344] BUG: kernel NULL pointer dereference, address: 0000000000000000");
	strv_add(&r->console, "[   41.222911]  <TASK>");
	result_add_test(r, "vcpu-info/ids", "vcpu-info");
	result_finish(r);
	return r;
}

static struct run_result *run_killed(void)
{
	struct run_result *r = new_run();

	result_judge_test(add_syscall(r));
	result_add_test(r, "vcpu-info/ids", "vcpu-info");
	result_set_subject_what(r, "a change");
	result_set_subject_monitor(r, "solutions/monitor.c");
	result_set_subject_hash(r, "0011223344556677");
	return r;
}

static struct run_result *run_not_built(void)
{
	struct run_result *r = new_run();

	r->verdict = OUT_BUILD_ERROR;
	str_set(&r->reason,
		"patch 0002-kvm-count-exits.patch does not apply: arch/x86/kvm/cpuid.c:1504");
	result_finish(r);
	return r;
}

static struct run_result *run_skipped(void)
{
	struct run_result *r = new_run();
	struct test_result *t = result_add_test(r, "cpuid-exits/exact", "cpuid-exits");

	result_set_subject_what(r, "the reference");
	result_add_check(t, "the test program's end", OUT_PASS, "it runs to its end", "it did", NULL)
		->preparatory = true;
	result_add_check(t, "exits grow as #VMEXITs", OUT_SKIP, NULL, "nobody counted", NULL);
	t = result_add_test(r, "lab/kernel-logs", "lab");
	t->preparatory = true;
	result_add_check(t, "L1's kernel log", OUT_PASS, "no warning", "none", NULL);
	result_finish(r);
	return r;
}

static struct run_result *run_nothing(void)
{
	struct run_result *r = new_run();

	result_finish(r);
	return r;
}

/* A run of which nothing is known but that it did not come to judging, and why. */
static struct run_result *run_refused(enum outcome o, const char *reason)
{
	struct run_result *r = result_new("20261121-034219-7f3a");

	str_set(&r->started, "2026-11-21T03:42:19Z");
	r->verdict = o;
	str_set(&r->reason, reason);
	result_finish(r);
	return r;
}

static struct run_result *run_usage(void)
{
	return run_refused(OUT_USAGE, "TESTS=vcpu-inof: no test has such a name");
}

static struct run_result *run_unusable(void)
{
	struct run_result *r = run_refused(OUT_UNUSABLE, "words.patch: it is text, and no change");
	const struct subject_patch p = { .role = (char *)"host", .file = (char *)"words.patch" };

	result_add_patch(r, &p);
	return r;
}

static struct run_result *run_busy(void)
{
	return run_refused(OUT_BUSY, "this checkout's lab is in use by pid 4711");
}

/* It was told to stop while a test ran; it said so itself, and is not finished. */
static struct run_result *run_interrupted(void)
{
	struct run_result *r = new_run();

	result_judge_test(add_syscall(r));
	result_set_subject_what(r, "the reference");
	result_add_test(r, "vcpu-info/ids", "vcpu-info");
	r->verdict = OUT_INTERRUPTED;
	str_set(&r->reason, "stopped by SIGINT while vcpu-info/ids ran");
	return r;
}

/* The same before there was anything to judge. */
static struct run_result *run_interrupted_early(void)
{
	struct run_result *r = result_new("20261121-034219-7f3a");

	r->verdict = OUT_INTERRUPTED;
	return r;
}

static const struct {
	const char *name;
	struct run_result *(*make)(void);
	bool prove_ok;
} runs[] = {
	{ "pass", run_pass, true },
	{ "fail", run_fail, false },
	{ "crash", run_crash, false },
	{ "killed", run_killed, false },
	{ "not-built", run_not_built, false },
	{ "skipped", run_skipped, true },
	{ "nothing", run_nothing, true },
	{ "usage", run_usage, false },
	{ "unusable", run_unusable, false },
	{ "busy", run_busy, false },
	{ "interrupted", run_interrupted, false },
	{ "interrupted-early", run_interrupted_early, false },
};

/* Golden files */

static void compare_golden(const char *name, const char *suffix, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s.%s", DATA, name, suffix);
	_cleanup_free_ char *approved = NULL;

	if (getenv("NESTLAB_APPROVE"))
		assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	approved = slurp(path);
	assert_string_equal(text, approved);
}

static char *ktap_of(const struct run_result *r)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	report_ktap(r, f);
	fclose(f);
	return text;
}

static char *terminal_of(const struct run_result *r, bool color, bool verbose)
{
	const struct terminal_opts o = { .color = color, .verbose = verbose };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	report_terminal(r, &o, f);
	fclose(f);
	return text;
}

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct run_result *r = runs[i].make();
		_cleanup_free_ char *ktap = ktap_of(r);
		_cleanup_free_ char *brief = terminal_of(r, false, false);
		_cleanup_free_ char *verbose = terminal_of(r, false, true);

		compare_golden(runs[i].name, "ktap", ktap);
		compare_golden(runs[i].name, "txt", brief);
		compare_golden(runs[i].name, "verbose.txt", verbose);
		result_free(r);
	}
}

static void test_terminal_ends_with_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct run_result *r = runs[i].make();
		_cleanup_free_ char *text = terminal_of(r, false, false);
		_cleanup_free_ char *last =
			strf("\nverdict: %s\n", outcome_name(result_verdict(r)));

		assert_true(str_ends(text, last));
		assert_null(strchr(text, '\033'));
		result_free(r);
	}
}

static void test_colour_on_request(void **state)
{
	struct run_result *r = run_fail();
	_cleanup_free_ char *text = terminal_of(r, true, false);

	(void)state;
	assert_non_null(strstr(text, "\033[1;31mFAIL\033[0m"));
	result_free(r);
}

/* One line each, however many checks; what failed, whole, comes behind all that did not. */
static void test_quiet_when_fine(void **state)
{
	struct run_result *r = run_fail();
	struct test_result *t = result_add_test(r, "a/fine", "a");
	char *fine, *failed;

	(void)state;
	for (int i = 0; i < 9; i++)
		result_add_check(t, "a check", OUT_PASS, "1", "1", NULL);
	result_judge_test(t);
	_cleanup_free_ char *text = terminal_of(r, false, false);

	fine = strstr(text, "ok      a/fine  9 passed");
	failed = strstr(text, "  FAIL    ");
	assert_true(fine && failed && fine < failed);
	assert_null(strstr(text, "a check"));
	result_free(r);
}

/* The page is named in front of the verdict, and lines are as long as the terminal is wide. */
static void test_page_and_width(void **state)
{
	const struct terminal_opts o = { .columns = 70, .page = "results/x/report.html" };
	struct run_result *r = run_fail();
	char *text = NULL, *save = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	report_terminal(r, &o, f);
	fclose(f);
	assert_non_null(strstr(text, "\npage: results/x/report.html\nverdict: fail\n"));
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		assert_true(text_width(l) <= 70);
	free(text);
	result_free(r);
}

static void test_no_colour_by_request(void **state)
{
	(void)state;
	setenv("NO_COLOR", "1", 1);
	assert_false(terminal_opts_for(STDOUT_FILENO, false).color);
	assert_true(terminal_opts_for(STDOUT_FILENO, true).verbose);
	unsetenv("NO_COLOR");
}

static void test_long_lines_are_wrapped(void **state)
{
	struct run_result *r = run_fail();
	_cleanup_free_ char *text = terminal_of(r, false, true);
	char *save = NULL;

	(void)state;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		assert_true(text_width(l) <= 100);
	result_free(r);
}

/* Other programs' opinion */

static bool have(const char *program)
{
	_cleanup_free_ char *command = strf("command -v %s >/dev/null", program);

	return !system(command);
}

static int quietly(const char *command)
{
	_cleanup_free_ char *line = strf("%s >/dev/null 2>&1", command);

	return system(line);
}

/* Does another program tell each run as it ended, by its exit code? command: it, with the path. */
static void ask_reader(const char *program, const char *command, const char *path)
{
	if (!have(program))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct run_result *r = runs[i].make();
		_cleanup_free_ char *text = ktap_of(r);

		assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
		if (!quietly(command) != runs[i].prove_ok)
			fail_msg("%s does not tell the run '%s' as it ended", program, runs[i].name);
		result_free(r);
	}
}

static void test_prove_agrees(void **state)
{
	_cleanup_free_ char *path = in_dir("report.ktap");
	_cleanup_free_ char *command = strf("prove -e cat %s", path);

	(void)state;
	ask_reader("prove", command, path);
}

/* It knows TAP by its own version line alone. */
static void test_tappy_agrees(void **state)
{
	_cleanup_free_ char *path = in_dir("report.ktap");
	_cleanup_free_ char *command = strf("sed -i '1s/.*/TAP version 13/' %s && tappy %s", path, path);

	(void)state;
	ask_reader("tappy", command, path);
}

static bool have_jsonschema(void)
{
	return !quietly("python3 -W ignore -c 'import jsonschema'");
}

static void test_schema_agrees(void **state)
{
	_cleanup_free_ char *path = in_dir("results.json");
	_cleanup_free_ char *command =
		strf("python3 -W ignore -m jsonschema -i %s %s", path, SCHEMA);

	(void)state;
	if (!have_jsonschema())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct run_result *r = runs[i].make();

		assert_int_equal(report_json(r, path), 0);
		assert_int_equal(quietly(command), 0);
		result_free(r);
	}
}

/* results.json */

static char *json_of(const struct run_result *r)
{
	_cleanup_free_ char *path = in_dir("results.json");

	assert_int_equal(report_json(r, path), 0);
	return slurp(path);
}

static struct run_result *load_text(const char *text)
{
	_cleanup_free_ char *path = in_dir("loaded.json");

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	fail_clear();
	return report_load(path);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct run_result *r = runs[i].make();
		_cleanup_free_ char *first = json_of(r);
		struct run_result *back = load_text(first);
		_cleanup_free_ char *before = terminal_of(r, true, true);
		_cleanup_free_ char *second = NULL, *after = NULL;

		if (!back)
			fail_msg("%s", fail_text());
		second = json_of(back);
		after = terminal_of(back, true, true);
		assert_string_equal(first, second);
		assert_string_equal(before, after);
		result_free(back);
		result_free(r);
	}
}

static void test_big_numbers_survive(void **state)
{
	struct run_result *r = run_pass(), *back;
	_cleanup_free_ char *text = NULL;

	(void)state;
	r->tests[0].vcpus[0].pid = (1ULL << 53) - 1;
	r->tests[0].vcpus[0].num_exits = 1ULL << 53;
	r->exits_per_boot = UINT64_MAX;
	text = json_of(r);
	assert_non_null(strstr(text, "\"pid\": 9007199254740991,"));
	assert_non_null(strstr(text, "\"num_exits\": \"0x20000000000000\""));
	assert_non_null(strstr(text, "\"r15\": \"0xffffffffffffffff\""));
	back = load_text(text);
	assert_non_null(back);
	assert_true(back->tests[0].vcpus[0].pid == (1ULL << 53) - 1);
	assert_true(back->tests[0].vcpus[0].num_exits == 1ULL << 53);
	assert_true(back->exits_per_boot == UINT64_MAX);
	assert_true(back->tests[0].vcpus[0].regs[3].value == UINT64_MAX);
	result_free(back);
	result_free(r);
}

static const struct measure *find_measure(const struct measure *m, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(m[i].name, name))
			return &m[i];
	fail_msg("no measure '%s'", name);
	return NULL;
}

/* As a number again, to the last digit that a double surely has. */
static void test_measures_survive(void **state)
{
	static const double values[] = { 0, -1, 0.1, 1e-300, -1.7e308, 1e15, 123456789012345 };
	struct run_result *r = run_pass(), *back;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_free_ char *name = strf("value %zu", i);

		assert_true(result_add_measure(&r->tests[0], name, "", values[i]));
	}
	text = json_of(r);
	back = load_text(text);
	assert_non_null(back);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_free_ char *name = strf("value %zu", i);
		double value =
			find_measure(back->tests[0].measures, back->tests[0].n_measures, name)
				->value;

		assert_false(value < values[i] || value > values[i]);
	}
	result_free(back);
	result_free(r);
}

/* Every report says what was judged, before it says how that went. */
static const struct {
	struct run_result *(*make)(void);
	const char *terminal, *ktap, *junit, *html;
} subjects[] = {
	{ run_pass, "\njudged: the reference (kernel 6.12)\nverdict: pass\n",
	  "KTAP version 1\n1..1\n# judged: the reference (kernel 6.12)\n",
	  "<property name=\"judged\" value=\"the reference (kernel 6.12)\"/>",
	  "<p class=\"judged\">Judged: the reference (kernel 6.12)</p>\n<h1>Pass</h1>" },
	{ run_fail,
	  "\njudged: caller-pid.patch: \"KVM: x86: tell the caller's pid\" by A. Student "
	  "<a@example.org>, 1\n        file, +3 -2, sha256 1a2b3c4d\nverdict: fail\n",
	  "\n# judged: caller-pid.patch: \"KVM: x86: tell the caller's pid\" by A. Student "
	  "<a@example.org>, 1 file, +3 -2, sha256 1a2b3c4d\n",
	  "<property name=\"judged.hash\" value=\"99aabbcc\"/>",
	  "caller-pid.patch: &quot;KVM: x86: tell the caller&#39;s pid&quot; by A. Student "
	  "&lt;a@example.org&gt;, 1 file, +3 -2, sha256 1a2b3c4d</p>\n<h1>Fail</h1>" },
	{ run_crash, "\n        ... and 2 more patches\nverdict: crash\n",
	  "\n# judged: 0002-part.patch (guest): ", "<property name=\"judged.8\" value=\"0008-part",
	  "<br>... and 2 more patches</p>" },
	{ run_killed, "\njudged: monitor solutions/monitor.c, sha256 00112233\nverdict: broken\n",
	  "\n# judged: monitor solutions/monitor.c, sha256 00112233\n",
	  "value=\"monitor solutions/monitor.c, sha256 00112233\"/>",
	  "Judged: monitor solutions/monitor.c, sha256 00112233</p>" },
	{ run_not_built, "\nnothing was judged\nverdict: build-error\n",
	  "KTAP version 1\n1..1\n# nothing was judged\n",
	  "<property name=\"judged\" value=\"nothing was judged\"/>",
	  "<p class=\"judged\">Nothing was judged</p>" },
};

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in\n%s", part, text);
}

static void test_subjects_are_told(void **state)
{
	_cleanup_free_ char *junit = in_dir("junit.xml"), *page = in_dir("report.html");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		struct run_result *r = subjects[i].make();
		_cleanup_free_ char *terminal = terminal_of(r, false, false), *ktap = ktap_of(r);
		_cleanup_free_ char *xml = NULL, *html = NULL;

		assert_int_equal(report_junit(r, junit), 0);
		assert_int_equal(report_html(r, dir, page), 0);
		xml = slurp(junit);
		html = slurp(page);
		assert_has(terminal, subjects[i].terminal);
		assert_has(ktap, subjects[i].ktap);
		assert_has(xml, subjects[i].junit);
		assert_has(html, subjects[i].html);
		result_free(r);
	}
}

static void test_measures_are_shown(void **state)
{
	struct run_result *r = run_pass();
	_cleanup_free_ char *verbose = terminal_of(r, false, true),
			    *brief = terminal_of(r, false, false);
	_cleanup_free_ char *page = in_dir("report.html"), *html = NULL;

	(void)state;
	assert_non_null(strstr(verbose, "    cycles per exit        120,346 cycles/exit\n"));
	assert_non_null(strstr(verbose, "    exits per boot            20,000 exits\n"));
	assert_null(strstr(verbose, "stage L1"));
	assert_null(strstr(brief, "cycles per exit"));
	assert_int_equal(report_html(r, dir, page), 0);
	html = slurp(page);
	assert_non_null(strstr(html,
			       "<th scope=\"row\">cycles per exit</th><td class=\"num\">120,346"
			       "</td><td class=\"soft\">cycles/exit</td>"));
	assert_non_null(strstr(html, "<th scope=\"row\">L1</th><td>restored, 0.64 s</td>"));
	result_free(r);
}

static void test_times_without_a_number(void **state)
{
	struct run_result *r = run_pass(), *back;
	_cleanup_free_ char *text = NULL;

	(void)state;
	r->seconds = strtod("nan", NULL);
	r->boot_seconds = -1;
	text = json_of(r);
	back = load_text(text);
	assert_non_null(back);
	assert_true(back->seconds >= 0 && back->seconds <= 0);
	result_free(back);
	result_free(r);
}

/* Written by the lab, then changed by somebody: each must be refused, with the field's name. */
static const struct {
	const char *from, *to, *says;
} forgeries[] = {
	{ "\"format\": 2", "\"format\": 1", "format: " },
	{ "\"run_id\": \"20261121-034219-7f3a\"", "\"run_id\": 7",
	  "run_id: expected a string, found a number" },
	{ "\"run_id\"", "\"run\"", "unknown field \"run\"" },
	{ "\"finished\": true", "\"finished\": 1", "finished: expected true or false" },
	{ "\"finished\": true", "\"finished\": false", "not finished" },
	{ "\"verdict\": \"pass\",\n  \"reason\"", "\"verdict\": \"ok\",\n  \"reason\"",
	  "verdict: expected one of pass, fail, usage, broken, build-error, crash, skip, unusable, "
	  "busy, interrupted; found \"ok\"" },
	{ "\"verdict\": \"pass\",\n  \"reason\"", "\"verdict\": \"usage\",\n  \"reason\"",
	  "verdict is \"usage\", but there are tests" },
	{ "\"passed\": 2", "\"passed\": 3", "summary does not agree" },
	{ "\"passed\": 2", "\"passed\": -1", "summary.passed: expected 0 to" },
	{ "\"passed\": 2", "\"passed\": 1.5",
	  "summary.passed: expected a whole number, found a fraction" },
	{ "\"passed\": 2", "\"passed\": 4294967296", "summary.passed: " },
	{ "\"preparatory\": true", "\"preparatory\": 1",
	  "tests[0].checks[0].preparatory: expected true" },
	{ "\"file\": \"output-vcpu-info-syscall.txt\"", "\"file\": \"../../etc/passwd\"",
	  "tests[0].checks[1].reference: file is no plain name" },
	{ "\"file\": \"output-vcpu-info-syscall.txt\"", "\"file\": \"javascript:alert(1)\"",
	  "tests[0].checks[1].reference: file is no plain name" },
	{ "\"file\": \"output-vcpu-info-syscall.txt\"", "\"file\": null",
	  "tests[0].checks[1].reference.file: expected a string" },
	{ "\"first\": 0", "\"first\": 1", "the lines are in no order" },
	{ "\"last\": 0", "\"last\": 7", "the lines are in no order" },
	{ "\"last\": 0", "\"last\": 0, \"end\": 1", "unknown field \"end\"" },
	{ "\"seconds\": 12.3", "\"seconds\": -12.3", "seconds: " },
	{ "\"seconds\": 12.3", "\"seconds\": 1e999", "no JSON" },
	{ "\"seconds\": 12.3", "\"seconds\": NaN", "no JSON" },
	{ "\"observed\": \"0\"", "\"observed\": null",
	  "tests[0].checks[1].observed: expected a string, found null" },
	{ "\"expected\": \"0\"", "\"expected\": null", "tests[0].checks[1]: expected is null" },
	{ "\"verdict\": \"skip\"", "\"verdict\": \"crash\"", "tests[0].checks[2].verdict: " },
	{ "\"verdict\": \"skip\"", "\"verdict\": \"broken\"",
	  "tests[0].checks[2]: expected is null" },
	{ "\"verdict\": \"pass\",\n          \"expected\": \"0\"",
	  "\"verdict\": \"skip\",\n          \"expected\": \"0\"",
	  "tests[0]: verdict is \"pass\", but no check passed that judges" },
	{ "\"rax\": \"0x14\"", "\"rax\": 20", "tests[0].vcpus[0].regs.rax: " },
	{ "\"rax\": \"0x14\"", "\"rax\": \"0x10000000000000000\"", "tests[0].vcpus[0].regs.rax: " },
	{ "\"rax\": \"0x14\"", "\"rax\": \"20\"", "tests[0].vcpus[0].regs.rax: " },
	{ "\"rax\"", "\"a long name\"", "no register's name" },
	{ "\"pid\": 1187", "\"pid\": 9007199254740992", "tests[0].vcpus[0].pid: " },
	{ "\"pid\": 1187", "\"pid\": 99999999999999999999", "no JSON" },
	{ "\"pid\": 1187", "\"pid\": 1187, \"pid\": 1188", "duplicate" },
	{ "\"pid\": 1187", "\"pid\": 1187, \"\\u001b[2J\": 1", "unknown field \"\\x1b[2J\"" },
	{ "\"value\": 4.0", "\"value\": \"4\"", "tests[0].measures[0].value: expected a number" },
	{ "\"value\": 4.0", "\"value\": null", "tests[0].measures[0].value: expected a number" },
	{ "\"value\": 4.0", "\"value\": NaN", "no JSON" },
	{ "\"value\": 4.0", "\"value\": -Infinity", "no JSON" },
	{ "\"value\": 4.0", "\"value\": 1e999", "no JSON" },
	{ "\"name\": \"calls\"", "\"name\": \"cycles per exit\"",
	  "tests[0]: measures[1].name is that of measures[0]" },
	{ "\"name\": \"exits per boot\"", "\"name\": \"the whole run\"",
	  "measures[1].name is that of measures[0]" },
	{ "\"unit\": \"calls\"", "\"unit\": 1", "tests[0].measures[0].unit: expected a string" },
	{ "\"what\": \"the reference\"", "\"what\": null", "subject.what: expected a string" },
	{ "\"monitor\": null", "\"monitor\": 1", "subject.monitor: expected a string or null" },
	{ "\"patches\": []", "\"patches\": [ {} ]",
	  "subject.patches[0]: field \"role\" is missing" },
	{ "\"subject\": {", "\"subject\": [], \"subjects\": {", "unknown field \"subjects\"" },
	{ "\"log\": [", "\"log\": [ 1, ", "tests[0].log[0]: expected a string" },
	{ "\"console\": []", "\"console\": {}", "console: expected an array" },
	{ "\"stages\": [", "\"stages\": [ null, ", "stages[0]: expected an object, found null" },
	{ "\"boot_exits\": [\n    {\n      \"seconds\": 0.0",
	  "\"boot_exits\": [\n    {\n      \"seconds\": 0.3", "boot_exits[1].seconds is before" },
	{ "\"reason\": null,\n  \"subject\"", "\"subject\"", "field \"reason\" is missing" },
	{ "{", "[", "no JSON" },
	{ "\"tcg-svm\"", "\"\xff\"", "no JSON" },
	{ "\"tcg-svm\"", "\"a\\u0000b\"", "no JSON" },
	{ "\"host patches\": \"", "\"gcc\": 12, \"host patches\": \"",
	  "manifest.gcc: expected a string" },
};

static char *replace_first(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		fail_msg("the written file does not hold %s", from);
	return strf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void test_forged_results_are_refused(void **state)
{
	struct run_result *r = run_pass();
	_cleanup_free_ char *text = json_of(r);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++) {
		_cleanup_free_ char *forged =
			replace_first(text, forgeries[i].from, forgeries[i].to);

		assert_null(load_text(forged));
		assert_int_equal(fail_outcome(), OUT_USAGE);
		if (!strstr(fail_text(), forgeries[i].says))
			fail_msg("\"%s\" does not say \"%s\"", fail_text(), forgeries[i].says);
		assert_non_null(strstr(fail_text(), "loaded.json:"));
	}
	result_free(r);
}

static void test_forged_pass_is_refused(void **state)
{
	struct run_result *r = run_fail();
	_cleanup_free_ char *text = json_of(r);
	_cleanup_free_ char *once =
		replace_first(text, "\"verdict\": \"fail\"", "\"verdict\": \"pass\"");
	_cleanup_free_ char *twice =
		replace_first(once, "\"verdict\": \"fail\"", "\"verdict\": \"pass\"");

	(void)state;
	assert_null(load_text(once));
	assert_non_null(
		strstr(fail_text(), "verdict is \"pass\", but the tests together say \"fail\""));
	assert_null(load_text(twice));
	assert_non_null(
		strstr(fail_text(), "tests[0]: verdict is \"pass\", but checks[2] says \"fail\""));
	result_free(r);
}

/* What a run passed by must be in it: a check that judges, in a test that somebody asked for. */
static void test_forged_preparation_is_refused(void **state)
{
	struct run_result *r = run_skipped();
	_cleanup_free_ char *text = json_of(r);
	_cleanup_free_ char *run =
		replace_first(text, "\"verdict\": \"skip\"", "\"verdict\": \"pass\"");
	_cleanup_free_ char *both =
		replace_first(run, "\"verdict\": \"skip\"", "\"verdict\": \"pass\"");

	(void)state;
	assert_null(load_text(run));
	assert_non_null(
		strstr(fail_text(), "verdict is \"pass\", but the tests together say \"skip\""));
	assert_null(load_text(both));
	assert_non_null(strstr(fail_text(), "but no check passed that judges"));
	result_free(r);
}

static void test_truncated_results_are_refused(void **state)
{
	struct run_result *r = run_pass();
	_cleanup_free_ char *text = json_of(r);

	(void)state;
	for (size_t n = strlen(text) - 2; n > 64; n -= n / 16) {
		text[n] = '\0';
		assert_null(load_text(text));
		assert_int_equal(fail_outcome(), OUT_USAGE);
	}
	result_free(r);
}

static void test_no_results_to_load(void **state)
{
	_cleanup_free_ char *path = in_dir("not-there.json");

	(void)state;
	assert_null(report_load(path));
	assert_int_equal(fail_outcome(), OUT_USAGE);
	assert_non_null(strstr(fail_text(), "not-there.json"));
	assert_null(report_load(dir));
	assert_int_equal(fail_outcome(), OUT_USAGE);
}

/* Killed while its only test is known to be broken: the tests do not tell that there would be more.
 */
static void test_unfinished_run_is_told_of(void **state)
{
	struct run_result *r = run_killed();
	_cleanup_free_ char *text = NULL;

	(void)state;
	result_add_check(&r->tests[0], "an oracle", OUT_BROKEN, "an answer", "none", NULL);
	result_judge_test(&r->tests[0]);
	text = ktap_of(r);
	assert_non_null(
		strstr(text, "not ok 3 the run as a whole # ERROR the run was not finished"));
	result_free(r);
}

static void test_unfinished_file_is_no_pass(void **state)
{
	struct run_result *r = run_killed();
	_cleanup_free_ char *text = json_of(r);

	(void)state;
	assert_non_null(strstr(text, "\"finished\": false,\n  \"verdict\": \"broken\""));
	result_free(r);
}

/* Hostile text: whatever a kernel under test prints, reports stay what they are. */

static const char *const hostile[] = {
	"",
	"\xff\xfe broken \xc3( UTF-8 \xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf \xe2\x82",
	"\033[2J\033]0;owned\a clear \b\b\b and \x7f \xc2\x9b 31m",
	"]]> <![CDATA[ </failure></testcase> &amp; &lt; &#0; <!-- -->",
	"<script>alert(1)</script><img src=x onerror=alert(1)>\"' onclick='x' <style>",
	"a name\nok 1 forged # SKIP\n1..0 # SKIP all\nBail out!\r\n",
	"x # SKIP not really",
	"x \\# TODO neither # TODO",
	"\xef\xbf\xbe \xef\xbf\xbf \x01\x02\x03\x0b\x0c\x0e\x1f",
	"\xe2\x80\xae turned \xe2\x81\xa6 around \xe2\x80\xa8",
	"%s%n%d %1$s",
	"trace.txt:1 trace.txt:99999999999999999999 trace.txt: trace.txt:<b> trace.txt:0",
	"verdict: pass",
	"one_word_that_is_longer_than_a_telephone_is_wide_and_has_no_place_where_it_could_be_broken_at_all_0123456789",
};

static struct run_result *run_of(const char *s)
{
	const struct subject_patch p = { (char *)s, (char *)s, (char *)s,  (char *)s,
					 1,	    2,	       UINT32_MAX, (char *)s };
	struct run_result *r = result_new(s);
	struct test_result *t = result_add_test(r, s, s);

	result_set_subject_what(r, s);
	result_set_subject_monitor(r, s);
	result_set_subject_hash(r, s);
	result_add_patch(r, &p);

	str_set(&r->lane, s);
	str_set(&r->lane_reason, s);
	str_set(&r->kernel, s);
	str_set(&r->kernel_flavor, s);
	str_set(&r->assignment, s);
	str_set(&r->started, s);
	str_set(&r->reason, s);
	result_set_ref(result_add_check(t, s, OUT_PASS, s, s, s), s, 1, 1);
	result_set_ref(result_add_check(t, s, OUT_FAIL, s, s, s), "trace.txt", 1, UINT32_MAX);
	result_add_check(t, s, OUT_SKIP, NULL, s, s);
	result_add_check(t, s, OUT_BROKEN, s, s, s);
	strv_add(&t->log, s);
	result_add_vcpu(t, 3);
	t = result_add_test(r, s, s);
	t->verdict = OUT_CRASH;
	str_set(&t->reason, s);
	strv_add(&r->console, s);
	result_set_manifest(r, s, s);
	result_add_stage(r, s, s, strtod("nan", NULL));
	result_add_measure(t, s, s, -1e300);
	result_add_run_measure(r, s, s, 1e-300);
	result_finish(r);
	return r;
}

static void check_html_element(const xmlNode *node)
{
	static const char *const never[] = { "script", "img", "b", "iframe", "object", "form" };

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		assert_string_not_equal((const char *)node->name, never[i]);
	for (xmlAttr *a = node->properties; a; a = a->next)
		assert_false(str_starts((const char *)a->name, "on"));
}

static void check_html_nodes(const xmlNode *node)
{
	for (; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		check_html_element(node);
		check_html_nodes(node->children);
	}
}

/* Each place in the page that something links to is there, once. */
static void check_links(const char *page)
{
	static const char start[] = "href=\"#";

	for (const char *at = page; (at = strstr(at, start)); at++) {
		const char *name = at + strlen(start);
		_cleanup_free_ char *id = strf(" id=\"%.*s\"", (int)strcspn(name, "\""), name);
		const char *place = strstr(page, id);

		if (!place || strstr(place + 1, id))
			fail_msg("the page has not one place%s", id);
	}
}

static void check_html(const char *path)
{
	_cleanup_free_ char *text = slurp(path);
	htmlDocPtr doc =
		htmlReadMemory(text, (int)strlen(text), NULL, "UTF-8",
			       HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);

	assert_non_null(doc);
	check_html_nodes(xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	/* Its head and style sheet: whole, filled in, without their files' comments. */
	assert_true(str_starts(text, "<!DOCTYPE html>\n"));
	assert_non_null(strstr(text, "<style>\n:root{"));
	assert_non_null(strstr(text, "}}\n</style>\n</head>\n<body>\n"));
	assert_null(strstr(text, "@STYLE@"));
	assert_null(strstr(text, "@TITLE@"));
	assert_null(strstr(text, "SPDX"));
	check_links(text);
	assert_true(str_ends(text, "</main>\n</body>\n</html>\n"));
}

static size_t count_elements(const xmlNode *node, const char *name)
{
	size_t n = 0;

	for (; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE)
			n += !strcmp((const char *)node->name, name) +
			     count_elements(node->children, name);
	return n;
}

/* The numbers in the root's attributes are those of the elements. */
static void check_tally(xmlNode *root)
{
	static const char *const names[][2] = {
		{ "tests", "testcase" },
		{ "failures", "failure" },
		{ "errors", "error" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		xmlChar *told = xmlGetProp(root, BAD_CAST names[i][0]);

		assert_int_equal(atoi((const char *)told),
				 count_elements(root->children, names[i][1]));
		xmlFree(told);
	}
}

static void check_xml(const char *path)
{
	_cleanup_free_ char *text = slurp(path);
	xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR);

	assert_non_null(doc);
	assert_string_equal((const char *)xmlDocGetRootElement(doc)->name, "testsuites");
	check_tally(xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
}

/* The same lines as for tame text: ok and plan lines can't be added, taken away or turned. */
static void check_ktap(const struct run_result *r)
{
	static const char *const starts[] = {
		"KTAP version 1", "#",	       "1..2",	    "1..4",	   "  KTAP version 1",
		"  # ",		  "  1..4",    "  ok 1 ",   "  not ok 2 ", "  ok 3 ",
		"  not ok 4 ",	  "not ok 1 ", "not ok 2 ",
	};
	_cleanup_free_ char *text = ktap_of(r);
	size_t items = 0;
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(starts) && !str_starts(l, starts[i]))
			i++;
		if (i == ARRAY_SIZE(starts))
			fail_msg("unexpected line: %s", l);
		items += i >= 7;
	}
	assert_int_equal(items, 6);
}

static void check_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 && *text != '\n')
			fail_msg("control character %d", *text);
}

static void check_all_files(const struct run_result *r)
{
	_cleanup_free_ char *html = in_dir("report.html");
	_cleanup_free_ char *junit = in_dir("junit.xml");
	_cleanup_free_ char *manifest = in_dir("manifest.json");
	_cleanup_free_ char *terminal = terminal_of(r, false, true);
	_cleanup_free_ char *ktap = ktap_of(r);
	json_t *j;

	assert_int_equal(report_all(r, dir), 0);
	check_html(html);
	check_xml(junit);
	check_ktap(r);
	check_plain(ktap);
	check_plain(terminal);
	assert_true(str_ends(terminal, "\nverdict: crash\n"));
	j = json_load_file(manifest, 0, NULL);
	assert_true(json_is_object(j));
	json_decref(j);
}

static void test_hostile_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		_cleanup_free_ char *trace = in_dir("trace.txt");
		struct run_result *r = run_of(hostile[i]), *back;
		_cleanup_free_ char *first = NULL, *second = NULL;

		assert_int_equal(file_write(trace, hostile[i], strlen(hostile[i]), 0644), 0);
		check_all_files(r);
		first = json_of(r);
		back = load_text(first);
		assert_non_null(back);
		second = json_of(back);
		assert_string_equal(first, second);
		result_free(back);
		result_free(r);
	}
}

static void test_hostile_text_passes_the_schema(void **state)
{
	_cleanup_free_ char *path = in_dir("results.json");
	_cleanup_free_ char *command =
		strf("python3 -W ignore -m jsonschema -i %s %s", path, SCHEMA);
	_cleanup_buf_ struct buf all = { 0 };
	struct run_result *r;

	(void)state;
	if (!have_jsonschema())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++)
		buf_puts(&all, hostile[i]);
	r = run_of(all.data);
	assert_int_equal(report_json(r, path), 0);
	assert_int_equal(quietly(command), 0);
	result_free(r);
}

static void test_counter_that_falls(void **state)
{
	struct run_result *r = new_run();
	_cleanup_free_ char *path = in_dir("report.html");
	struct growth g;

	(void)state;
	/* The kernel under test counts wrongly: reports show it and do not break. */
	result_add_exit_sample(r, 1, UINT64_MAX);
	result_add_exit_sample(r, 2, 0);
	result_add_exit_sample(r, 1e12, 5);
	result_finish(r);
	assert_true(growth_of(r, &g));
	assert_int_equal(report_html(r, dir, path), 0);
	check_html(path);
	result_free(r);
}

/* The page's trace */

static void write_trace(size_t lines)
{
	_cleanup_free_ char *path = in_dir("trace.txt");
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 1; i <= lines; i++)
		buf_printf(&b, "line %zu of the trace\n", i);
	assert_int_equal(file_write(path, buf_str(&b), b.len, 0644), 0);
}

static char *html_of(const struct run_result *r)
{
	_cleanup_free_ char *path = in_dir("report.html");

	assert_int_equal(report_html(r, dir, path), 0);
	check_html(path);
	return slurp(path);
}

static void test_trace_is_bounded(void **state)
{
	struct run_result *r = run_fail();
	_cleanup_free_ char *text = NULL;

	(void)state;
	write_trace(2500);
	text = html_of(r);
	assert_non_null(strstr(text, "The first 2,000 of 2,500 lines"));
	assert_non_null(strstr(text, "<span id=\"t2000\">line 2000 of"));
	assert_null(strstr(text, "line 2001 of"));
	assert_null(strstr(text, "id=\"t2001\""));
	assert_non_null(strstr(text, "<a href=\"#t6\">trace.txt line 6</a>"));
	result_free(r);
}

static struct check_result *add_reference(struct run_result *r, enum outcome o, const char *file,
					  unsigned int first, unsigned int last)
{
	struct check_result *c = result_add_check(&r->tests[0], "refers", o, "x", "y", NULL);

	assert_true(result_set_ref(c, file, first, last));
	return c;
}

/* Whatever lines a check refers to, the page shows them and links to them. */
static void test_references_into_the_trace(void **state)
{
	static const unsigned int lines[] = { 1, 2000, 2001, 2004, 40000, 40020, 49999, 50000 };
	struct run_result *r = run_fail();
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		add_reference(r, i % 2 ? OUT_PASS : OUT_FAIL, "trace.txt", lines[i],
			      i % 3 ? lines[i] : UINT32_MAX);
	write_trace(50000);
	text = html_of(r);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *link = strf("<a href=\"#t%u\">trace.txt line", lines[i]);
		_cleanup_free_ char *shown =
			strf("<span id=\"t%u\">line %u of", lines[i], lines[i]);

		assert_non_null(strstr(text, link));
		assert_non_null(strstr(text, shown));
	}
	/* Each window has its own numbers, touches no other, and is small. */
	assert_non_null(strstr(text, "style=\"counter-reset:l 39994\""));
	assert_null(strstr(text, "style=\"counter-reset:l 2000\""));
	assert_non_null(strstr(text, "id=\"t40050\""));
	assert_null(strstr(text, "id=\"t40051\""));
	assert_null(strstr(text, "id=\"t39994\""));
	result_free(r);
}

/* Lines that the trace does not have, files that are not there, and more than there is room for. */
static void test_references_that_lead_nowhere(void **state)
{
	_cleanup_free_ char *output = in_dir("output-a.txt");
	struct run_result *r = run_fail();
	_cleanup_free_ char *text = NULL, *many = NULL;

	(void)state;
	write_trace(2100);
	assert_int_equal(file_write(output, "x\n", 2, 0644), 0);
	add_reference(r, OUT_FAIL, "trace.txt", 2101, 2101);
	add_reference(r, OUT_FAIL, "output-a.txt", 1, 1);
	add_reference(r, OUT_FAIL, "output-b.txt", 1, 1);
	text = html_of(r);
	assert_non_null(strstr(text, "<a href=\"trace.txt\">trace.txt line 2101</a>"));
	assert_non_null(strstr(text, "<a href=\"output-a.txt\">output-a.txt line 1</a>"));
	assert_non_null(strstr(text, "output-b.txt line 1"));
	assert_null(strstr(text, "\"output-b.txt\""));
	write_trace(600000);
	for (unsigned int i = 0; i < 400; i++)
		add_reference(r, OUT_PASS, "trace.txt", 5000 + 1000 * i, UINT32_MAX);
	many = html_of(r);
	assert_true(strlen(many) < 1000000);
	unlink(output);
	result_free(r);
}

static void test_references_that_are_none(void **state)
{
	static const char *const files[] = { "",    "..",   ".trace.txt", "a/b", "javascript:x",
					     "a b", "a\"b", "\xc3\xa9" };
	struct run_result *r = run_fail();
	struct check_result *c = &r->tests[0].checks[0];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		assert_false(result_set_ref(c, files[i], 1, 1));
	assert_false(result_set_ref(c, "trace.txt", 2, 1));
	assert_false(result_set_ref(c, "trace.txt", 0, 1));
	assert_null(c->ref.file);
	result_free(r);
}

static void test_trace_that_is_strange(void **state)
{
	_cleanup_free_ char *path = in_dir("trace.txt");
	struct run_result *r = run_fail();
	_cleanup_free_ char *big = xcalloc(1, 300000), *text = NULL, *none = NULL;

	(void)state;
	/* A line of 200,000 characters, and one with a NUL in it, without an end. */
	memset(big, 'x', 200000);
	memcpy(big + 200000, "\nthe\0end", 8);
	assert_int_equal(file_write(path, big, 200008, 0644), 0);
	text = html_of(r);
	assert_true(strlen(text) < 60000);
	assert_non_null(strstr(text, "x [...]</span><span id=\"t2\">the\xef\xbf\xbd"
				     "end</span>"));
	unlink(path);
	none = html_of(r);
	assert_non_null(strstr(none, "This run has no trace.txt."));
	result_free(r);
}

static void keep_page(const char *pages, const char *name, struct run_result *r)
{
	_cleanup_free_ char *path = strf("%s/%s.html", pages, name), *text = html_of(r);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	result_free(r);
}

/* With PAGES= in the environment, a folder, the pages of all runs stay there: `make check-page` */
static void test_pages_for_a_browser(void **state)
{
	_cleanup_free_ char *here = in_dir("pages"), *log = in_dir("build.log");
	const char *pages = getenv("PAGES") ? getenv("PAGES") : here;

	(void)state;
	assert_int_equal(mkdir_p(pages), 0);
	assert_int_equal(file_write(log, hostile[4], strlen(hostile[4]), 0644), 0);
	write_trace(300);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		keep_page(pages, runs[i].name, runs[i].make());
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		_cleanup_free_ char *name = strf("hostile-%zu", i);

		keep_page(pages, name, run_of(hostile[i]));
	}
	unlink(log);
}

static void test_page_stands_alone(void **state)
{
	struct run_result *r = run_pass();
	_cleanup_free_ char *text = html_of(r);

	(void)state;
	assert_null(strstr(text, "http://"));
	assert_null(strstr(text, "https://"));
	assert_null(strstr(text, "src="));
	assert_non_null(strstr(text, "20,000"));
	assert_non_null(strstr(text, "<h1>Pass</h1>"));
	assert_non_null(strstr(
		text, "<th scope=\"row\">rflags</th><td class=\"num\">0x0000000000000246</td>"));
	result_free(r);
}

/* Its compiler's words stand in the page; all of them beside it. */
static void test_page_of_what_does_not_build(void **state)
{
	_cleanup_free_ char *path = in_dir("build.log");
	struct run_result *r = run_not_built(), *passed = run_pass();
	_cleanup_free_ char *none = html_of(r), *text = NULL, *fine = NULL;
	_cleanup_buf_ struct buf log = { 0 };

	(void)state;
	assert_null(strstr(none, "id=\"build\""));
	for (unsigned int i = 0; i < 90; i++)
		buf_printf(&log, "%s%u\n", i == 60 ? "arch/x86/kvm/x86.c:9: error: <'a'> " : "  CC      file-", i);
	assert_int_equal(file_write(path, log.data, log.len, 0644), 0);
	text = html_of(r);
	assert_has(text, "<h2>What the build said</h2>");
	assert_has(text, "error: &lt;&#39;a&#39;&gt; 60\n");
	assert_has(text, ">  CC      file-55\n");
	assert_has(text, "file-74\n</pre>");
	assert_has(text, "<a href=\"build.log\">");
	fine = html_of(passed);
	assert_null(strstr(fine, "id=\"build\"")); /* of an earlier run in this folder */
	unlink(path);
	result_free(r);
	result_free(passed);
}

static void test_unfinished_page(void **state)
{
	struct run_result *r = run_killed();
	_cleanup_free_ char *text = html_of(r);

	(void)state;
	assert_non_null(strstr(text, "<h1>Not finished</h1>"));
	assert_null(strstr(text, "<h1>Pass</h1>"));
	result_free(r);
}

/*
 * The page of a run that came to no verdict: what it is and why stand first, and nothing is empty.
 */
static const struct {
	struct run_result *(*make)(void);
	const char *head;
} unjudged[] = {
	{ run_usage,
	  "<p class=\"judged\">Nothing was judged</p>\n<h1>Wrongly asked for</h1>\n"
	  "<p class=\"reason\">TESTS=vcpu-inof: no test has such a name</p>\n</header>\n" },
	{ run_unusable,
	  "<p class=\"judged\">Nothing was judged</p>\n<h1>Unusable</h1>\n"
	  "<p class=\"reason\">words.patch: it is text, and no change</p>\n</header>\n" },
	{ run_busy, "<h1>Busy</h1>\n<p class=\"reason\">this checkout&#39;s lab is in use by pid "
		    "4711</p>\n</header>\n" },
	{ run_interrupted, "<h1>Interrupted</h1>\n<p class=\"reason\">stopped by SIGINT while "
			   "vcpu-info/ids ran</p>\n"
			   "<p>Checks: 2 passed" },
	{ run_interrupted_early,
	  "<h1>Interrupted</h1>\n<p class=\"reason\">the run was interrupted before its "
	  "end</p>\n</header>\n" },
	{ run_nothing, "<h1>Skipped</h1>\n<p class=\"reason\">no test was run</p>\n</header>\n" },
};

/* The head names what failed, with a link; those tests are first and open, the others closed. */
static void test_what_failed_is_first(void **state)
{
	struct run_result *r = result_new("20261121-034219-0001");
	struct test_result *t = result_add_test(r, "a/fine", "a");

	(void)state;
	result_add_check(t, "x", OUT_PASS, "1", "1", NULL);
	t = result_add_test(r, "a/wrong", "a");
	for (int i = 0; i < 14; i++)
		result_add_check(t, "the <pid>", OUT_FAIL, "1", "2", NULL);
	result_finish(r);
	_cleanup_free_ char *text = html_of(r);

	assert_has(text, "<ul class=\"failed\">\n<li><a href=\"#test-2\">a/wrong</a>: the &lt;pid&gt;</li>\n");
	assert_has(text, "<li>and 2 more</li>\n</ul>\n</header>");
	assert_has(text, "<details class=\"test\" open><summary class=\"test-head\"><h3>a/wrong</h3>");
	assert_has(text, "<details class=\"test\"><summary class=\"test-head\"><h3>a/fine</h3>");
	assert_true(strstr(text, "<h3>a/wrong</h3>") < strstr(text, "<h3>a/fine</h3>"));
	result_free(r);
}

static void test_pages_without_a_verdict(void **state)
{
	_cleanup_free_ char *trace = in_dir("trace.txt");

	(void)state;
	unlink(trace);
	for (size_t i = 0; i < ARRAY_SIZE(unjudged); i++) {
		struct run_result *r = unjudged[i].make();
		_cleanup_free_ char *text = html_of(r);

		assert_has(text, unjudged[i].head);
		assert_int_equal(strstr(text, "<section id=\"tests\">") != NULL, r->n_tests > 0);
		assert_int_equal(strstr(text, "<section id=\"exits\">") != NULL, r->n_tests > 0);
		assert_int_equal(strstr(text, "<section id=\"trace\">") != NULL, r->n_tests > 0);
		assert_null(strstr(text, "<nav aria-label=\"Sections\"></nav>"));
		assert_null(strstr(text, "<dl class=\"facts\">\n</dl>"));
		assert_null(strstr(text, "0 passed"));
		result_free(r);
	}
}

static void test_terminal_without_a_verdict(void **state)
{
	struct run_result *r = run_busy();
	_cleanup_free_ char *text = terminal_of(r, false, true);

	(void)state;
	assert_string_equal(text, "reason: this checkout's lab is in use by pid 4711\n"
				  "nothing was judged\nverdict: busy\n");
	result_free(r);
}

/* Writing */

static void test_all_files_are_written(void **state)
{
	static const char *const names[] = { "results.json", "manifest.json", "report.ktap",
					     "junit.xml", "report.html" };
	_cleanup_free_ char *sub = in_dir("run");
	_cleanup_strv_ struct strv found = { 0 };
	struct run_result *r = run_pass();

	(void)state;
	assert_int_equal(mkdir_p(sub), 0);
	assert_int_equal(report_all(r, sub), 0);
	assert_int_equal(dir_list(sub, NULL, &found), 0);
	/* Nothing else is left: a temporary file has become the file. */
	assert_int_equal(found.n, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = strf("%s/%s", sub, names[i]);

		assert_true(path_exists(path));
	}
	result_free(r);
}

static void test_folder_that_is_not_there(void **state)
{
	_cleanup_free_ char *nowhere = in_dir("no/such/folder");
	struct run_result *r = run_pass();

	(void)state;
	assert_int_equal(report_all(r, nowhere), -OUT_BROKEN);
	assert_non_null(
		strstr(fail_text(), "no/such/folder/results.json: No such file or directory"));
	result_free(r);
}

static struct run_result *run_retried(void)
{
	struct run_result *r = run_pass();

	r->tests[0].retried = xstrdup("L2 was lost <without> a word");
	return r;
}

static struct run_result *run_retried_in_vain(void)
{
	struct run_result *r = run_fail();

	r->tests[0].retried = xstrdup("L2 was lost");
	r->tests[0].verdict = OUT_CRASH;
	return r;
}

/* A second try is told wherever the pass is. */
static void test_second_try(void **state)
{
	struct run_result *r = run_retried(), *back;
	const struct terminal_opts o = { .color = false };
	_cleanup_free_ char *path = in_dir("results.json"), *page = in_dir("report.html"), *html = NULL;
	static const char says[] = "this is its second try; the first one: L2 was lost";
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	report_ktap(r, f);
	fputs("behind it\n", f);
	report_terminal(r, &o, f);
	fclose(f);
	assert_non_null(strstr(text, says));
	assert_non_null(strstr(strstr(text, "behind it"), says));
	free(text);
	assert_int_equal(report_html(r, "/nowhere", page), 0);
	html = slurp(page);
	assert_non_null(strstr(html, says));
	assert_int_equal(report_json(r, path), 0);
	back = report_load(path);
	assert_non_null(back);
	assert_string_equal(back->tests[0].retried, r->tests[0].retried);
	result_free(back);
	result_free(r);
}

static const struct {
	struct run_result *(*make)(void);
	const char *says;
} junit_cases[] = {
	{ run_pass, "tests=\"3\" failures=\"0\" errors=\"0\"" },
	{ run_fail, "tests=\"4\" failures=\"1\" errors=\"1\"" },
	{ run_killed, "tests=\"4\" failures=\"0\" errors=\"1\"" },
	{ run_not_built, "tests=\"1\" failures=\"0\" errors=\"1\"" },
	{ run_retried, "tests=\"4\" failures=\"0\" errors=\"0\"" },
	{ run_retried, "<flakyError message=\"L2 was lost &lt;without&gt; a word\"" },
	{ run_fail, "<testsuites name=\"nestlab\" tests" },
	{ run_fail, "<property name=\"patch\" value=\"caller-pid.patch\"/>" },
	{ run_fail, "<property name=\"lane\" value=\"tcg-svm\"/>" },
	{ run_fail, "<property name=\"kernel\" value=\"6.12\"/>" },
	{ run_fail, "<property name=\"run\" value=\"20261121-034219-7f3a\"/>" },
	{ run_retried_in_vain, "<rerunError message=\"L2 was lost\"" },
	{ run_usage,
	  "<error message=\"TESTS=vcpu-inof: no test has such a name\" type=\"usage\">" },
	{ run_unusable, "type=\"unusable\">" },
	{ run_busy, "tests=\"1\" failures=\"0\" errors=\"1\"" },
	{ run_busy, "type=\"busy\">" },
	{ run_interrupted, "tests=\"4\" failures=\"0\" errors=\"1\"" },
	{ run_interrupted, "type=\"interrupted\">" },
};

static void test_junit_counts(void **state)
{
	_cleanup_free_ char *path = in_dir("junit.xml");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(junit_cases); i++) {
		struct run_result *r = junit_cases[i].make();
		_cleanup_free_ char *text = NULL;

		assert_int_equal(report_junit(r, path), 0);
		check_xml(path);
		text = slurp(path);
		assert_non_null(strstr(text, junit_cases[i].says));
		result_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_terminal_ends_with_verdict),
		cmocka_unit_test(test_colour_on_request),
		cmocka_unit_test(test_no_colour_by_request),
		cmocka_unit_test(test_quiet_when_fine),
		cmocka_unit_test(test_page_and_width),
		cmocka_unit_test(test_long_lines_are_wrapped),
		cmocka_unit_test(test_prove_agrees),
		cmocka_unit_test(test_tappy_agrees),
		cmocka_unit_test(test_schema_agrees),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_big_numbers_survive),
		cmocka_unit_test(test_measures_survive),
		cmocka_unit_test(test_measures_are_shown),
		cmocka_unit_test(test_subjects_are_told),
		cmocka_unit_test(test_times_without_a_number),
		cmocka_unit_test(test_forged_results_are_refused),
		cmocka_unit_test(test_forged_pass_is_refused),
		cmocka_unit_test(test_forged_preparation_is_refused),
		cmocka_unit_test(test_truncated_results_are_refused),
		cmocka_unit_test(test_no_results_to_load),
		cmocka_unit_test(test_unfinished_run_is_told_of),
		cmocka_unit_test(test_unfinished_file_is_no_pass),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_hostile_text_passes_the_schema),
		cmocka_unit_test(test_counter_that_falls),
		cmocka_unit_test(test_trace_is_bounded),
		cmocka_unit_test(test_references_into_the_trace),
		cmocka_unit_test(test_references_that_lead_nowhere),
		cmocka_unit_test(test_references_that_are_none),
		cmocka_unit_test(test_trace_that_is_strange),
		cmocka_unit_test(test_page_stands_alone),
		cmocka_unit_test(test_page_of_what_does_not_build),
		cmocka_unit_test(test_pages_for_a_browser),
		cmocka_unit_test(test_unfinished_page),
		cmocka_unit_test(test_what_failed_is_first),
		cmocka_unit_test(test_pages_without_a_verdict),
		cmocka_unit_test(test_terminal_without_a_verdict),
		cmocka_unit_test(test_all_files_are_written),
		cmocka_unit_test(test_folder_that_is_not_there),
		cmocka_unit_test(test_second_try),
		cmocka_unit_test(test_junit_counts),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
