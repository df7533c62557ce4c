// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lane kvm, on any machine: this checkout in an emulated one with nested virtualization, where it
 * does what it does on real hardware. The short proof is a part of `make check`, the long one is
 * `make check-kvm-lane`.
 */
#include <jansson.h>
#include <string.h>

#include "tests/check.h"

/* A command line in that machine; without single quotes. */
#define IN_IT(command) NESTLAB " metal run '" command "'"
#define IN_LANE_KVM " && grep lane results/latest/results.json"
#define LANE_KVM "\"lane\": \"kvm\""
#define COUNTERS NESTLAB " test TESTS=cpuid-exits/counters"

#define WRONG "PATCH=testcases/mutants/caller-pid.patch"
#define OOPSES "KERNEL=testcases/faults/host-oops.conf"
#define LOSES "PATCH=testcases/mutants/read-add-write.patch"

static const struct one_case short_up = {
	"a machine with nested virtualization", NESTLAB " metal up", 0, { "the metal machine is up" }, 1800
};

static const struct one_case shortly[] = {
	{ "doctor finds it", IN_IT(NESTLAB " doctor"), 0,
	  { "nested SVM", "lane kvm           the machine", "default lane       kvm", "!!! " }, 300 },
	{ "lane kvm by itself, and a micro guest in it", IN_IT(NESTLAB " test TESTS=cpuid-exits/answer" IN_LANE_KVM), 0,
	  { "verdict: pass", LANE_KVM }, 600 },
};

static const struct one_case downs[] = {
	{ "that machine ends", NESTLAB " metal down", 0, { "the metal machine is down" }, 60 },
	{ "nothing is left of it", COUNT_OURS, 0, { NOTHING_LEFT }, 0 },
};

static bool down(void)
{
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(downs); i++)
		good &= run_set_up(&downs[i]);
	return good;
}

bool check_metal(void)
{
	bool good = run_set_up(&short_up) && run_cases(shortly, ARRAY_SIZE(shortly));

	return down() && good;
}

/* ---- the long one ---- */

static const struct one_case long_up = {
	"a machine with nested virtualization, and the kernels",
	NESTLAB " metal up UNPATCHED=1 " WRONG " " OOPSES " " LOSES, 0, { "the metal machine is up" }, 3600
};

#define THERE LOGS "/in-lane-kvm.json"
#define HERE LOGS "/in-lane-tcg-svm"

static const struct one_case reference[] = {
	{ "doctor finds it", IN_IT(NESTLAB " doctor"), 0,
	  { "nested SVM", "lane kvm           the machine", "default lane       kvm", "!!! " }, 300 },
	{ "lane kvm by itself: the reference passes all tests", IN_IT(NESTLAB " test" IN_LANE_KVM), 0,
	  { "verdict: pass", LANE_KVM, "!FAIL", "!broken:" }, 3000 },
	{ "its results come out", IN_IT("cat results/latest/results.json") " >" THERE, 0, { NULL }, 60 },
	{ "the same in lane tcg-svm", NESTLAB " test LANE=tcg-svm OUT=" HERE, 0, { "verdict: pass" }, 3000 },
};

static const struct one_case rest[] = {
	{ "a second run restores the lab", IN_IT(COUNTERS), 0, { "verdict: pass", "restored", "!booted" }, 600 },
	{ "a wrong patch fails", IN_IT(NESTLAB " test TESTS=vcpu-info/pairs " WRONG), 1,
	  { "verdict: fail", "pid of the target", "its thread is" }, 900 },
	{ "a host that oopses is a crash", IN_IT(NESTLAB " test TESTS=vcpu-info/syscall " OOPSES), 5,
	  { "verdict: crash", "L1's kernel died", "NULL pointer dereference" }, 900 },
	{ "an update that is lost where CPUs run at once", IN_IT(NESTLAB " test EFFORT=60 TESTS=cpuid-exits/kinds " LOSES), 1,
	  { "verdict: fail", "exits of each kind" }, 1200 },
	{ "nestlab is killed, and the next run is right",
	  IN_IT(NESTLAB " test TESTS=fault/never-ends >/tmp/killed.log 2>&1 & pid=$!; "
		"until grep -q restored /tmp/killed.log; do sleep 0.2; done; kill -9 $pid; wait $pid; echo killed=$?; " COUNTERS), 0,
	  { "killed=137", "ended what an earlier run had left behind", "verdict: pass" }, 900 },
};

/* ---- the two lanes, compared ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static const json_t *find(const json_t *list, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (!strcmp(text(o, "name"), name))
			return o;
	return NULL;
}

static const json_t *find_check(const json_t *run, const char *test, const char *check)
{
	const json_t *t = find(json_object_get(run, "tests"), test);

	return find(json_object_get(t, "checks"), check);
}

struct comparing {
	const json_t *other;
	bool back; /* the second direction: what both have was told in the first */
	unsigned int same;
	struct buf differ;
};

static bool is_skipped(const json_t *check)
{
	return !strcmp(text(check, "verdict"), "skip");
}

/* One that a lane can't ask is told with its reason; all else must be the same. */
static void compare_check(struct comparing *c, const char *test, const json_t *check)
{
	const json_t *other = find_check(c->other, test, text(check, "name"));
	_cleanup_free_ char *name = strf("%s: %s", test, text(check, "name"));

	if (!other)
		buf_printf(&c->differ, "%s is in one lane alone; ", name);
	else if (c->back)
		return;
	else if (!strcmp(text(check, "verdict"), text(other, "verdict")))
		c->same++;
	else if (!is_skipped(check) && !is_skipped(other))
		buf_printf(&c->differ, "%s: %s and %s; ", name, text(check, "verdict"), text(other, "verdict"));
	else
		check_skipped(name, now_ns(), text(is_skipped(check) ? check : other, "observed"));
}

static void compare_runs(struct comparing *c, const json_t *run)
{
	const json_t *test, *check;
	size_t i, k;

	json_array_foreach(json_object_get(run, "tests"), i, test)
		json_array_foreach(json_object_get(test, "checks"), k, check)
			compare_check(c, text(test, "name"), check);
}

static bool tell(const char *name, uint64_t start, const struct comparing *c)
{
	bool good = c->same && !c->differ.len;

	if (good)
		check_passed(name, start);
	else
		check_failed(name, start, c->differ.len ? buf_str(&c->differ) : "there is nothing to compare");
	return good;
}

static bool compare_lanes(void)
{
	static const char name[] = "both lanes: the same checks, the same verdicts";
	json_t *here = json_load_file(HERE "/results.json", 0, NULL);
	json_t *there = json_load_file(THERE, 0, NULL);
	struct comparing c = { .other = there };
	uint64_t start = now_ns();
	bool good = true;

	if (check_wants(name)) {
		compare_runs(&c, here);
		c.other = here;
		c.back = true;
		compare_runs(&c, there);
		good = tell(name, start, &c);
	}
	buf_free(&c.differ);
	json_decref(here);
	json_decref(there);
	return good;
}

bool check_kvm_lane(void)
{
	bool good = run_set_up(&long_up);

	if (good) {
		good = run_cases(reference, ARRAY_SIZE(reference));
		good = compare_lanes() && good;
		good = run_cases(rest, ARRAY_SIZE(rest)) && good;
	}
	return down() && good;
}
