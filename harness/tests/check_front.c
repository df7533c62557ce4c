// SPDX-License-Identifier: GPL-2.0-only
/* What the program tells of itself: its help, its version, what the shell completes, its manual. */
#include "core/util.h"
#include "tests/check.h"

#define VERBS "$(" NESTLAB " help | sed -n 's/^  \\([a-z][a-z-]*\\).*/\\1/p')"
/* What is offered where the cursor stands behind this line. */
#define AT_TAB(line)                                                                               \
	"bash -c 'source <(" NESTLAB " completion bash); COMP_WORDBREAKS=\"= \"; COMP_LINE=$1; " \
	"COMP_POINT=${#1}; _nestlab; echo \"[${COMPREPLY[*]}]\"' - '" line "'"

#define SETTINGS "$(" NESTLAB " help | sed -n 's/^  \\([A-Z][A-Z0-9_]*\\).*/\\1/p' | grep -v -e NESTLAB_ -e LIBVIRT_ | tr A-Z a-z)"
#define PAGES "nestlab.1 nestlab.conf.5"
/* man and mandoc read a page in ways of their own. */
#define LINT "mandoc -T lint -W warning \"$f\" && LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z \"$f\" 2>&1 >/dev/null"

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
	{ "the manual's pages", "for p in " PAGES "; do f=" LOGS "/$p; " NESTLAB " man $p >$f && " LINT " || exit; done", 0,
	  { "!warning", "!mandoc:" }, 60 },
	{ "they tell each verb, with its words as they are typed",
	  "for v in " VERBS "; do grep -q \"^.It Ic $v\\b\" " LOGS "/nestlab.1 || echo \"lacks $v\"; done; mandoc -T utf8 " LOGS "/nestlab.1 | col -b",
	  0, { "!lacks ", "lab-up [--fresh]", "grade [--accept NAME]...", "255   wrongly", "130 (interrupted)" }, 60 },
	{ "they tell each setting", "for k in " SETTINGS "; do "
	  "grep -q \"^.It Ic $k$\" " LOGS "/nestlab.conf.5 || echo \"lacks $k\"; done; mandoc -T utf8 " LOGS "/nestlab.conf.5 | col -b", 0,
	  { "!lacks ", "[1 to 8, default 2]", "provision_kernel", "!nestlab_root" }, 0 },
	{ "a page that there is not", NESTLAB " man nestlab.7", 2, { "usage: nestlab man nestlab.1|nestlab.conf.5" }, 0 },
	{ "completion of another shell", NESTLAB " completion tcsh", 2, { "usage: nestlab completion bash" }, 0 },
};

bool check_front(void)
{
	return run_cases(front, ARRAY_SIZE(front));
}
