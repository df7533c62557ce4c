// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/util.h"
#include "lab/lane.h"
#include "lab/settings.h"
#include "lab/wish.h"
#include "mutants/mutants.h"
#include "report/report.h"
#include "verbs/verb.h"

#define FOLDER "testcases/mutants"
#define RUN_DEADLINE_S 3600 /* of one mutant, with its build */
#define MAX_RUNS 1000

static int verb_mutants(int argc, char **argv);

static const struct verb mutants = {
	.name = "mutants",
	.usage = "[NAME...]",
	.summary = "build and judge the deliberate faults in testcases/mutants, then the reference "
		   "RUNS= times",
	.order = 32,
	.run = verb_mutants,
};
VERB(mutants);

/* The kernel was judged, by tests, by dying, or by its compiler. */
static bool is_judgement(int status)
{
	return status == 0 || status == outcome_exit_code(OUT_FAIL) ||
	       status == outcome_exit_code(OUT_CRASH) ||
	       status == outcome_exit_code(OUT_BUILD_ERROR);
}

/*
 * What `nestlab test` says with this knob set (KNOB=VALUE; NULL: the reference) on a kernel of this flavour (NULL: plain) by its
 * results.json. NULL after fail().
 */
static struct run_result *judge(const char *name, const char *knob, const char *flavor, unsigned int effort,
				const struct strv *tests, unsigned int l2_cpus)
{
	_cleanup_free_ char *log = path_in_cache("logs/mutant-%s.log", name);
	_cleanup_free_ char *json = path_in_root("results/latest/results.json");
	_cleanup_strv_ struct strv env = { 0 };
	_cleanup_buf_ struct buf names = { 0 };
	char *const argv[] = { (char *)"/proc/self/exe", (char *)"test", NULL };
	struct proc p = {
		.what = name, .argv = argv, .log_path = log, .deadline_s = RUN_DEADLINE_S
	};
	int status;

	strv_add(&env, "PATCH=");
	strv_add(&env, "GUEST_PATCH=");
	strv_add(&env, "MONITOR=");
	if (knob) {
		strv_add(&env, knob);
		strv_add(&env, "SAVE_LAB=0"); /* nobody comes back to it, and states that are used would go for it */
	}
	strv_addf(&env, "EFFORT=%u", effort);
	strv_addf(&env, "KERNEL_FLAVOR=%s", flavor ? flavor : "plain");
	for (size_t i = 0; i < tests->n; i++)
		buf_printf(&names, "%s ", tests->v[i]);
	strv_addf(&env, "TESTS=%s", buf_str(&names));
	strv_addf(&env, "L2_CPUS=%u", l2_cpus);
	p.env = env.v;
	status = proc_run(&p);
	if (status < 0)
		return NULL;
	if (!is_judgement(status)) {
		fail(OUT_BROKEN, "judging %s ended with exit code %d: see %s", name, status, log);
		return NULL;
	}
	return report_load(json);
}

static struct run_result *judge_mutant(const struct mutant *m)
{
	_cleanup_free_ char *monitor = NULL, *knob = NULL;
	struct run_result *r = NULL;

	if (!mutant_is_of_monitor(m)) {
		knob = strf("%s=%s", m->guest ? "GUEST_PATCH" : "PATCH", m->patch);
		return judge(m->name, knob, m->flavor, m->effort, &m->tests, 2);
	}
	if (!mutant_make_monitor(m, &monitor)) {
		knob = strf("MONITOR=%s", monitor);
		r = judge(m->name, knob, m->flavor, m->effort, &m->tests, 2);
	}
	rm_rf(monitor);
	return r;
}

struct score {
	struct lane lane;
	unsigned int found, mutants, hidden, alarms, runs;
	struct strv flavors; /* that the mutants named */
};

static void note_flavor(struct strv *flavors, const char *name)
{
	for (size_t i = 0; name && i < flavors->n; i++)
		if (!strcmp(flavors->v[i], name))
			return;
	if (name)
		strv_add(flavors, name);
}

/* Why a fault never shows in this lane: its own line says so, or it is in the other vendor's half of KVM. NULL: it shows. */
static char *why_hidden(const struct mutant *m, const struct lane *lane)
{
	_cleanup_strv_ struct strv patches = { 0 };
	struct vendor_side side;
	char *why;

	if (m->hidden)
		return xstrdup(m->hidden);
	if (mutant_is_of_monitor(m))
		return NULL;
	strv_add(&patches, m->patch);
	vendor_of_patches(&patches, &side);
	why = lane_blind(lane, &side);
	free(side.file);
	return why;
}

static int try_mutant(const char *patch, struct score *s)
{
	_cleanup_buf_ struct buf by = { 0 }, missed = { 0 };
	_cleanup_free_ char *hidden = NULL;
	uint64_t start = now_ns();
	struct run_result *r;
	struct mutant m;
	int ret = mutant_load(patch, s->lane.name, &m);
	bool found;

	if (ret) {
		mutant_free(&m);
		return ret;
	}
	hidden = why_hidden(&m, &s->lane);
	if (hidden) {
		printf("%-20s           --   hidden in lane %s: %s\n", m.name, s->lane.name, hidden);
		s->hidden++;
		mutant_free(&m);
		return 0;
	}
	s->mutants++;
	note_flavor(&s->flavors, m.flavor);
	r = judge_mutant(&m);
	if (!r) {
		printf("%-20s  %5.1f s  NOT JUDGED  %s\n", m.name, (double)(now_ns() - start) / 1e9,
		       fail_text());
		fail_clear();
	} else {
		found = mutant_found(&m, r, &by, &missed);
		s->found += found;
		printf("%-20s  %5.1f s  %s  %s\n", m.name, (double)(now_ns() - start) / 1e9,
		       found ? "found by" : "MISSED by", found ? buf_str(&by) : buf_str(&missed));
	}
	fflush(stdout);
	result_free(r);
	mutant_free(&m);
	return 0;
}

/* Every check that fails on the reference is a false alarm. */
static void try_reference(const char *flavor, unsigned int l2_cpus, struct score *s)
{
	_cleanup_free_ char *how = flavor ? strf("KERNEL_FLAVOR=%s", flavor)
					  : strf("L2_CPUS=%u", l2_cpus);
	_cleanup_buf_ struct buf by = { 0 };
	struct strv all = { 0 };
	uint64_t start = now_ns();
	struct run_result *r = judge("reference", NULL, flavor, 1, &all, l2_cpus);

	s->runs++;
	if (r && r->verdict == OUT_FAIL)
		mutant_failures(r, &by);
	s->alarms += !r || r->verdict != OUT_PASS;
	printf("%-20s  %5.1f s  %s  %s %s\n", "the reference", (double)(now_ns() - start) / 1e9,
	       r ? outcome_name(r->verdict) : "not judged:", how, r ? buf_str(&by) : fail_text());
	fflush(stdout);
	fail_clear();
	result_free(r);
}

/* RUNS times with other numbers of vCPUs; and once on each flavour that a mutant named. */
static void try_references(unsigned int runs, struct score *s)
{
	static const unsigned int cpus[] = { 2, 1, 4, 3 };

	for (unsigned int i = 0; i < runs && !proc_interrupted(); i++)
		try_reference(NULL, cpus[i % ARRAY_SIZE(cpus)], s);
	for (size_t i = 0; runs && i < s->flavors.n && !proc_interrupted(); i++)
		try_reference(s->flavors.v[i], 2, s);
}

static int runs_wanted(unsigned int *runs)
{
	const char *text = getenv("RUNS");
	uint64_t n;

	*runs = 1;
	if (!text || !*text)
		return 0;
	if (!parse_u64(text, &n) || n > MAX_RUNS)
		return fail(OUT_USAGE, "RUNS=%s: want a whole number from 0 to %d", text, MAX_RUNS);
	*runs = (unsigned int)n;
	return 0;
}

static int add_folder(const char *folder, struct strv *patches)
{
	_cleanup_free_ char *dir = path_in_root(folder);
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(dir, ".patch", &names))
		return fail(OUT_USAGE, "can't list the mutants in %s", dir);
	for (size_t i = 0; i < names.n; i++)
		strv_addf(patches, "%s/%s", folder, names.v[i]);
	return 0;
}

/* "kvm-api": all of that folder; "kvm-api/endless": this one. */
static int pick(int argc, char **argv, struct strv *patches)
{
	int ret = 0;

	for (int i = 1; !ret && i < argc; i++) {
		_cleanup_free_ char *folder = strf(FOLDER "/%s", argv[i]);
		_cleanup_free_ char *path = path_in_root(folder);

		if (path_exists(path))
			ret = add_folder(folder, patches);
		else
			strv_addf(patches, FOLDER "/%s.patch", argv[i]);
	}
	if (argc < 2)
		ret = add_folder(FOLDER, patches);
	if (!ret && argc < 2)
		ret = add_folder(MUTANTS_OF_MONITOR, patches);
	return ret;
}

/* The one that the runs will take. */
static int lane_wanted(struct lane *l)
{
	struct settings set = { 0 };
	struct kernel_conf kernel = { 0 };
	struct wish w = { 0 };
	int ret = settings_load(&set);

	strv_free(&set.patches); /* the mutants take their place */
	if (!ret)
		ret = kernel_conf_load(set.kernel, &kernel);
	if (!ret)
		ret = wish_find(&set, &kernel, &w);
	if (!ret)
		ret = lane_choose(w.lane, w.by, NULL, l);
	if (!ret)
		setenv("LANE", l->name, 1); /* auto would take another one for a fault of one vendor's half */
	wish_free(&w);
	kernel_conf_free(&kernel);
	settings_free(&set);
	return ret;
}

static int verb_mutants(int argc, char **argv)
{
	_cleanup_strv_ struct strv patches = { 0 };
	struct score s = { 0 };
	unsigned int runs;
	int ret = runs_wanted(&runs);

	if (!ret)
		ret = pick(argc, argv, &patches);
	if (!ret)
		ret = lane_wanted(&s.lane);
	if (!ret)
		printf("lane %s (%s)\n", s.lane.name, s.lane.title);
	for (size_t i = 0; !ret && i < patches.n && !proc_interrupted(); i++)
		ret = try_mutant(patches.v[i], &s);
	if (!ret)
		try_references(runs, &s);
	strv_free(&s.flavors);
	lane_free(&s.lane);
	if (ret)
		return ret;
	if (proc_interrupted())
		return fail(OUT_INTERRUPTED, "interrupted");
	printf("\n");
	if (s.hidden)
		printf("hidden in this lane: %u\n", s.hidden);
	printf("mutants: %u of %u found\nfalse alarms: %u of %u\n", s.found, s.mutants, s.alarms,
	       s.runs);
	return s.found == s.mutants && !s.alarms ? 0 : outcome_exit_code(OUT_FAIL);
}
