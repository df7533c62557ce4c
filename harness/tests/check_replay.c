// SPDX-License-Identifier: GPL-2.0-only
/* gdb on a run of lane bochs-vmx that is replayed, by a script. */
#include "core/util.h"
#include "tests/check.h"

#define GDB NESTLAB " replay latest --gdb"

static const struct one_case cases[] = {
	{ "a recorded run", NESTLAB " test LANE=bochs-vmx TESTS=cpuid-exits/answer KEEP=1", 0, { "verdict: pass" }, 900 },
	/* At "$1 = 1" and on the script compares what it saw there before. */
	{ "gdb on its replay, forward and back", GDB " -- -nx -batch -x harness/tests/data/gdb/replay.gdb", 0,
	  { "Breakpoint 1, kvm_emulate_cpuid (vcpu=0x", "cpuid.c:", "all as in the run: 111111", "identical: ", "!different" }, 900 },
	{ "gdb from a tick on", GDB " --tick 100000000 -- -nx -batch -ex 'info threads'", 0, { "CPU#0", "CPU#1", "identical: " }, 300 },
	{ "gdb behind the record's end", GDB " --tick 99999999999999", 2, { "--tick 99999999999999: the record has the ticks up to " }, 60 },
};

bool check_replay(void)
{
	static const struct one_case bochs = { "a Bochs of the lab's own", NESTLAB " bochs", 0, { NULL }, 900 };

	return run_set_up(&bochs) && run_cases(cases, ARRAY_SIZE(cases));
}
