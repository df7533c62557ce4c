// SPDX-License-Identifier: GPL-2.0-only
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "plan/assignment.h"
#include "kernel/vendor.h"

#define NOBODY "auto"

/* ---- the lane, and who names it: the user, then the change, the kernel, the assignment ---- */

struct wish {
	char *lane;
	char *by; /* for people: "LANE=kvm"; NULL: nobody names one */
};

static void wish_for(struct wish *w, const char *lane, char *by)
{
	str_set(&w->lane, lane);
	free(w->by);
	w->by = by;
}

static int wish_of_assignment(const char *name, struct wish *w)
{
	struct assignment *a;
	int ret = assignment_load(name, &a);

	if (ret)
		return ret;
	if (a->lane)
		wish_for(w, a->lane, strf("assignment %s", a->name));
	assignment_free(a);
	return 0;
}

static int find_wish(const struct plan *p, const struct change *judged, struct wish *w)
{
	const struct knobs *k = &p->knobs;
	int ret = 0;

	if (strcmp(k->lane, NOBODY) != 0)
		wish_for(w, k->lane, strf("LANE=%s", k->lane));
	else if (judged->lane_conflict)
		ret = fail(OUT_USAGE, "%s", judged->lane_conflict);
	else if (judged->lane)
		wish_for(w, judged->lane, xstrdup(judged->lane_by));
	else if (p->kernel.lane)
		wish_for(w, p->kernel.lane, strf("kernel %s", p->kernel.name));
	else if (k->assignment)
		ret = wish_of_assignment(k->assignment, w);
	return ret;
}

static int choose_lane(struct plan *p, const struct change *judged)
{
	struct wish w = { 0 };
	int ret = find_wish(p, judged, &w);

	if (!ret)
		ret = lane_choose(w.lane ? w.lane : NOBODY, w.by, &judged->side,
				  p->knobs.own_emulator, &p->lane);
	if (!ret)
		p->blind = lane_blind(&p->lane, &judged->side);
	free(w.lane);
	free(w.by);
	return ret;
}

/* The user's change, or else the kernel's own patches, whose side of KVM and lane count as well. */
static int choose_lane_for_change(struct plan *p)
{
	struct change own = { 0 };
	int ret;

	if (p->host.patches.n)
		return choose_lane(p, &p->host);
	/* What is wrong with those, building them tells. */
	if (change_read("patches", &p->kernel.role[KERNEL_HOST].patches, &own))
		fail_clear();
	ret = choose_lane(p, &own);
	change_free(&own);
	return ret;
}

/* ---- what it is, as hashes ---- */

/* The changes are hashed as they were read. */
static bool is_change(const char *name)
{
	return !strcmp(name, "PATCH") || !strcmp(name, "GUEST_PATCH");
}

/* A file or a folder by its content, wherever it lies; what no link leads to. */
static void hash_content(struct hash *h, const char *label, const char *path)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct stat st;

	if (lstat(path, &st) || S_ISLNK(st.st_mode))
		return;
	if (!S_ISDIR(st.st_mode)) {
		if (hash_add_file(h, label, path))
			fail_clear(); /* who reads it tells */
		return;
	}
	dir_list(path, NULL, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *one = strf("%s/%s", path, names.v[i]);

		hash_add_str(h, "name", names.v[i]);
		hash_content(h, "content", one);
	}
}

/*
 * Of what is named by a path the content counts: a monitor that was handed in anew, an assignment
 * with other numbers, are another question. False: the word itself counts.
 */
static bool hash_named(const struct knobs *k, const char *name, struct hash *h)
{
	const char *path = !strcmp(name, "MONITOR") ? k->monitor : !strcmp(name, "KCONFIG") ? k->kconfig : NULL;
	_cleanup_free_ char *full = path ? path_in_root(path) : NULL;

	if (full)
		hash_content(h, name, full);
	else if (!strcmp(name, "ASSIGNMENT") && k->assignment)
		assignment_hash(k->assignment, h);
	else
		return false;
	return true;
}

static bool shapes_lab(const char *name)
{
	static const char *const asked_of_it[] = { "TESTS", "ASSIGNMENT", "MONITOR", "EFFORT", "SLOWDOWN" };

	for (size_t i = 0; i < ARRAY_SIZE(asked_of_it); i++)
		if (!strcmp(name, asked_of_it[i]))
			return false;
	return true;
}

struct hashing {
	const struct plan *p;
	struct hash *all, *shape;
};

static void hash_knob(void *ctx, const char *name)
{
	struct hashing *h = ctx;
	const struct knobs *k = &h->p->knobs;
	_cleanup_free_ char *text = knobs_text(k, name);

	if (is_change(name))
		return;
	if (!strcmp(name, "LANE"))
		str_set(&text, h->p->lane.name);
	if (!hash_named(k, name, h->all))
		hash_add_str(h->all, name, text);
	if (shapes_lab(name) && !hash_named(k, name, h->shape))
		hash_add_str(h->shape, name, text);
}

static void make_hashes(struct plan *p)
{
	struct hashing h = { p, hash_new("plan-2"), hash_new("plan-shape-2") };

	knobs_each_asked(hash_knob, &h);
	hash_add_str(h.all, "host", p->host.hash);
	hash_add_str(h.all, "guest", p->guest.hash);
	hash_add_str(h.shape, "host", p->host.hash);
	hash_add_str(h.shape, "guest", p->guest.hash);
	hash_hex(h.all, p->hash);
	hash_hex(h.shape, p->shape);
}

/* ---- a suite in place of the lab's own tests ---- */

/* What it does not look at would be passed by it. */
static int check_suite_alone(const struct plan *p)
{
	static const char *const others[] = { "ASSIGNMENT", "MONITOR", "GUEST_PATCH" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_free_ char *text = knobs_text(&p->knobs, others[i]);

		if (*text)
			return fail(OUT_USAGE, "SUITE=%s and %s=: a suite judges the host's KVM alone; leave one of the two out",
				    p->suite->name, others[i]);
	}
	if (p->kernel.guest_flavor.name)
		return fail(OUT_USAGE, "SUITE=%s and GUEST_FLAVOR=: no L2 is booted for a suite; leave one of the two out", p->suite->name);
	return 0;
}

/* The host's kernel is one of its own: the lab's tests need none of what it asks for. */
static void add_fragments(struct plan *p)
{
	struct kernel_role_conf *host = kernel_conf_role(&p->kernel, KERNEL_HOST);

	for (size_t i = 0; i < p->suite->fragments.n; i++)
		strv_add(&host->fragments, p->suite->fragments.v[i]);
}

/* After the lane was chosen. */
static int take_suite(struct plan *p)
{
	int ret;

	if (!p->knobs.suite)
		return p->knobs.against ? fail(OUT_USAGE, "AGAINST=%s: the lab's own tests are compared with no base: give SUITE=, too", p->knobs.against)
					: 0;
	p->suite = xcalloc(1, sizeof(*p->suite));
	ret = suite_load(p->knobs.suite, p->suite);
	if (!ret)
		ret = check_suite_alone(p);
	if (!ret)
		add_fragments(p);
	return ret ? ret : suite_check_lane(p->suite, p->lane.name);
}

/* ---- the whole ---- */

/* A kernel that checks itself is slower, and needs memory to keep books. */
static void derive(struct plan *p)
{
	const struct knobs *k = &p->knobs;

	/* More vCPUs in L2 than in L1 starve each other under emulation: L1 hung with 4 on 2. */
	p->l1_cpus = k->l1_cpus < k->l2_cpus ? k->l2_cpus : k->l1_cpus;
	p->l1_memory = k->l1_memory + p->kernel.flavor.memory;
	p->l2_memory = k->l2_memory + p->kernel.guest_flavor.memory;
	proc_slow_down(k->slowdown); /* what is started for it here is slow as well */
	p->lane.slowdown *= k->slowdown;
	p->lane.slowdown *= p->kernel.flavor.slowdown * p->kernel.guest_flavor.slowdown;
}

static int read_changes(struct plan *p)
{
	int ret = change_read("PATCH", &p->knobs.patch, &p->host);

	if (!ret)
		ret = change_read("GUEST_PATCH", &p->knobs.guest_patch, &p->guest);
	return ret;
}

/* Their place is empty then, and nothing may stand in it. */
static int take_patches_away(struct plan *p)
{
	if (!p->knobs.unpatched)
		return 0;
	if (p->host.patches.n)
		return fail(OUT_USAGE, "UNPATCHED=1 and PATCH=: a change goes on the base's own patches, which are taken away; leave one of the two out, or put it on a base that has none (config/kernels/*-unpatched.conf)");
	strv_free(&p->kernel.role[KERNEL_HOST].patches);
	return 0;
}

/* Over the flavour's. */
static void take_fragment(struct plan *p)
{
	if (p->knobs.kconfig)
		strv_add(&p->kernel.role[KERNEL_HOST].fragments, p->knobs.kconfig);
}

int plan_make(struct knobs *k, struct plan *p)
{
	int ret;

	*p = (struct plan){ .knobs = *k };
	*k = (struct knobs){ 0 };
	ret = kernel_conf_load(p->knobs.kernel, &p->kernel);
	if (!ret)
		ret = kernel_conf_flavor(&p->kernel, p->knobs.kernel_flavor, p->knobs.guest_flavor);
	if (!ret)
		take_fragment(p);
	if (!ret)
		ret = read_changes(p);
	if (!ret)
		ret = take_patches_away(p);
	if (!ret)
		ret = choose_lane_for_change(p);
	if (!ret)
		ret = take_suite(p);
	if (ret)
		return ret;
	kernel_conf_role(&p->kernel, KERNEL_HOST)->change = &p->host.patches;
	kernel_conf_role(&p->kernel, KERNEL_GUEST)->change = &p->guest.patches;
	derive(p);
	make_hashes(p);
	return 0;
}

int plan_with(const struct knobs *k, const struct setting *s, size_t n, struct plan *p)
{
	struct knobs copy;
	int ret = 0;

	knobs_copy(&copy, k);
	for (size_t i = 0; !ret && i < n; i++)
		ret = knobs_set(&copy, s[i].name, s[i].value ? s[i].value : "");
	if (!ret)
		ret = plan_make(&copy, p);
	knobs_free(&copy);
	return ret;
}

void plan_free(struct plan *p)
{
	knobs_free(&p->knobs);
	kernel_conf_free(&p->kernel);
	change_free(&p->host);
	change_free(&p->guest);
	lane_free(&p->lane);
	if (p->suite)
		suite_free(p->suite);
	free(p->suite);
	free(p->blind);
	*p = (struct plan){ 0 };
}

char *plan_upstream(const struct knobs *k)
{
	_cleanup_free_ char *name = strf("%s-unpatched", k->kernel);
	_cleanup_free_ char *relative = strf("config/kernels/%s.conf", name);
	_cleanup_free_ char *path = path_in_root(relative);
	bool chosen = knobs_source(k, "KERNEL") != KNOB_FROM_TABLE;

	return xstrdup(chosen || !path_exists(path) ? k->kernel : name);
}

bool plan_has_change(const struct plan *p)
{
	return p->host.patches.n || p->guest.patches.n || p->knobs.monitor;
}

const char *plan_without_change(const struct plan *p)
{
	if (p->kernel.own)
		return p->kernel.source.tree ? p->kernel.source.tree : p->kernel.source.git;
	return p->knobs.unpatched ? "the unpatched kernel" : "the reference";
}

static void add_names(const struct change *c, struct buf *b)
{
	for (size_t i = 0; i < c->patches.n; i++)
		buf_printf(b, "%s%s", b->len ? ", " : "", patch_base_name(&c->patches.v[i]));
}

char *plan_subject(const struct plan *p)
{
	_cleanup_buf_ struct buf b = { 0 };

	add_names(&p->host, &b);
	add_names(&p->guest, &b);
	if (p->knobs.monitor)
		buf_printf(&b, "%s%s", b.len ? ", " : "", p->knobs.monitor);
	return xstrdup(b.len ? buf_str(&b) : plan_without_change(p));
}
