// SPDX-License-Identifier: GPL-2.0-only
/* The lab for real, as a user drives it. */
#include <signal.h>
#include <string.h>

#include "tests/check.h"

/* What runs in L2: a micro guest has as many vCPUs whatever L2 has. */
#define OF_L2 "cpuid-exits/counters cpuid-exits/exact cpuid-exits/other-leaves vcpu-info/hotplug " \
	"vcpu-info/comes-and-goes vcpu-info/registers vcpu-info/syscall vcpu-info/threads"

static const struct one_case good[] = {
	{ "the reference passes", NESTLAB " test", 0,
	  { "verdict: pass", "!FAIL", "!broken:" }, 2400 },
	{ "results.json fits its schema",
	  "/usr/bin/python3 -m jsonschema -i " RESULTS " harness/report/results.schema.json", 0, { NULL }, 0 },
	{ "junit.xml is XML", "xmllint --noout results/latest/junit.xml", 0, { NULL }, 0 },
	{ "report.ktap is TAP", "prove -e cat results/latest/report.ktap", 0, { "Result: PASS" }, 0 },
	{ "the kernel's own reader takes it",
	  "python3 $(" NESTLAB " source 6.12)/tools/testing/kunit/kunit.py parse $PWD/results/latest/report.ktap", 0,
	  { "Testing complete.", "!failed: ", "!errors: ", "!crashed: " }, 0 },
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
	  "mv build/tcg-plugin/away build/tcg-plugin/vmruns.so; exit $s", 77,
	  { "skip    exits grow as #VMEXITs", "vmruns.so is not there (make build)",
	    "what needs them is skipped", "verdict: skip" }, 600 },
	{ "races that stops of L1's CPUs show",
	  NESTLAB " mutants read-add-write shared-buffer shared-question RUNS=0 LANE=tcg-svm", 0, { "mutants: 3 of 3 found" }, 900 },
	{ "lost counts of one instruction, too",
	  NESTLAB " test LANE=tcg-svm PATCH=testcases/mutants/plain-counters.patch TESTS=cpuid-exits/kinds EFFORT=3 V=1", 1,
	  { "FAIL    exits of each kind", "stops of L1's CPUs in KVM" }, 900 },
	{ "what is right holds with them", NESTLAB " test LANE=tcg-svm TESTS='cpuid-exits vcpu-info/at-once'", 0, { "verdict: pass" }, 600 },
	{ "1 vCPU", NESTLAB " test L2_CPUS=1 TESTS='" OF_L2 "'", 0, { "verdict: pass" }, 600 },
	{ "4 vCPUs", NESTLAB " test L2_CPUS=4 TESTS='" OF_L2 "'", 0, { "verdict: pass" }, 600 },
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
	{ "a crash costs its test", NESTLAB " test TESTS='fault/guest-panic cpuid-exits/counters' V=1", 5,
	  { "verdict: crash", "cpuid-exits/counters", "L2's kernel log (2)", "!not run" }, 300 },
	{ "a guest that hangs costs its deadline once", NESTLAB " test TESTS='fault/guest-hang cpuid-exits/counters'", 5,
	  { "L2 hangs: its agent does not answer", "!not run" }, 300 },
	{ "where no L2 boots, what needs none is asked",
	  NESTLAB " test PATCH=testcases/faults/other-leaves.patch TESTS='vcpu-info/syscall cpuid-exits/paths'", 5,
	  { "verdict: crash", "vcpu-info/syscall", "L2 hangs: its kernel was started", "other leaves in each mode", "!not run" }, 400 },
	{ "so does a host that hangs", NESTLAB " test TESTS='fault/host-hang cpuid-exits/counters'", 5,
	  { "L1 hangs: its agent does not answer", "!not run" }, 300 },
	{ "a crash validates, too",
	  "/usr/bin/python3 -m jsonschema -i " RESULTS " harness/report/results.schema.json", 0, { NULL }, 0 },
	{ "a host that oopses is a crash",
	  NESTLAB " test KERNEL=testcases/faults/host-oops.conf TESTS=vcpu-info/syscall", 5,
	  { "verdict: crash", "L1's kernel died", "NULL pointer", "arch/x86/kvm/x86.c:" }, 1500 },
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
	{ "twelve mutants, other ones each day, are found", NESTLAB " mutants --some 12 RUNS=0", 0,
	  { "12 mutants by the seed 2", "mutants: 12 of 12 found" }, 1800 },
	{ "a mutant of the guest", NESTLAB " mutants fixed-count RUNS=0", 0, { "mutants: 1 of 1 found" }, 900 },
	{ "leaf map A", NESTLAB " test KERNEL=6.12-leaves-a ASSIGNMENT=cpuid-leaves-a", 0, { "verdict: pass" }, 900 },
	{ "the right numbers in a wrong leaf",
	  NESTLAB " test KERNEL=6.12-leaves-a ASSIGNMENT=cpuid-leaves-b TESTS=cpuid-leaves/map", 1,
	  { "verdict: fail", "right", "wrong leaf" }, 300 },
	{ "three faulty monitors are found",
	  NESTLAB " mutants kvm-api/memory-unchecked kvm-api/version-unchecked kvm-api/no-memory-bound RUNS=0",
	  0, { "mutants: 3 of 3 found" }, 300 },
	{ "three of a monitor's world are found",
	  NESTLAB " mutants kvm-api/failed-entry-is-hlt kvm-api/run-unchecked kvm-api/fixed-offset RUNS=0",
	  0, { "mutants: 3 of 3 found" }, 300 },
	{ "monitors of other shapes are right", NESTLAB " mutants alternatives/monitors RUNS=0", 0,
	  { "monitor handout", "monitor pointers", "monitor bytes", "false alarms: 0 of 3" }, 300 },
	{ "a real mode that says nothing is no fault",
	  NESTLAB " test MONITOR=testcases/alternatives/monitors/handout TESTS=kvm-api/real V=1", 0,
	  { "verdict: pass", "skip    text on the serial port", "may be silent" }, 300 },
	{ "a monitor that does not compile", NESTLAB " test MONITOR=testcases/faults/monitors/no-build.c TESTS=kvm-api", 4,
	  { "verdict: build-error", "no-build.c:", "this_function_does_not_exist" }, 300 },
	{ "a guest that never halts", NESTLAB " test MONITOR=testcases/faults/monitors/endless-guest.c TESTS=kvm-api/long", 1,
	  { "verdict: fail", "the monitor ends", "still running at its deadline" }, 300 },
	{ "a monitor that attacks its watcher", NESTLAB " test MONITOR=testcases/faults/monitors/hostile.c TESTS=kvm-api/long", 1,
	  { "verdict: fail", "FAIL    42 in memory and in eax", "!broken", "!crash" }, 300 },
	{ "a monitor that is not there", NESTLAB " test MONITOR=no/such.c TESTS=kvm-api", 2, { "MONITOR=no/such.c" }, 0 },
	{ "two that only the emulator's counts find",
	  NESTLAB " mutants statistics-inflated cycles-of-guest RUNS=0", 0, { "mutants: 2 of 2 found" }, 900 },
	{ "a fix of KVM's that was taken back, found by the test that came with it",
	  NESTLAB " mutants reverts/triple-fault-always-exits RUNS=0", 0, { "mutants: 1 of 1 found" }, 2400 },
	{ "a patch on the command line", NESTLAB " test PATCH=testcases/mutants/caller-pid.patch TESTS=vcpu-info/pairs", 1,
	  { "verdict: fail", "pid of the target", "its thread is" }, 300 },
	{ "a patch that is not there", NESTLAB " test PATCH=no/such.patch", 2, { "PATCH=no/such.patch" }, 0 },
	{ "a mutant that is not there", NESTLAB " mutants no-such-mutant", 2, { "no-such-mutant" }, 0 },
};

/* KASAN and lockdep watch the micro guests' tests; the nightly run has the other flavours. */
static const struct one_case flavored[] = {
	{ "the reference on a kernel that checks itself", NESTLAB " test KERNEL_FLAVOR=debug V=1", 0,
	  { "verdict: pass", "the kernel finds no fault" }, 2400 },
	{ "a fault that only such a kernel sees", NESTLAB " mutants one-too-far RUNS=0", 0,
	  { "mutants: 1 of 1 found" }, 1800 },
	{ "an unknown flavour", NESTLAB " test KERNEL_FLAVOR=vanilla", 2, { "vanilla", "plain debug guest-debug kcsan" }, 0 },
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
	{ "its state is restored", NESTLAB " test LANE=bochs-vmx TESTS='vcpu-info/syscall cpuid-exits/counters' KEEP=1", 0,
	  { "L1 and L2 restored", "!KVM modules", "verdict: pass" }, 300 },
	{ "that run is the same again", NESTLAB " replay latest", 0, { "identical: ", "!different" }, 300 },
	{ "and out of a tar", NESTLAB " replay latest --export " LOGS "/record.tar && " NESTLAB " replay " LOGS "/record.tar", 0,
	  { "identical: ", "!different" }, 600 },
	/* The 1,001st entry's byte. */
	{ "a record that was changed",
	  "rm -rf " LOGS "/changed; cp -r results/latest/ " LOGS "/changed; "
	  "printf '\\125' | dd of=" LOGS "/changed/record/1.log bs=1 seek=16000 conv=notrunc status=none; " NESTLAB " replay " LOGS "/changed", 1,
	  { "different: the record itself was changed at tick ", "entry 1000)", "!identical" }, 0 },
	{ "a run that failed keeps its record",
	  NESTLAB " test LANE=bochs-vmx PATCH=testcases/mutants/caller-pid.patch TESTS=vcpu-info/pairs >/dev/null; "
	  NESTLAB " replay latest", 0, { "identical: " }, 900 },
	/* With the run, three: the time of day is another one each time. */
	{ "a run from power-on, again and again",
	  NESTLAB " test LANE=bochs-vmx TESTS=cpuid-exits/answer KEEP=1 >/dev/null; for n in 1 2; do sleep 2; " NESTLAB " replay latest; done | sed 's/,[^,]*$//' | uniq -c", 0,
	  { "2 identical: " }, 900 },
	/* Of that run. */
	{ "a clock that runs otherwise is told",
	  "rm -rf " LOGS "/clock; cp -r results/latest/ " LOGS "/clock; sed -i s/time0=1767225600/time0=1767225601/ " LOGS "/clock/record/1.json; "
	  NESTLAB " replay " LOGS "/clock", 1, { "different: the run had the registers and ports ", "!identical" }, 300 },
	{ "a kernel that dies, dies again",
	  NESTLAB " test LANE=bochs-vmx KERNEL=testcases/faults/host-oops.conf TESTS=vcpu-info/pairs | grep verdict:; " NESTLAB " replay latest", 0,
	  { "verdict: crash", "identical: ", "!different" }, 900 },
	{ "gdb on a replay, forward and back",
	  NESTLAB " test LANE=bochs-vmx TESTS=cpuid-exits/answer KEEP=1 >/dev/null; "
	  NESTLAB " replay latest --gdb -- -nx -batch -x harness/tests/data/gdb/replay.gdb", 0,
	  { "Breakpoint 1, kvm_emulate_cpuid (vcpu=0x", "later: 1", "as before: 1", "detached]", "identical: " }, 900 },
	/* Of that run. */
	{ "and back by steps",
	  NESTLAB " replay latest --gdb -- -nx -batch -x harness/tests/data/gdb/back.gdb", 0,
	  { "No more reverse-execution history.", "moved 1; back by instructions 1, lines 1, functions 1, over a sleep 1", "identical: " }, 900 },
	{ "races that a schedule shows", NESTLAB " mutants read-add-write shared-buffer RUNS=0 LANE=bochs-vmx", 0, { "mutants: 2 of 2 found" }, 900 },
	/* Not the run alone: the very sum of all that its line did, and when. */
	{ "what it showed, its seed shows again",
	  "set -- " NESTLAB " test LANE=bochs-vmx TESTS=cpuid-exits/kinds PATCH=testcases/mutants/read-add-write.patch; "
	  "rm -rf " LOGS "/seed-[12]; \"$@\" SEED=7 OUT=" LOGS "/seed-1; \"$@\" SEED=7 OUT=" LOGS "/seed-2 >/dev/null; "
	  "grep -ho 'schedules of.*' " LOGS "/seed-[12]/results.json | uniq -c; " NESTLAB " replay " LOGS "/seed-2", 0, { "with SEED=7: ", "2 schedules of cpuid-exits/kinds", "identical: ", "!different" }, 900 },
	{ "what is right holds under each", NESTLAB " test LANE=bochs-vmx TESTS='cpuid-exits/kinds vcpu-info/together' SEEDS=3", 0,
	  { "schedules", "6 hold", "verdict: pass" }, 600 },
	/* Where CPUs take turns it loses nothing. Counters of each CPU, plain, are right. */
	{ "updates that are lost are seen in a second build",
	  NESTLAB " test LANE=bochs-vmx TESTS=cpuid-exits/at-once PATCH=testcases/mutants/reasons-plain.patch", 1,
	  { "lost updates", "found by 1 test", "BUG: KCSAN: data-race", "arch/x86/kvm/x86.c:10359", "!FAIL    each answer" }, 1500 },
	{ "and nobody's are where none are",
	  NESTLAB " test LANE=bochs-vmx TESTS=cpuid-exits/at-once PATCH=testcases/alternatives/per-cpu-counters.patch V=1", 0,
	  { "ok      lost updates", "observed  none", "verdict: pass" }, 900 },
	{ "it is not made where nobody asks for it",
	  NESTLAB " test LANE=bochs-vmx TESTS=cpuid-exits/at-once PATCH=testcases/mutants/reasons-plain.patch RACES=0 V=1", 0,
	  { "!lost updates", "verdict: pass" }, 900 },
	{ "a schedule is for tests that look for races", NESTLAB " test LANE=bochs-vmx SEED=3 TESTS=vcpu-info/syscall", 2,
	  { "SEED=3: none of these tests looks for races" }, 300 },
	{ "and for that lane", NESTLAB " test LANE=tcg-svm SEED=3 TESTS=cpuid-exits/kinds", 2,
	  { "SEED=3 is of no use in lane tcg-svm" }, 300 },
	{ "of another lane there is none",
	  NESTLAB " test LANE=tcg-svm TESTS=cpuid-exits/counters >/dev/null; " NESTLAB " replay latest", 2,
	  { "ran in lane tcg-svm", "nothing replays but lane bochs-vmx" }, 300 },
	/* pkill -P: of this run alone. */
	{ "a wedged Bochs is ended and told",
	  NESTLAB " test LANE=bochs-vmx TESTS=fault/never-ends >" LOGS "/wedged.log 2>&1 & pid=$!; "
		  "for i in $(seq 1800); do sleep 0.1; grep -q 'restored\\|  saved' " LOGS "/wedged.log && break; done; sleep 1; "
		  "pkill -STOP -P $pid -x bochs || exit 99; wait $pid; s=$?; cat " LOGS "/wedged.log; exit $s",
	  3, { "verdict: broken", "Bochs took no CPU time for 10 s", "state T", "!hangs" }, 500 },
};

/* There the first CPU runs guests, and a lost level is told at once. */
static const struct one_case own_qemu[] = {
	{ "an x87 fault does not end it",
	  "$(ls -t $(" NESTLAB " cache)/qemu/*/qemu-system-x86_64 | head -1) -machine q35 -cpu max -nodefaults -display none "
	  "-no-reboot -kernel build/tests/guest/x87", 0, { NULL }, 60 },
	{ "the reference in a QEMU of the lab's own", NESTLAB " test LANE=tcg-svm", 0,
	  { "verdict: pass", "!second try" }, 900 },
	{ "and without nested paging", NESTLAB " test LANE=tcg-svm NESTED_PAGING=0 TESTS='vcpu-info cpuid-exits'", 0,
	  { "verdict: pass", "!second try" }, 900 },
	{ "a fault is found there, too", NESTLAB " mutants caller-pid statistics-inflated RUNS=0", 0,
	  { "mutants: 2 of 2 found" }, 900 },
};

static const struct one_case systems[] = {
	{ "the system's QEMU is taken where it is asked for",
	  NESTLAB " test LANE=tcg-svm OWN_EMULATOR=0 TESTS='vcpu-info/syscall cpuid-exits/exact' && grep -o 'emulator /[^\"]*' results/latest/manifest.json", 0,
	  { "verdict: pass", "emulator /usr/bin/qemu-system-x86_64\n" }, 900 },
	{ "and the system's Bochs",
	  NESTLAB " test LANE=bochs-vmx OWN_EMULATOR=0 TESTS=vcpu-info/pairs && grep -o 'emulator /[^\"]*' results/latest/manifest.json", 0,
	  { "verdict: pass", "emulator /usr/bin/bochs-bin\n" }, 900 },
};

static const struct one_case intel_alone[] = {
	{ "a wrong patch that names that lane is found",
	  "trap 'rm -f testcases/faults/lane.patch' EXIT; "
	  "sed 's/^---$/Lane: bochs-vmx\\n&/' testcases/mutants/caller-pid.patch >testcases/faults/lane.patch; "
	  NESTLAB " test PATCH=testcases/faults/lane.patch TESTS=vcpu-info/pairs", 1,
	  { "lane bochs-vmx (asked for by lane.patch (Lane: bochs-vmx)", "verdict: fail", "pid of the target", "its thread is" }, 900 },
	{ "a change of Intel's side alone goes there",
	  NESTLAB " test KERNEL=testcases/faults/intel-only.conf TESTS='cpuid-exits/[ak]* vcpu-info/pairs'", 0,
	  { "verdict: pass", "cpuid-exits/kinds", "lane bochs-vmx (the change is for Intel only" }, 1500 },
	{ "in another lane it is not merely wrong",
	  NESTLAB " test LANE=tcg-svm KERNEL=testcases/faults/intel-only.conf TESTS=cpuid-exits/kinds", 1,
	  { "verdict: fail", "reason: the change is instrumented for Intel only" }, 300 },
	{ "a lab in Bochs is left running, and answers",
	  "export PLACE=bochs; " NESTLAB " lab-up LANE=bochs-vmx && " NESTLAB " shell 1 grep -m1 -o vmx /proc/cpuinfo && "
	  NESTLAB " shell 2 nproc && " NESTLAB " uri 1; " NESTLAB " lab-up LANE=bochs-vmx; " NESTLAB " test TESTS=vcpu-info/pairs; s=$?; "
	  NESTLAB " lab-down; exit $s", 75,
	  { "the lab is up:", "vmx\n2\n", "no libvirt carries L1", "the lab is up already", "the lab is down" }, 300 },
	{ "no Bochs is left", COUNT_OURS,
	  0, { NOTHING_LEFT }, 0 },
};

/* Where it stopped, as its last line tells: what could be fetched must build. */
static bool was_fetched(struct buf *out)
{
	return strstr(buf_str(out), "unpacking ") || strstr(buf_str(out), "patching ") ||
	       strstr(buf_str(out), "configuring ") || strstr(buf_str(out), "compiling ");
}

/* Its source may be out of reach. */
static void check_own(const char *name, const struct one_case *cases, size_t n)
{
	_cleanup_free_ char *command = strf("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL %s", name);
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t start = now_ns();
	int status = check_shell(name, command, 3600, &out);

	if (!status) {
		check_passed(name, start);
		run_cases(cases, n);
	} else if (was_fetched(&out)) {
		check_failed(name, start, "its source is there, but does not build");
	} else {
		check_skipped(name, start, "its source can't be fetched here");
	}
}

/* Start a run, and end it by this signal as soon as its lab is up. */
static void run_killed(const char *name, int sig, const char *until, const struct one_case *after)
{
	_cleanup_free_ char *command =
		strf(NESTLAB " test TESTS=fault/never-ends >" LOGS "/killed.log 2>&1 & pid=$!; "
			     "for i in $(seq 600); do sleep 0.1; grep -q '%s' " LOGS "/killed.log && break; "
			     "done; grep -q '%s' " LOGS "/killed.log || exit 98; sleep 1; kill -%d $pid; wait $pid; "
			     "s=$?; [ $s = 137 ] || [ $s = 130 ]",
		     until, until, sig);
	struct one_case c = { name, command, 0, { NULL }, 300 };

	if (run_case(&c))
		run_case(after);
}

static void check_killed(void)
{
	static const struct one_case nothing_left = {
		"^C leaves nothing", COUNT_OURS,
		0, { NOTHING_LEFT }, 0 };
	/* It answers nothing, and was waited for without an end. */
	static const struct one_case mute = {
		"^C while libvirtd is stopped",
		NESTLAB " test TESTS=fault/never-ends >" LOGS "/mute.log 2>&1 & pid=$!; "
			"for i in $(seq 600); do sleep 0.1; grep -q restored " LOGS "/mute.log && break; done; "
			"kill -STOP $(cat \"$(" NESTLAB " cache run)/libvirtd.pid\"); sleep 1; kill -INT $pid; "
			"wait $pid; s=$?; cat " LOGS "/mute.log; exit $s",
		130, { "verdict: interrupted" }, 120 };
	static const struct one_case cleaned = {
		"the next command cleans up", NESTLAB " test TESTS=cpuid-exits/counters", 0,
		{ "ended what an earlier run had left behind", "verdict: pass" }, 300 };
	static const struct one_case unfinished = {
		"a killed run never reads as a pass",
		"r=$(ls -d results/2* | tail -1); grep -q '\"finished\": false' $r/results.json && "
		"! grep -q '\"verdict\": \"pass\"' $r/results.json", 0, { NULL }, 0 };

	run_killed("^C in a running test", SIGINT, "restored", &nothing_left);
	if (run_case(&mute))
		run_case(&nothing_left);
	run_killed("kill -9 in a running test", SIGKILL, "restored", &unfinished);
	run_case(&cleaned);
}

/* An emulated machine has no nested KVM; one that has must not be told so. */
static void check_doctor(void)
{
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t start = now_ns();
	int status = check_shell("doctor", NESTLAB " doctor", 60, &out);
	static const struct one_case refused = { "a lane that was named and can't run here is broken",
						 NESTLAB " test LANE=kvm", 3, { "LANE=kvm", "verdict=broken exit=3" }, 0 };

	if (status)
		check_failed("doctor", start, "it finds faults on the machine that runs this");
	else
		check_passed("doctor", start);
	if (strstr(buf_str(&out), "--  lane kvm"))
		run_case(&refused);
	else
		check_skipped("a lane that can't run here", start, "this machine can run all");
}

bool check_lab(void)
{
	if (!run_cases(good, 1))
		return false; /* all others build on it */
	run_cases(good + 1, ARRAY_SIZE(good) - 1);
	run_cases(bad, ARRAY_SIZE(bad));
	run_cases(judged, ARRAY_SIZE(judged));
	run_cases(flavored, ARRAY_SIZE(flavored));
	run_cases(intel, ARRAY_SIZE(intel));
	check_own("make bochs", fast_intel, ARRAY_SIZE(fast_intel));
	run_cases(intel_alone, ARRAY_SIZE(intel_alone));
	check_own("make qemu", own_qemu, ARRAY_SIZE(own_qemu));
	run_cases(systems, ARRAY_SIZE(systems));
	check_killed();
	check_doctor();
	return true;
}
