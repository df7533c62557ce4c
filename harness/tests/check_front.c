// SPDX-License-Identifier: GPL-2.0-only
/* What the program tells of itself: its help, its version, what the shell completes, its manual. */
#include "core/util.h"
#include "tests/check.h"

#define VERBS "$(" NESTLAB " help | sed -n 's/^  \\([a-z][a-z-]*\\).*/\\1/p')"
/* What is offered where the cursor stands behind this line. */
#define AT_TAB(line)                                                                               \
	"bash -c 'source <(" NESTLAB " completion bash); COMP_WORDBREAKS=\"= \"; COMP_LINE=$1; " \
	"COMP_POINT=${#1}; _nestlab; echo \"[${COMPREPLY[*]}]\"' - '" line "'"

static const struct one_case front[] = {
	{ "help of no verb", NESTLAB, 2, { "usage: nestlab VERB" }, 0 },
	{ "help of each verb", "set -e; for v in " VERBS "; do " NESTLAB " help $v; done", 0,
	  { "usage: nestlab test\n", "usage: nestlab completion bash", "Exit codes:", "!nestlab:" }, 60 },
	{ "help behind a verb", NESTLAB " shell --help", 0, { "usage: nestlab shell 1|2", "PLACE", "the command's" }, 0 },
	{ "help of one that is misspelt", NESTLAB " help tset", 2, { "did you mean test?" }, 0 },
	{ "its version", "test \"$(" NESTLAB " --version)\" = \"nestlab $(git describe --always --tags --dirty)\"", 0, { NULL }, 0 },
	{ "completed: a verb", AT_TAB("nestlab lab-"), 0, { "[lab-up lab-down]" }, 0 },
	{ "completed: a setting", AT_TAB("build/nestlab test LAN"), 0, { "[LANE=]" }, 0 },
	{ "completed: a setting that the verb does not heed", AT_TAB("nestlab shell LAN"), 0, { "[]" }, 0 },
	{ "completed: a lane", AT_TAB("nestlab test V=1 LANE=bo"), 0, { "[bochs-vmx]" }, 0 },
	{ "completed: a test", AT_TAB("nestlab test TESTS=vcpu-info/pa"), 0, { "[vcpu-info/pairs]" }, 0 },
	{ "completed: a path", AT_TAB("nestlab test PATCH=testcases/mut"), 0, { "[testcases/mutants]" }, 0 },
	{ "completed: a level", AT_TAB("nestlab shell "), 0, { "[1 2 " }, 0 },
	{ "completed: an option, behind a setting", AT_TAB("nestlab PLACE=two lab-up --"), 0, { "[--fresh]" }, 0 },
	{ "completion of another shell", NESTLAB " completion tcsh", 2, { "usage: nestlab completion bash" }, 0 },
};

bool check_front(void)
{
	return run_cases(front, ARRAY_SIZE(front));
}
