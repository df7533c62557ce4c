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
	{ "bisect between what is no commit", NESTLAB " bisect no such KERNEL=$PWD", 2, { "no such commit", USAGE }, 0 },
	{ "bisect in no repository", NESTLAB " bisect a b", 2, { "KERNEL=6.12 is no folder", "KERNEL=~/linux", USAGE }, 0 },
	{ "bisect with settings that are none", NESTLAB " bisect HEAD~1 HEAD KERNEL=$PWD -- cpuid-exits", 2,
	  { "want NAME=VALUE behind the --", USAGE }, 0 },
	{ "an option that no kernel has",
	  "echo CONFIG_KVM_NO_SUCH=y >" LOGS "/mine.config; " NESTLAB " test TESTS=cpuid-exits/counters KCONFIG=" LOGS "/mine.config", 2,
	  { "mine.config:1: CONFIG_KVM_NO_SUCH=y was asked for and is not set in the end", USAGE }, 600 },
	{ "a file of no lab, with a setting that is none", "EFFORT=abc " NESTLAB " get 1:/x", 2, { "EFFORT=abc: want" }, 0 },
	{ "nothing to make anew", NESTLAB " reproduce no-such-run", 2, { "no-such-run/results.json", USAGE }, 0 },
	{ "how many mutants, in words", NESTLAB " mutants --some few", 2, { "--some: want how many", USAGE }, 0 },
	{ "a comparison with nothing", NESTLAB " diff nothing-such", 2, { "the history has no run nothing-such" }, 0 },
	{ "a run compared with itself", NESTLAB " diff latest latest", 0, { "no regression", "!newly failing" }, 0 },
	{ "a comparison that is wrongly asked for", NESTLAB " diff --jsno", 2, { "[A [B] | -]" }, 0 },
	{ "the page of all runs", NESTLAB " history 20 && grep -c 'class=\"nights\"' results/index.html", 0, { "page: /", "build-error" }, 0 },
	{ "a night of plans that are not there", NESTLAB " nightly nothing.conf", 2, { "there is no nothing.conf" }, 0 },
	{ "OUT is somebody else's folder", NESTLAB " test OUT=harness", 2, { "OUT=", "something else in it", USAGE }, 0 },
};

/* ---- what is mistaken for something else ---- */

#define M LOGS "/mistaken"
#define TEST NESTLAB " test TESTS=cpuid-exits/counters "
#define VERBS "$(" NESTLAB " help | sed -n 's/^  \\([a-z][a-z-]*\\).*/\\1/p')"

static const struct one_case mistaken[] = {
	{ "files of all kinds",
	  "rm -rf " M "; mkdir -p " M "/tree/arch/x86/kvm " M "/empty && cd " M " && echo hello >letter.txt && tar cf t.tar letter.txt && "
	  "gzip -k t.tar && xz -k t.tar && cp /bin/true elf && echo 'int x;' >tree/arch/x86/kvm/cpuid.c && echo 'VERSION = 6' >tree/Makefile && "
	  "echo '<!DOCTYPE html>' >report.html && echo '{ \"format\": 2 }' >results.json", 0, { NULL }, 0 },
	{ "a kernel tree for a patch", TEST "PATCH=" M "/tree", 2, { "no *.patch", "git diff", UNUSABLE }, 0 },
	{ "an archive for a patch", TEST "PATCH=" M "/t.tar", 2, { "tar archive; unpack it", UNUSABLE }, 0 },
	{ "a compressed one", TEST "PATCH=" M "/t.tar.gz; " TEST "PATCH=" M "/t.tar.xz", 2, { "by gzip; unpack it", "by xz; unpack it", UNUSABLE }, 0 },
	{ "a program for a patch", TEST "PATCH=" M "/elf", 2, { "a program or an object file", UNUSABLE }, 0 },
	{ "a page for a patch", TEST "PATCH=" M "/report.html", 2, { "a web page", UNUSABLE }, 0 },
	{ "results for a patch", TEST "PATCH=" M "/results.json", 2, { "no diff in it", UNUSABLE }, 0 },
	{ "a base's file for a patch", TEST "PATCH=config/kernels/6.12.conf", 2, { "no diff in it", UNUSABLE }, 0 },
	{ "a patch that is not there", TEST "PATCH=" M "/nothing.patch", 2, { "nothing.patch: No such file", USAGE }, 0 },
	{ "a patch for a base", TEST "KERNEL=testcases/mutants/edx-left.patch", 2, { "this is a file", "given as PATCH=", USAGE }, 0 },
	{ "a tree for a base", TEST "KERNEL=" M "/tree", 2, { "is no kernel's tree: it has no arch/x86/kvm/x86.c", USAGE }, 0 },
	{ "an archive for a base", TEST "KERNEL=" M "/t.tar", 2, { "this is a file", "NAME.conf", USAGE }, 0 },
	{ "a base by its file's name", TEST "KERNEL=6.12.conf", 2, { "did you mean 6.12?", USAGE }, 0 },
	{ "a base with its letters swapped", TEST "KERNEL=6.21", 2, { "did you mean 6.12?", USAGE }, 0 },
	{ "an assignment's file for a base", TEST "KERNEL=config/assignments/vcpu-info.conf", 2, { "unknown", USAGE }, 0 },
	{ "a base's file for an assignment", TEST "ASSIGNMENT=config/kernels/6.12.conf", 2, { "6.12.conf:", "unknown key", USAGE }, 0 },
	{ "a page for an assignment", TEST "ASSIGNMENT=" M "/report.html", 2, { "this is a file", USAGE }, 0 },
	{ "an assignment's file that is not there", TEST "ASSIGNMENT=" M "/cpuid-exit.conf", 2, { "did you mean cpuid-exits?", USAGE }, 0 },
	{ "a folder for the plans of a night", NESTLAB " nightly " M "/empty", 2, { "it is a folder" }, 0 },
	{ "a text for the plans of a night", NESTLAB " nightly " M "/letter.txt", 2, { "letter.txt:1: " }, 0 },
	{ "a page for a plan", NESTLAB " run " M "/report.html", 2, { "can't read the plan", USAGE }, 0 },
	{ "results for a plan", NESTLAB " run " M "/results.json", 2, { "no plan that nestlab wrote", USAGE }, 0 },
	{ "a text for a run", NESTLAB " report " M "/letter.txt", 2, { "mistaken/results.json", "!//" }, 0 },
	{ "a run that is not there", NESTLAB " report 20200101-000000-0000", 2, { "results/20200101-000000-0000/results.json" }, 0 },
	{ "a class that is empty", NESTLAB " grade " M "/empty ASSIGNMENT=cpuid-exits", 2, { "there are no submissions in" }, 0 },
	{ "a class without an assignment", NESTLAB " grade " M, 2, { "ASSIGNMENT= is not set" }, 0 },
	{ "a class's assignment that is misspelt", NESTLAB " grade " M " ASSIGNMENT=cpuid-exit", 2, { "did you mean cpuid-exits?" }, 0 },
	{ "a part of a lane's name", TEST "LANE=svm; " TEST "LANE=bochs", 2, { "did you mean tcg-svm?", "did you mean bochs-vmx?", "!mean kvm?" }, 0 },
	{ "a part of a test's name", NESTLAB " test TESTS=kinds", 2, { "did you mean cpuid-exits/kinds?", USAGE }, 0 },
	{ "a misspelt suite", NESTLAB " test SUITE=selftest", 2, { "did you mean selftests?", USAGE }, 0 },
	{ "a series that nobody named", NESTLAB " kvm-check builds", 2, { "PATCH=FOLDER" }, 0 },
	{ "a misspelt part of the maintainers' list", NESTLAB " kvm-check build PATCH=testcases/reverts", 2, { "did you mean builds?" }, 0 },
	{ "a patch that checkpatch refuses, and its cover letter",
	  NESTLAB " kvm-check checkpatch PATCH=testcases/mutants/edx-left.patch; s=$?; " NESTLAB " report --cover; exit $s", 1,
	  { "2 errors", "checkpatch: errors in 1 of 1 patches", "The series was not run at all." }, 60 },
	{ "a cover letter of another run", NESTLAB " test SUITE=selftest; " NESTLAB " report --cover", 2, { "no run of `nestlab kvm-check`" }, 0 },
	{ "a misspelt flavour", TEST "KERNEL_FLAVOR=debgu", 2, { "did you mean debug?", USAGE }, 0 },
	{ "a misspelt flavour of the guest", TEST "GUEST_FLAVOR=guest-debgu", 2, { "did you mean guest-debug?", USAGE }, 0 },
	{ "the host's flavour for the guest", TEST "GUEST_FLAVOR=debug", 2, { "name it by KERNEL_FLAVOR=", USAGE }, 0 },
	{ "a misspelt mutant", NESTLAB " mutants caller-pdi RUNS=0", 2, { "did you mean caller-pid?", USAGE }, 0 },
	{ "numbers that are none", TEST "L2_CPUS=two; " TEST "L1_MEMORY=2G; " TEST "EFFORT=0", 2,
	  { "L2_CPUS=two: want a whole number from 1 to 8", "L1_MEMORY=2G: want", "EFFORT=0: want", USAGE }, 0 },
	{ "a place's name that is none", TEST "PLACE=a/b", 2, { "PLACE=a/b: want a name", USAGE }, 0 },
	{ "a setting in small letters", NESTLAB " test lane=tcg-svm", 2, { "did you mean LANE=tcg-svm?" }, 0 },
	{ "a setting as an option", NESTLAB " test --patch=my.patch", 2, { "did you mean PATCH=my.patch?" }, 0 },
	{ "a patch without a setting's name", NESTLAB " test testcases/mutants/edx-left.patch", 2, { "PATCH=testcases/mutants/edx-left.patch" }, 0 },
	{ "git bisect never takes a mistake for a bad commit", NESTLAB " bisect-run testcases/mutants/edx-left.patch", 255, { "PATCH=" }, 0 },
	{ "too many words, and wrong ones, for each verb",
	  "for v in " VERBS "; do timeout 60 " NESTLAB " $v one two three four five </dev/null >" M "/told 2>&1; s=$?; "
	  "case $v:$s in bisect-run:255|*:2) ;; *) echo \"amiss: $v gives $s\" ;; esac; "
	  "test $(grep -c '^nestlab: ' " M "/told) -ge 1 || echo \"amiss: $v tells nothing\"; "
	  "grep -q 'one\\|usage: \\|ASSIGNMENT= is not set' " M "/told || echo \"amiss: $v tells another thing\"; done", 0, { "!amiss" }, 300 },
	{ "a folder of results that can't be made", TEST "OUT=/proc/x", 3, { "can't make the run's folder /proc/x: No such file" }, 0 },
	{ "a cache that can't be made", "NESTLAB_CACHE=/proc/x " TEST, 3, { "/proc/x/", "No such file", "verdict: broken" }, 0 },
	{ "a cache that is a file", "NESTLAB_CACHE=$PWD/" M "/letter.txt " TEST, 3, { "letter.txt/", "Not a", "verdict: broken" }, 0 },
	{ "no room in the cache",
	  "mkdir " M "/small; unshare -rm sh -c 'mount -t tmpfs -o size=1m none " M "/small && NESTLAB_CACHE=$PWD/" M "/small " TEST "'", 3,
	  { "mistaken/small is full: make room", "verdict: broken" }, 300 },
	{ "doctor: a disk too small for a cache that is empty",
	  "mkdir -p " M "/some; unshare -rm sh -c 'mount -t tmpfs -o size=5g none " M "/some && NESTLAB_CACHE=$PWD/" M "/some " NESTLAB " doctor'", 3,
	  { "  !!  cache", "5.0 GiB free (want 12: it is to be filled)", "put right first" }, 60 },
	{ "doctor: and large enough for one that is filled",
	  "mkdir -p " M "/some; unshare -rm sh -c 'mount -t tmpfs -o size=5g none " M "/some && mkdir -p " M "/some/golden/0123 && "
	  "NESTLAB_CACHE=$PWD/" M "/some " NESTLAB " doctor'", 0, { "ok  cache", "(want 3: ", "!!!  " }, 60 },
	{ "no setting for a metal machine", NESTLAB " metal up nonsense", 2, { "'nonsense' is no setting: want NAME=VALUE" }, 0 },
	{ "a patch that is not there for one", NESTLAB " metal up PATCH=no/such.patch", 2, { "PATCH=no/such.patch" }, 0 },
	{ "a command in one that does not run", NESTLAB " metal run true", 2, { "no metal machine is running" }, 0 },
	{ "no programs of packages",
	  "mkdir " M "/bin; for p in sh sed awk git tar xz gzip cat mkdir uname grep cut tr rm cp mv ls sort; do ln -s $(command -v $p) " M "/bin; done; "
	  "PATH=$PWD/" M "/bin " TEST "KERNEL=testcases/faults/no-build.conf", 3, { "is it installed?", "nestlab doctor", "verdict: broken" }, 0 },
	{ "a misspelt setting of make's", MAKE " test L2_CPU=4", 2, { "L2_CPU=", "did you mean L2_CPUS?" }, 0 },
	{ "make's own settings are no mistake", MAKE " -n test CFLAGS=-O1 V=1 >/dev/null && " MAKE " knobs CHECK=unit Q=", 0, { "!did you mean" }, 0 },
	{ "a verb of make's that there is not", MAKE " tets", 2, { "No rule to make target" }, 0 },
};

bool check_mistakes(void)
{
	bool good = run_cases(mistakes, ARRAY_SIZE(mistakes));

	return run_cases(mistaken, ARRAY_SIZE(mistaken)) && good;
}
