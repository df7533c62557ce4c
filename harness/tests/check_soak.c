// SPDX-License-Identifier: GPL-2.0-only
/* Harm done to labs at work, shortly: `make soak N=100` is the long one. */
#include "tests/check.h"

static const struct one_case cases[] = {
	{ "six times harm, no wrong verdict, nothing left",
	  NESTLAB " soak -n 6 LANE=tcg-svm kill-nestlab kill-qemu kill-libvirtd power-cut bad-history suspend", 0,
	  { "soak: 0 wrong verdicts in 6, 0 left", "SIGKILL to nestlab", "SIGKILL to libvirtd", "stood still for 3 s" }, 600 },
	{ "the same harms for the same seed",
	  "for i in 1 2; do " NESTLAB " soak -n 1 --seed 5 LANE=tcg-svm kill-nestlab power-cut bad-history "
	  "| sed -n 's/^   1  \\([a-z-]*\\).*/first: \\1/p'; done | sort | uniq -c | sed 's/^ *//'", 0, { "2 first: " }, 300 },
	{ "one that is killed leaves no process",
	  NESTLAB " soak -n 9 LANE=tcg-svm kill-nestlab >" LOGS "/soak-killed.log 2>&1 & pid=$!; run=$(" NESTLAB " cache run)-soak$pid; "
	  "for i in $(seq 600); do sleep 0.1; pgrep -f \"$run/\" >/dev/null && break; done; sleep 2; "
	  "kill -9 $pid; wait $pid; echo killed=$?; sleep 8; pgrep -f \"$run/\" | wc -l | sed 's/^/left: /; s/$/./'", 0, { "killed=137", NOTHING_LEFT }, 120 },
	{ "a harm that there is not", NESTLAB " soak kill-qeum", 2, { "kill-qemu" }, 0 },
	{ "nothing is left of it",
	  "ls -d \"$(" NESTLAB " cache run)\"-soak* \"$(" NESTLAB " cache)\"/stage/soak* 2>/dev/null | wc -l | sed 's/^/left: /; s/$/./'", 0,
	  { NOTHING_LEFT }, 0 },
};

bool check_soak(void)
{
	return run_cases(cases, ARRAY_SIZE(cases));
}
