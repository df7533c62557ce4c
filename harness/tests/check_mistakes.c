// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people do, and what they hand in. Each must be judged as it was meant, or be told what is
 * missing: never a pass of something else, and never a build error of what is no change.
 *
 * The inputs are the mutant edx-left in other shapes, so that a right answer is a fail by the check
 * that finds it, or no work at all.
 */
#include <stdlib.h>
#include <string.h>

#include "core/util.h"
#include "tests/check.h"

#define INPUTS "harness/tests/data/inputs"
#define MAKE "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make"
#define WITH(patch) NESTLAB " test TESTS=cpuid-exits/counters PATCH=" patch
#define USAGE "nestlab: verdict=usage exit=2 results=/"
#define UNUSABLE "nestlab: verdict=unusable exit=2 results=/"
#define FAIL "nestlab: verdict=fail exit=1 results=/"

static const struct one_case mistakes[] = {
	{ "a misspelt setting", NESTLAB " test PATHC=" INPUTS "/strip-0.diff", 2,
	  { "PATHC=", "did you mean PATCH?", USAGE, "!verdict: pass" }, 0 },
	{ "a misspelt setting of make's", MAKE " test PATHC=" INPUTS "/strip-0.diff", 2,
	  { "PATHC=", "did you mean PATCH?", USAGE, "!verdict: pass" }, 0 },
	{ "the newest results are those of the mistake", "cat " RESULTS, 0,
	  { "\"verdict\": \"usage\"", "did you mean PATCH?" }, 0 },
	{ "they fit their schema", "/usr/bin/python3 -m jsonschema -i " RESULTS " harness/report/results.schema.json", 0,
	  { NULL }, 0 },
	{ "a misspelt setting of another verb", NESTLAB " lab-up LANES=tcg-svm", 2, { "LANES=", "did you mean LANE?" }, 0 },
	{ "a misspelt verb", NESTLAB " tets", 2, { "'tets'", "did you mean test" }, 0 },
	{ "a misspelt lane", NESTLAB " test LANE=tcg-smv", 2, { "did you mean tcg-svm", USAGE }, 0 },
	{ "a misspelt kernel", NESTLAB " test KERNEL=6.21", 2, { "6.12", USAGE }, 0 },
	{ "a misspelt test", NESTLAB " test TESTS=cpuid-exits/counter", 2, { "did you mean cpuid-exits/counters", USAGE }, 0 },
	{ "a misspelt assignment", NESTLAB " test ASSIGNMENT=cpuid-exit", 2, { "cpuid-exits", USAGE }, 0 },
	{ "a folder of diffs", WITH(INPUTS "/folder-of-diffs"), 1, { "change.diff", "FAIL    edx", FAIL }, 900 },
	{ "a diff without a/ and b/", WITH(INPUTS "/strip-0.diff"), 1, { "FAIL    edx", FAIL }, 300 },
	{ "a diff of two trees elsewhere", WITH(INPUTS "/climbing-prefix.diff"), 1, { "FAIL    edx", FAIL }, 300 },
	{ "a diff made inside of a folder", WITH(INPUTS "/relative.diff"), 1,
	  { "arch/x86/kvm/cpuid.c", "FAIL    edx", FAIL }, 300 },
	{ "a path with a blank",
	  "mkdir -p '" LOGS "/my patches' && cp " INPUTS "/strip-0.diff '" LOGS "/my patches/the change.diff' && "
	  WITH("'" LOGS "/my patches/the change.diff'"), 1, { "the change.diff", FAIL }, 300 },
	{ "a path from where the user stands", "cd " INPUTS " && ../../../../" WITH("strip-0.diff"), 1,
	  { "strip-0.diff", FAIL }, 300 },
	{ "a folder of whole files",
	  "rm -rf " LOGS "/whole && mkdir -p " LOGS "/whole && echo 'int x;' >" LOGS "/whole/cpuid.c && "
	  "cp " LOGS "/whole/cpuid.c " LOGS "/whole/vmx.c && " WITH(LOGS "/whole"), 2,
	  { "cpuid.c", "patch", UNUSABLE, "!verdict: pass" }, 0 },
	{ "an empty folder", "mkdir -p " LOGS "/nothing && " WITH(LOGS "/nothing"), 2, { UNUSABLE }, 0 },
	{ "an empty patch", WITH(INPUTS "/empty.patch"), 2, { "empty", UNUSABLE }, 0 },
	{ "a text", WITH(INPUTS "/words.patch"), 2, { "words.patch", UNUSABLE }, 0 },
	{ "a binary file", WITH(INPUTS "/binary.patch"), 2, { "binary.patch", UNUSABLE }, 0 },
	{ "unusable fits the schema, too",
	  "/usr/bin/python3 -m jsonschema -i " RESULTS " harness/report/results.schema.json && cat " RESULTS, 0,
	  { "\"verdict\": \"unusable\"" }, 0 },
	{ "a monitor with a make target of another name",
	  "rm -rf " LOGS "/vm && cp -r " INPUTS "/monitor-other-target " LOGS "/vm && "
	  "cp testcases/kvm-api/monitor/monitor.c " LOGS "/vm/vm.c && " NESTLAB " test TESTS=kvm-api/long MONITOR=" LOGS "/vm", 0,
	  { "verdict=pass" }, 300 },
	{ "what came from the environment is told", "EFFORT=2 " NESTLAB " test TESTS=fault/garbage", 1,
	  { "from the environment: EFFORT=2", FAIL }, 300 },
	{ "a stranger's patch does not choose its lane",
	  "sed 's/^---$/Lane: bochs-vmx\\n&/' testcases/mutants/edx-left.patch >" LOGS "/lane.patch; " WITH(LOGS "/lane.patch"), 1,
	  { "lane tcg-svm", "Lane: bochs-vmx", FAIL }, 300 },
	{ "the run says what it judged, first and last", WITH("testcases/mutants/edx-left.patch") "; grep -c edx-left " RESULTS
	  " results/latest/report.ktap results/latest/junit.xml results/latest/report.html results/latest/manifest.json", ANY_STATUS,
	  { "judging edx-left.patch on kernel 6.12", "judged: edx-left.patch", "!:0" }, 300 },
	{ "the reference is told as that", NESTLAB " test TESTS=fault/garbage; grep -c 'the reference' " RESULTS
	  " results/latest/report.ktap results/latest/junit.xml results/latest/report.html", ANY_STATUS,
	  { "judging the reference on kernel 6.12", "judged: the reference", "!:0" }, 300 },
	{ "a plan runs again", "d=$(readlink -f results/latest); mv $d $d.moved; " WITH("testcases/mutants/edx-left.patch") " OUT=$d; rm -rf $d.moved; "
	  NESTLAB " run $d OUT=" LOGS "/again", 1, { "judging 0001-edx-left.patch", "FAIL    edx", "results=/" }, 300 },
	{ "a plan whose patch has changed does not", "echo >>" LOGS "/again/change/host/0001-0001-edx-left.patch; "
	  NESTLAB " run " LOGS "/again", 2, { "not what it was", USAGE }, 300 },
	{ "the manifest has the assignment and the compiler that were used",
	  "mkdir -p " LOGS "/course && sed 's/^title.*/title = mine/' config/assignments/cpuid-exits.conf "
	  ">" LOGS "/course/cpuid-exits.conf && " NESTLAB " test TESTS=cpuid-exits/counters ASSIGNMENT=" LOGS
	  "/course/cpuid-exits.conf && m=results/latest/manifest.json && grep \"$(sha256sum <" LOGS
	  "/course/cpuid-exits.conf | cut -d' ' -f1)\" $m && grep 'compiler host' $m",
	  0, { "verdict: pass", "assignment build/check/course/cpuid-exits.conf", "\"compiler host\": \"gcc" }, 300 },
	{ "bisect: good", NESTLAB " bisect-run TESTS=cpuid-exits/counters", 0, { "verdict=pass" }, 300 },
	{ "bisect: bad", NESTLAB " bisect-run TESTS=cpuid-exits/counters PATCH=testcases/mutants/edx-left.patch", 1, { "verdict=fail" }, 300 },
	{ "bisect: can't be judged", NESTLAB " bisect-run KERNEL=testcases/faults/no-apply.conf", 125, { "verdict=build-error" }, 300 },
	{ "bisect: wrongly asked for", NESTLAB " bisect-run PATHC=x", 255, { "verdict=usage" }, 0 },
	{ "how many mutants, in words", NESTLAB " mutants --some few", 2, { "--some: want how many", USAGE }, 0 },
	{ "a comparison with nothing", NESTLAB " diff nothing-such", 2, { "the history has no run nothing-such" }, 0 },
	{ "a run compared with itself", NESTLAB " diff latest latest", 0, { "no regression", "!newly failing" }, 0 },
	{ "a comparison that is wrongly asked for", NESTLAB " diff --jsno", 2, { "[A [B] | -]" }, 0 },
	{ "the page of all runs", NESTLAB " history 3 && grep -c 'class=\"nights\"' results/index.html", 0, { "page: /", "build-error" }, 0 },
	{ "a night of plans that are not there", NESTLAB " nightly nothing.conf", 2, { "there is no nothing.conf" }, 0 },
	{ "OUT is somebody else's folder", NESTLAB " test OUT=harness", 2, { "OUT=", "something else in it", USAGE }, 0 },
};

bool check_mistakes(void)
{
	return run_cases(mistakes, ARRAY_SIZE(mistakes));
}
