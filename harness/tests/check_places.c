// SPDX-License-Identifier: GPL-2.0-only
/* Labs side by side, one that is left running, and one that is killed. */
#include "core/util.h"
#include "tests/check.h"

/* Wait until this log has these words. */
#define UNTIL(words, log) "for i in $(seq 900); do grep -q '" words "' " log " 2>/dev/null && break; sleep 0.1; done; "
#define COUNTERS NESTLAB " test TESTS=cpuid-exits/counters "

static const struct one_case side_by_side[] = {
	{ "a place that is in use", NESTLAB " test TESTS=fault/never-ends OUT=" LOGS "/p1 >" LOGS "/p1.log 2>&1 & pid=$!; " UNTIL("restored", LOGS "/p1.log")
	  COUNTERS "; s=$?; kill -INT $pid; wait $pid; echo first=$?; exit $s", 75,
	  { "is in use by pid", "nestlab: verdict=busy exit=75 results=/", "first=130" }, 300 },
	{ "^C is told as that", "cat " LOGS "/p1.log " LOGS "/p1/results.json", 0,
	  { "nestlab: verdict=interrupted exit=130", "\"verdict\": \"interrupted\"", "\"finished\": false", "!verdict: broken" }, 0 },
	{ "two labs at once, both right",
	  COUNTERS "PLACE=one OUT=" LOGS "/one >" LOGS "/one.log 2>&1 & a=$!; "
	  COUNTERS "PLACE=two OUT=" LOGS "/two PATCH=testcases/mutants/edx-left.patch >" LOGS "/two.log 2>&1 & b=$!; "
	  "wait $a; echo a=$?; wait $b; echo b=$?; tail -n1 " LOGS "/one.log " LOGS "/two.log", 0,
	  { "a=0", "b=1", "verdict=pass", "verdict=fail" }, 600 },
	{ "one is killed, the other goes on",
	  NESTLAB " test TESTS=fault/never-ends PLACE=one OUT=" LOGS "/one >" LOGS "/one.log 2>&1 & a=$!; "
	  NESTLAB " test TESTS='fault/never-ends cpuid-exits/counters' PLACE=two OUT=" LOGS "/two >" LOGS "/two.log 2>&1 & b=$!; "
	  UNTIL("restored", LOGS "/one.log") UNTIL("restored", LOGS "/two.log")
	  "kill -9 $a; wait $a; echo a=$?; wait $b; echo b=$?; cat " LOGS "/two.log; grep -h verdict " LOGS "/one/results.json | head -n1", 0,
	  { "a=137", "b=1", "1 failed", "verdict=fail", "\"verdict\": \"broken\"" }, 300 },
	{ "the next command ends what that left", COUNTERS, 0, { "ended what an earlier run had left behind", "verdict: pass" }, 300 },
	{ "nothing is left of either", COUNT_OURS, 0, { NOTHING_LEFT }, 0 },
};

static const struct one_case kept[] = {
	{ "lab-up", NESTLAB " lab-up", 0, { "the lab is up" }, 600 },
	{ "lab-up again", NESTLAB " lab-up", 0, { "the lab is up already, with the reference" }, 60 },
	{ "lab-up of something else", NESTLAB " lab-up PATCH=testcases/mutants/edx-left.patch", 75,
	  { "a lab with the reference was left running" }, 60 },
	{ "a command in L1", NESTLAB " shell 1 uname -r", 0, { "6.12" }, 60 },
	{ "a command in L2", NESTLAB " shell 2 'cat /proc/cmdline; exit 7'", 7, { "nestlab.level=L2" }, 60 },
	{ "a command's lines on a terminal", "script -qec \"" NESTLAB " shell 2 'echo a; echo b; exit 7'\" /dev/null | cat -A; "
	  "script -qec \"" NESTLAB " shell 2 'echo c' | cat\" /dev/null | cat -A", 0, { "a^M$", "b^M$", "c^M$" }, 60 },
	{ "a command's lines in a pipe", NESTLAB " shell 2 'echo a' | cat -A", 0, { "a$", "!^M" }, 60 },
	{ "a program of this machine in L1", NESTLAB " exec 1 /bin/echo 'a  b' -c", 0, { "a  b -c" }, 60 },
	{ "its exit code", NESTLAB " exec 1 /bin/false", 1, { "!nestlab:" }, 60 },
	{ "a static one in L2", NESTLAB " exec 2 build/guest/test_cpuid", 0, { "CPUID(0x4FFFFFFF)" }, 60 },
	{ "a file into L2 and out again",
	  NESTLAB " put build/guest/test_cpuid 2:/tmp/copy && " NESTLAB " shell 2 'ls -l /tmp/copy' && " NESTLAB " get 2:/tmp/copy "
	  LOGS "/copy && cmp " LOGS "/copy build/guest/test_cpuid && " NESTLAB " get 2:/proc/version", 0, { "-rwx", "Linux version 6.12" }, 60 },
	{ "a file that is not there", NESTLAB " get 2:/nothing", 3, { "/nothing", "No such file" }, 60 },
	{ "files that are wrongly named", NESTLAB " get 3:/etc/passwd; " NESTLAB " put Makefile 2:Makefile", 2, { "usage: nestlab put FILE 1|2:PATH" }, 60 },
	{ "events that are asked for, in a buffer that goes when it ends",
	  "( timeout --preserve-status -s INT 5 " NESTLAB " trace -e kvm:kvm_exit,kvm:kvm_entry >" LOGS "/events; echo ^C: $?; "
	  "grep -m1 -o 'kvm_entry: vcpu' " LOGS "/events; sleep 3; "
	  NESTLAB " shell 1 ls /sys/kernel/tracing/instances ) 2>&1", 0, { "^C: 0", "kvm_entry: vcpu", "!nestlab-" }, 60 },
	{ "an event that the kernel does not have", NESTLAB " trace -e kvm:kvm_exit,kvm:no_such_event", 2,
	  { "does not have all of the events kvm:kvm_exit,kvm:no_such_event", "available_events" }, 60 },
	{ "a program that is not here", NESTLAB " exec 1 /bin/no-such", 2, { "can't read the program /bin/no-such", "nestlab shell 1" }, 60 },
	{ "somebody leaves something there", NESTLAB " shell 2 'touch /mine'", 0, { NULL }, 60 },
	{ "virsh on both levels",
	  "virsh -c \"$(" NESTLAB " uri 1)\" list && virsh -c \"$(" NESTLAB " uri 2)\" list", 0,
	  { "nestlab-l1", "nestlab-l2" }, 60 },
	{ "a test beside the kept lab", COUNTERS, 0, { "verdict: pass" }, 300 },
	{ "a test of a change beside it", COUNTERS "PATCH=testcases/mutants/edx-left.patch", 1, { "verdict: fail" }, 300 },
	{ "exits with nested paging and without, beside it", NESTLAB " paging", 0,
	  { "(npf)", "(PF excp)", "power-on to ready" }, 600 },
	{ "a test that names its place", COUNTERS "PLACE=1", 75, { "a lab was left running in place 1", "lab-down PLACE=1" }, 60 },
	{ "the kept lab is still there, as it was left", NESTLAB " shell 2 'ls /mine && uname -m'", 0, { "/mine", "x86_64" }, 60 },
	{ "lab-down", NESTLAB " lab-down", 0, { "the lab is down" }, 60 },
	{ "nothing is left", COUNT_OURS, 0, { NOTHING_LEFT }, 0 },
	{ "virsh without a lab", "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make virsh </dev/null", 2,
	  { "no lab is running", "!Welcome" }, 60 },
};

bool check_places(void)
{
	bool good = run_cases(side_by_side, ARRAY_SIZE(side_by_side));

	return run_cases(kept, ARRAY_SIZE(kept)) && good;
}
