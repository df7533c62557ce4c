// SPDX-License-Identifier: GPL-2.0-only
/*
 * `make check`: the project's own tests in one run. Unit tests, static analysis, then the lab for real, as a user drives it: each
 * case is a command line, the exit code that it must have, and words that must be in what it prints.
 *
 * The last line is "N passed, N failed, N skipped".
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"

#define NESTLAB "build/nestlab"
#define LOGS "build/check"
#define ANY_STATUS (-1)

static struct {
	unsigned int passed, failed, skipped;
} count;

static void told(const char *verdict, const char *name, uint64_t start, const char *why)
{
	printf("%-5s %-44s %7.1f s%s%s\n", verdict, name, (double)(now_ns() - start) / 1e9,
	       why && *why ? "  " : "", why ? why : "");
	fflush(stdout);
}

static void pass(const char *name, uint64_t start)
{
	count.passed++;
	told("ok", name, start, NULL);
}

static void skip(const char *name, uint64_t start, const char *why)
{
	count.skipped++;
	told("skip", name, start, why);
}

static void failed(const char *name, uint64_t start, const char *why)
{
	count.failed++;
	told("FAIL", name, start, why);
}

static char *log_path(const char *name)
{
	char *path = strf(LOGS "/%s.log", name);

	for (char *p = path + strlen(LOGS) + 1; *p; p++)
		if (*p == '/' || *p == ' ')
			*p = '-';
	return path;
}

/* Where a line of a failure starts, by its first word: of the lab's report, of TAP, of a compiler. */
static bool is_failure(const char *line)
{
	static const char *const words[] = { "FAIL ", "not ok ", "verdict: crash", "broken: ", "error: " };

	line += strspn(line, " ");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_starts(line, words[i]))
			return true;
	return false;
}

/* What failed, each with the lines that explain it, then the end: a log that is cut off has the first. */
static void show_failures(const char *text)
{
	static const unsigned int explained = 6, end = 25;
	const char *p = text + strlen(text);
	unsigned int left = 0;

	printf("--- what failed in what it printed:\n");
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (is_failure(line))
			left = explained;
		if (left) {
			printf("%.*s\n", (int)len, line);
			left--;
		}
		line += len + (line[len] == '\n');
	}
	for (unsigned int lines = 0; p > text && lines < end; p--)
		lines += p[-1] == '\n';
	printf("--- the end of it:\n%s---\n", p);
}

/* A shell command with a deadline; its output to a log and to out. Returns its status, or negative. */
static int shell(const char *name, const char *command, unsigned int deadline_s, struct buf *out)
{
	_cleanup_free_ char *log = log_path(name);
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	struct proc p = { .what = name, .argv = argv, .log_path = log, .out = out,
			  .deadline_s = deadline_s };

	unlink(log);
	return proc_run(&p);
}

/* -- cases: commands with an expected end -- */

struct one_case {
	const char *name;
	const char *command;
	int status;
	const char *says[4]; /* words that the output must hold; "!..." must not */
	unsigned int deadline_s;
};

static char *case_fault(const struct one_case *c, int status, const char *out)
{
	if (status < 0)
		return xstrdup(fail_text());
	if (c->status != ANY_STATUS && status != c->status)
		return strf("expected exit code %d, observed %d", c->status, status);
	for (size_t i = 0; i < ARRAY_SIZE(c->says) && c->says[i]; i++) {
		bool unwanted = c->says[i][0] == '!';
		const char *words = c->says[i] + unwanted;

		if (unwanted == (strstr(out, words) != NULL))
			return strf("expected %s'%s' in what it prints", unwanted ? "no " : "", words);
	}
	return NULL;
}

static bool run_case(const struct one_case *c)
{
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *why = NULL;
	uint64_t start = now_ns();
	int status = shell(c->name, c->command, c->deadline_s ? c->deadline_s : 300, &out);

	why = case_fault(c, status, buf_str(&out));
	if (!why) {
		pass(c->name, start);
		return true;
	}
	failed(c->name, start, why);
	show_failures(buf_str(&out));
	return false;
}

static bool run_cases(const struct one_case *c, size_t n)
{
	bool all = true;

	for (size_t i = 0; i < n && !proc_interrupted(); i++)
		all &= run_case(&c[i]);
	return all;
}

/* -- unit tests: one program a module, counted by what they print (TAP) -- */

static unsigned int count_lines(const char *text, const char *prefix)
{
	unsigned int n = 0;

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		n += str_starts(p, prefix);
	return n;
}

static void run_unit(const char *program)
{
	_cleanup_free_ char *name = strf("unit %s", program);
	_cleanup_free_ char *command = strf("CMOCKA_MESSAGE_OUTPUT=TAP build/tests/%s", program);
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *why = NULL;
	uint64_t start = now_ns();
	unsigned int ok, bad, skipped;
	int status = shell(name, command, 300, &out);

	ok = count_lines(buf_str(&out), "ok ");
	bad = count_lines(buf_str(&out), "not ok ");
	skipped = 0;
	for (const char *p = buf_str(&out); (p = strstr(p, "# SKIP")); p++)
		skipped++;
	count.passed += ok - (skipped < ok ? skipped : ok);
	count.skipped += skipped;
	count.failed += bad;
	if (!status && ok && !bad) {
		why = strf("%u tests", ok);
		told("ok", name, start, why);
		return;
	}
	/* A sanitizer's end has no "not ok" line. */
	count.failed += !bad;
	why = strf("status %d, %u failed", status, bad);
	told("FAIL", name, start, why);
	show_failures(buf_str(&out));
}

static bool check_unit(void)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list("build/tests", NULL, &names))
		return false;
	for (size_t i = 0; i < names.n && !proc_interrupted(); i++)
		if (str_starts(names.v[i], "test_") && !str_ends(names.v[i], ".d"))
			run_unit(names.v[i]);
	return !count.failed;
}

/* -- static analysis -- */

static bool check_lint(void)
{
	static const struct one_case cases[] = {
		{ "lint cppcheck",
		  "cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j2 "
		  "--enable=warning,performance,portability --suppress=missingIncludeSystem "
		  "--suppress=unknownMacro --suppress=nullPointerOutOfMemory --suppress=comparePointers "
		  "--suppress=subtractPointers -D_GNU_SOURCE -D__linux__ "
		  "-Iharness -Iguest-image/agent -I. harness guest-image/agent testcases",
		  0, { NULL }, 600 },
		{ "lint kernel patches",
		  "set -e; scripts=$(ls -d \"$(" NESTLAB " cache)\"/src/*/scripts | head -1); "
		  "for p in kernel-patches/*/*/*.patch; do (cd \"$scripts/..\" && "
		  "perl scripts/checkpatch.pl --quiet --strict --no-signoff "
		  "--ignore TRACE_PRINTK,FILE_PATH_CHANGES,COMMIT_LOG_LONG_LINE - ) <$p; done",
		  0, { "!ERROR:", "!WARNING:" }, 120 },
	};

	return run_cases(cases, ARRAY_SIZE(cases));
}

/* -- the lab -- */

#define RESULTS "results/latest/results.json"

static const struct one_case good[] = {
	{ "the reference passes", NESTLAB " test", 0,
	  { "verdict: pass", "!FAIL", "!broken:" }, 2400 },
	{ "results.json fits its schema",
	  "/usr/bin/python3 -m jsonschema -i " RESULTS " harness/report/results.schema.json", 0, { NULL }, 0 },
	{ "junit.xml is XML", "xmllint --noout results/latest/junit.xml", 0, { NULL }, 0 },
	{ "report.ktap is TAP", "prove -e cat results/latest/report.ktap", 0, { "Result: PASS" }, 0 },
	{ "a run's files are all there",
	  "cd results/latest && test -s trace.txt -a -s l1-console.log -a -s l2-console.log "
	  "-a -s manifest.json -a -s report.html && grep -q 'vcpu_info:' trace.txt",
	  0, { NULL }, 0 },
	{ "a saved run renders again", NESTLAB " report latest", 0, { "verdict: pass" }, 0 },
	{ "a second run restores the lab", NESTLAB " test", 0,
	  { "verdict: pass", "restored", "!booted" }, 300 },
	{ "the emulator counts #VMEXITs", NESTLAB " test LANE=tcg-svm TESTS=cpuid-exits/exact V=1", 0,
	  { "verdict: pass", "ok      exits grow as #VMEXITs", "counted by the emulator, from outside L1",
	    ", 0 skipped" }, 600 },
	{ "a run that it did not count says so",
	  "cd build/tcg-plugin && mv vmruns.so away && cd ../.. && "
	  NESTLAB " test LANE=tcg-svm TESTS=cpuid-exits/exact V=1; s=$?; "
	  "mv build/tcg-plugin/away build/tcg-plugin/vmruns.so; exit $s", 0,
	  { "skip    #VMEXITs counted by the emulator", "vmruns.so is not there (make build)",
	    "what needs them is skipped", ", 1 skipped" }, 600 },
	{ "1 vCPU", NESTLAB " test L2_CPUS=1", 0, { "verdict: pass" }, 600 },
	{ "4 vCPUs", NESTLAB " test L2_CPUS=4", 0, { "verdict: pass" }, 600 },
	{ "exits with nested paging and without", NESTLAB " paging", 0,
	  { "loaded without nested paging", " npf ", " PF excp ", "power-on to ready" }, 600 },
	{ "without nested paging the reference passes", NESTLAB " test NESTED_PAGING=0 TESTS='cpuid-leaves vcpu-info'", 0,
	  { "verdict: pass", "cpuid-leaves/reasons" }, 600 },
};

static const struct one_case bad[] = {
	{ "an unpatched host fails", NESTLAB " test KERNEL=6.12-unpatched", 1,
	  { "verdict: fail", "expected", "observed" }, 1500 },
	{ "a failing run's TAP fails", "prove -e cat results/latest/report.ktap", 1,
	  { "Result: FAIL" }, 0 },
	{ "a guest that panics is a crash", NESTLAB " test TESTS=fault/guest-panic", 5,
	  { "verdict: crash", "L2", "Kernel panic" }, 300 },
	{ "a crash validates, too",
	  "/usr/bin/python3 -m jsonschema -i " RESULTS " harness/report/results.schema.json", 0, { NULL }, 0 },
	{ "a host that oopses is a crash",
	  NESTLAB " test KERNEL=testcases/faults/host-oops.conf TESTS=vcpu-info/syscall", 5,
	  { "verdict: crash", "L1's kernel died", "NULL pointer dereference" }, 1500 },
	{ "a program that never ends fails", NESTLAB " test TESTS=fault/never-ends", 1,
	  { "verdict: fail", "still running" }, 300 },
	{ "a program that prints garbage fails", NESTLAB " test TESTS=fault/garbage", 1,
	  { "verdict: fail" }, 300 },
	{ "a patch that does not apply",
	  NESTLAB " test KERNEL=testcases/faults/no-apply.conf", 4,
	  { "no-apply.patch", "arch/x86/kvm/cpuid.c" }, 300 },
	{ "a patch that does not build",
	  NESTLAB " test KERNEL=testcases/faults/no-build.conf", 4,
	  { "irqbypass.c", "this_function_does_not_exist" }, 900 },
	{ "an unknown kernel", NESTLAB " test KERNEL=9.99", 2, { "9.99" }, 0 },
	{ "an unknown test", NESTLAB " test TESTS=no/such", 2, { "no/such" }, 0 },
	{ "a knob out of its range", NESTLAB " test L2_CPUS=9", 2, { "L2_CPUS=9" }, 0 },
	{ "an unknown lane", NESTLAB " test LANE=vmware", 2, { "vmware", "tcg-svm" }, 0 },
};

/* The nightly run has all of them: make check-mutants. */
static const struct one_case judged[] = {
	{ "eight mutants are found",
	  NESTLAB " mutants caller-registers caller-exits caller-pid first-vcpu four-registers stale-registers "
		  "edx-left neighbour-leaf RUNS=0",
	  0, { "mutants: 8 of 8 found" }, 1800 },
	{ "eight that micro guests find",
	  NESTLAB " mutants id-32-bits user-mode unknown-number handler-table time-before-handler undefined-zeros "
		  "ecx-unbounded wrong-module RUNS=0",
	  0, { "mutants: 8 of 8 found" }, 1800 },
	{ "a mutant of the guest", NESTLAB " mutants fixed-count RUNS=0", 0, { "mutants: 1 of 1 found" }, 900 },
	{ "leaf map A", NESTLAB " test KERNEL=6.12-leaves-a ASSIGNMENT=cpuid-leaves-a", 0, { "verdict: pass" }, 900 },
	{ "the right numbers in a wrong leaf",
	  NESTLAB " test KERNEL=6.12-leaves-a ASSIGNMENT=cpuid-leaves-b TESTS=cpuid-leaves/map", 1,
	  { "verdict: fail", "right", "wrong leaf" }, 300 },
	{ "three faulty monitors are found",
	  NESTLAB " mutants kvm-api/memory-unchecked kvm-api/version-unchecked kvm-api/no-memory-bound RUNS=0",
	  0, { "mutants: 3 of 3 found" }, 300 },
	{ "a monitor that does not compile", NESTLAB " test MONITOR=testcases/faults/monitors/no-build.c TESTS=kvm-api", 4,
	  { "verdict: build-error", "no-build.c:", "this_function_does_not_exist" }, 300 },
	{ "a guest that never halts", NESTLAB " test MONITOR=testcases/faults/monitors/endless-guest.c TESTS=kvm-api/long", 1,
	  { "verdict: fail", "the monitor ends", "still running at its deadline" }, 300 },
	{ "a monitor that attacks its watcher", NESTLAB " test MONITOR=testcases/faults/monitors/hostile.c TESTS=kvm-api/long", 1,
	  { "verdict: fail", "FAIL    42 in memory and in eax", "!broken", "!crash" }, 300 },
	{ "a monitor that is not there", NESTLAB " test MONITOR=no/such.c TESTS=kvm-api", 2, { "MONITOR=no/such.c" }, 0 },
	{ "two that only the emulator's counts find",
	  NESTLAB " mutants statistics-inflated cycles-of-guest RUNS=0", 0, { "mutants: 2 of 2 found" }, 900 },
	{ "a patch on the command line", NESTLAB " test PATCH=testcases/mutants/caller-pid.patch TESTS=vcpu-info/pairs", 1,
	  { "verdict: fail", "pid of the target", "its thread is" }, 300 },
	{ "a patch that is not there", NESTLAB " test PATCH=no/such.patch", 2, { "PATCH=no/such.patch" }, 0 },
	{ "a mutant that is not there", NESTLAB " mutants no-such-mutant", 2, { "no-such-mutant" }, 0 },
};

/* KASAN and lockdep watch the micro guests' tests; the nightly run has the other flavours. */
static const struct one_case flavored[] = {
	{ "the reference on a kernel that checks itself", NESTLAB " test KERNEL_FLAVOR=debug", 0,
	  { "verdict: pass", "the kernel finds no fault" }, 2400 },
	{ "a fault that only such a kernel sees", NESTLAB " mutants one-too-far RUNS=0", 0,
	  { "mutants: 1 of 1 found" }, 1800 },
	{ "an unknown flavour", NESTLAB " test KERNEL_FLAVOR=vanilla", 2, { "vanilla", "plain debug kcsan" }, 0 },
};

static const struct one_case kept[] = {
	{ "lab-up", NESTLAB " lab-up", 0, { "the lab is up" }, 600 },
	{ "a command in L1", NESTLAB " shell 1 uname -r", 0, { "6.12" }, 60 },
	{ "a command in L2", NESTLAB " shell 2 'cat /proc/cmdline; exit 7'", 7, { "nestlab.level=L2" }, 60 },
	{ "virsh on both levels",
	  "virsh -c \"$(" NESTLAB " uri 1)\" list && virsh -c \"$(" NESTLAB " uri 2)\" list", 0,
	  { "nestlab-l1", "nestlab-l2" }, 60 },
	{ "a test in a kept lab", NESTLAB " test TESTS=cpuid-exits/counters", 0, { "verdict: pass" }, 300 },
	{ "the kept lab is still there", NESTLAB " shell 2 uname -m", 0, { "x86_64" }, 60 },
	{ "lab-down", NESTLAB " lab-down", 0, { "the lab is down" }, 60 },
	{ "nothing is left", "ps ax -o args | grep -F \"$(" NESTLAB " cache run)/\" | grep -v grep | wc -l",
	  0, { "0\n" }, 0 },
};

static const struct one_case intel[] = {
	{ "micro guests and a Linux L2 on kvm-intel, in Bochs",
	  NESTLAB " test LANE=bochs-vmx TESTS='cpuid-exits/[ak]* cpuid-leaves kvm-api vcpu-info/[imps]*'", 0,
	  { "verdict: pass", "cpuid-exits/kinds", "vcpu-info/syscall" }, 1500 },
};

/* Only the lab's own Bochs saves states. */
static const struct one_case fast_intel[] = {
	{ "a lab in a Bochs of its own", NESTLAB " test LANE=bochs-vmx TESTS=vcpu-info/syscall", 0,
	  { "verdict: pass" }, 600 },
	{ "its state is restored", NESTLAB " test LANE=bochs-vmx TESTS='vcpu-info/syscall cpuid-exits/counters'", 0,
	  { "L1 and L2 restored", "!KVM modules", "verdict: pass" }, 300 },
	/* pkill -P: of this run alone. */
	{ "a wedged Bochs is ended and told",
	  NESTLAB " test LANE=bochs-vmx TESTS=fault/never-ends >" LOGS "/wedged.log 2>&1 & pid=$!; "
		  "for i in $(seq 600); do sleep 0.1; grep -q restored " LOGS "/wedged.log && break; done; sleep 1; "
		  "pkill -STOP -P $pid -x bochs || exit 99; wait $pid; s=$?; cat " LOGS "/wedged.log; exit $s",
	  3, { "verdict: broken", "Bochs took no CPU time for 10 s", "state T", "!hangs" }, 300 },
};

static const struct one_case intel_alone[] = {
	{ "a wrong patch that names that lane is found",
	  "sed 's/^---$/Lane: bochs-vmx\\n&/' testcases/mutants/caller-pid.patch >" LOGS "/lane.patch; "
	  NESTLAB " test PATCH=" LOGS "/lane.patch TESTS=vcpu-info/pairs", 1,
	  { "lane bochs-vmx: asked for by lane.patch (Lane: bochs-vmx)", "verdict: fail", "pid of the target", "its thread is" }, 900 },
	{ "a change of Intel's side alone goes there",
	  NESTLAB " test KERNEL=testcases/faults/intel-only.conf TESTS='cpuid-exits/[ak]* vcpu-info/pairs'", 0,
	  { "verdict: pass", "cpuid-exits/kinds", "bochs-vmx: the change is for Intel only" }, 1500 },
	{ "in another lane it is not merely wrong",
	  NESTLAB " test LANE=tcg-svm KERNEL=testcases/faults/intel-only.conf TESTS=cpuid-exits/kinds", 1,
	  { "verdict: fail", "reason: the change is instrumented for Intel only" }, 300 },
	{ "a lab that can't be kept", NESTLAB " lab-up LANE=bochs-vmx", 2, { "can't be left running" }, 0 },
	{ "no Bochs is left", "ps ax -o args | grep -F \"$(" NESTLAB " cache run)/\" | grep -v grep | wc -l",
	  0, { "0\n" }, 0 },
};

/* Its source may be out of reach; what can be fetched must build. */
static void check_own_bochs(void)
{
	static const char name[] = "make bochs";
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t start = now_ns();
	int status = shell(name, "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make bochs", 900, &out);

	if (!status) {
		pass(name, start);
		run_cases(fast_intel, ARRAY_SIZE(fast_intel));
	} else if (strstr(buf_str(&out), "patching Bochs") || strstr(buf_str(&out), "compiling Bochs") ||
		   strstr(buf_str(&out), "configuring Bochs")) {
		failed(name, start, "its source is there, but does not build");
	} else {
		skip(name, start, "its source can't be fetched here");
	}
}

/* Start a run, and end it by this signal as soon as its lab is up. */
static void run_killed(const char *name, int sig, const char *until, const struct one_case *after)
{
	_cleanup_free_ char *command =
		strf(NESTLAB " test TESTS=fault/never-ends >" LOGS "/killed.log 2>&1 & pid=$!; "
			     "for i in $(seq 600); do sleep 0.1; grep -q '%s' " LOGS "/killed.log && break; "
			     "done; sleep 1; kill -%d $pid; wait $pid; echo status $?",
		     until, sig);
	struct one_case c = { name, command, 0, { "status" }, 300 };

	if (run_case(&c))
		run_case(after);
}

static void check_killed(void)
{
	static const struct one_case nothing_left = {
		"^C leaves nothing", "ps ax -o args | grep -F \"$(" NESTLAB " cache run)/\" | grep -v grep | wc -l",
		0, { "0\n" }, 0 };
	static const struct one_case cleaned = {
		"the next command cleans up", NESTLAB " test TESTS=cpuid-exits/counters", 0,
		{ "ended what an earlier run had left behind", "verdict: pass" }, 300 };
	static const struct one_case unfinished = {
		"a killed run never reads as a pass",
		"r=$(ls -d results/2* | tail -1); grep -q '\"finished\": false' $r/results.json && "
		"! grep -q '\"verdict\": \"pass\"' $r/results.json", 0, { NULL }, 0 };

	run_killed("^C in a running test", SIGINT, "restored", &nothing_left);
	run_killed("kill -9 in a running test", SIGKILL, "restored", &unfinished);
	run_case(&cleaned);
}

/* An emulated machine has no nested KVM; one that has must not be told so. */
static void check_kvm_lane(void)
{
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t start = now_ns();
	int status = shell("doctor", NESTLAB " doctor", 60, &out);
	static const struct one_case refused = { "a lane that can't run here is skipped",
						 NESTLAB " test LANE=kvm", 77, { "LANE=kvm" }, 0 };

	if (status)
		failed("doctor", start, "it finds faults on the machine that runs this");
	else
		pass("doctor", start);
	if (strstr(buf_str(&out), "--  lane kvm"))
		run_case(&refused);
	else
		skip("a lane that can't run here", start, "this machine can run all");
}

static bool check_lab(void)
{
	if (!run_cases(good, 1))
		return false; /* all others build on it */
	run_cases(good + 1, ARRAY_SIZE(good) - 1);
	run_cases(bad, ARRAY_SIZE(bad));
	run_cases(judged, ARRAY_SIZE(judged));
	run_cases(flavored, ARRAY_SIZE(flavored));
	run_cases(kept, ARRAY_SIZE(kept));
	run_cases(intel, ARRAY_SIZE(intel));
	check_own_bochs();
	run_cases(intel_alone, ARRAY_SIZE(intel_alone));
	check_killed();
	check_kvm_lane();
	return true;
}

static const struct part {
	const char *name;
	bool (*run)(void);
} parts[] = {
	{ "unit", check_unit },
	{ "lab", check_lab },
	{ "lint", check_lint }, /* last: it reads the kernel source that the lab unpacks */
};

int main(int argc, char **argv)
{
	setenv("V", "", 1);
	ui_init(false);
	proc_catch_signals();
	if (chdir(path_root()) || mkdir_p(LOGS))
		return 3;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !proc_interrupted(); i++)
		if (argc < 2 || !strcmp(argv[1], parts[i].name))
			parts[i].run();
	if (proc_interrupted())
		count.failed++;
	printf("%u passed, %u failed, %u skipped\n", count.passed, count.failed, count.skipped);
	return count.failed || !count.passed;
}
