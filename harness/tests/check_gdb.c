// SPDX-License-Identifier: GPL-2.0-only
/* gdb on L1 by scripts: in a lab that runs, and from before a test on. */
#include "core/util.h"
#include "tests/check.h"

#define GDB NESTLAB " gdb 1 -- -nx -batch -x harness/tests/data/gdb/"
/* Each program that starts in L2 executes CPUID. */
#define WITH_CPUIDS(command) NESTLAB " shell 2 'while :; do /bin/busybox true; done' >/dev/null 2>&1 & l2=$!; " \
	command "; s=$?; kill $l2; wait $l2; exit $s"
#define UNTIL(words, log) "for i in $(seq 1800); do grep -q '" words "' " log " 2>/dev/null && break; sleep 0.1; done; "

static const struct one_case without[] = {
	{ "gdb without a lab", NESTLAB " gdb 1", 2, { "no lab is running; start one with `nestlab lab-up`" }, 0 },
	{ "gdb on L2", NESTLAB " gdb 2", 2, { "usage: nestlab gdb 1" }, 0 },
	{ "gdb in a lane without a stub", NESTLAB " gdb 1 --before cpuid-exits/kinds LANE=bochs-vmx", 2,
	  { "lane bochs-vmx has no gdb while it runs", "LANE=tcg-svm", "replay RUN --gdb" }, 0 },
	{ "gdb before no test", NESTLAB " gdb 1 --before cpuid-exits/kins", 2, { "there is no test 'cpuid-exits/kins'", "cpuid-exits/kinds" }, 0 },
};

static const struct one_case on_lab[] = {
	{ "a lab for gdb", NESTLAB " lab-up LANE=tcg-svm", 0, { "the lab is up" }, 900 },
	{ "a breakpoint in KVM, hit by L2", WITH_CPUIDS(GDB "cpuid.gdb"), 0,
	  { "Breakpoint 1, kvm_emulate_cpuid (vcpu=0x", "cpuid.c:", "$1 = ", "kvm_emulate_cpuid in section .text of ", "L1 goes on" }, 900 },
	{ "both levels answer after it", NESTLAB " shell 1 'dmesg | grep -cE \"LOCKUP|soft lockup|stall\"; uname -r' && " NESTLAB " shell 2 'echo there'", 0,
	  { "0\n", "6.12", "there" }, 60 },
	{ "settings that the lab has already", NESTLAB " gdb 1 PATCH=testcases/mutants/edx-left.patch", 2,
	  { "PATCH= can't be set beside " }, 60 },
	{ "one gdb at a time", NESTLAB " gdb 1 -- -nx -batch -x harness/tests/data/gdb/wait.gdb >" LOGS "/gdb-1.log 2>&1 & pid=$!; "
	  UNTIL("gdb is there", LOGS "/gdb-1.log") NESTLAB " gdb 1; s=$?; kill -9 $pid; wait $pid; exit $s", 75,
	  { "gdb is attached to L1 already" }, 300 },
	{ "what a killed one left is put right",
	  NESTLAB " shell 1 'echo 1 answers' && " NESTLAB " shell 2 '/bin/busybox true; echo 2 answers'", 0,
	  { "a gdb that was killed had left L1 to itself", "1 answers", "2 answers" }, 120 },
	{ "gdb's status is the command's", NESTLAB " gdb 1 -- -nx -batch -ex 'break no_such_function' -ex 'quit 3'", 3,
	  { "no_such_function", "L1 goes on" }, 120 },
	{ "that lab ends", NESTLAB " lab-down", 0, { "the lab is down" }, 60 },
};

static const struct one_case of_change[] = {
	{ "a lab with a change", NESTLAB " lab-up LANE=tcg-svm PATCH=testcases/mutants/edx-left.patch", 0, { "the lab is up" }, 900 },
	{ "gdb shows the change's lines", NESTLAB " gdb 1 -- -nx -batch -ex 'list cpuid.c:1600,1680'", 0,
	  { "*edx = lower_32_bits(cycles);", "!*edx = 0;" }, 900 },
	{ "that one ends", NESTLAB " lab-down", 0, { "the lab is down" }, 60 },
};

static const struct one_case before[] = {
	{ "gdb from before a test on, by a micro guest's exit",
	  NESTLAB " gdb 1 --before cpuid-exits/kinds LANE=tcg-svm -- -nx -batch -x harness/tests/data/gdb/test.gdb", 0,
	  { "`continue` in gdb starts cpuid-exits/kinds", "Breakpoint 1, kvm_emulate_cpuid (vcpu=0x", "$1 = 0",
	    "the program of cpuid-exits/kinds has ended", "verdict: pass" }, 900 },
	{ "nothing is left of gdb", COUNT_OURS, 0, { NOTHING_LEFT }, 0 },
};

bool check_gdb(void)
{
	bool good = run_cases(without, ARRAY_SIZE(without));

	good = run_cases(on_lab, ARRAY_SIZE(on_lab)) && good;
	good = run_cases(of_change, ARRAY_SIZE(of_change)) && good;
	return run_cases(before, ARRAY_SIZE(before)) && good;
}
