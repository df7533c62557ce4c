// SPDX-License-Identifier: GPL-2.0-only
#include "plan/lane.h"

#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/near.h"
#include "plan/probe.h"

static const struct conf_key keys[] = {
	{ "lane", "title", CONF_STR, offsetof(struct lane, title), 0, 0 },
	{ "lane", "needs", CONF_STR, offsetof(struct lane, needs), 0, 0 },
	{ "lane", "machine", CONF_STR, offsetof(struct lane, machine), 0, 0 },
	{ "lane", "virt_type", CONF_STR, offsetof(struct lane, virt_type), 0, 0 },
	{ "lane", "cpu_mode", CONF_STR, offsetof(struct lane, cpu_mode), 0, 0 },
	{ "lane", "modules", CONF_LIST, offsetof(struct lane, modules), 0, 0 },
	{ "lane", "plugin", CONF_STR, offsetof(struct lane, plugin), 0, 0 },
	{ "lane", "spare_cpus", CONF_U32, offsetof(struct lane, spare_cpus), 0, 1 },
	{ "lane", "slowdown", CONF_U32, offsetof(struct lane, slowdown), 1, 100 },
	{ "lane", "retries", CONF_U32, offsetof(struct lane, retries), 0, 10 },
	{ "lane", "without_scripted", CONF_STR, offsetof(struct lane, without_scripted), 0, 0 },
	{ "lane", "races", CONF_STR, offsetof(struct lane, races), 0, 0 },
	{ "lane", "preference", CONF_U32, offsetof(struct lane, preference), 0, 100 },
	{ "built", "spare_cpus", CONF_U32, offsetof(struct lane, built.spare_cpus), 0, 1 },
	{ "built", "slowdown", CONF_U32, offsetof(struct lane, built.slowdown), 1, 100 },
	{ "built", "retries", CONF_U32, offsetof(struct lane, built.retries), 0, 10 },
};

int lane_names(struct strv *names)
{
	_cleanup_free_ char *dir = path_in_root("config/lanes");

	if (dir_list(dir, ".conf", names))
		return fail(OUT_USAGE, "can't list the lanes in %s", dir);
	for (size_t i = 0; i < names->n; i++)
		*strrchr(names->v[i], '.') = '\0';
	return 0;
}

int lane_load(const char *name, struct lane *l)
{
	_cleanup_free_ char *relative = strf("config/lanes/%s.conf", name);
	_cleanup_free_ char *path = path_in_root(relative);

	*l = (struct lane){ .slowdown = 1, .built = { LANE_AS_EVER, LANE_AS_EVER, LANE_AS_EVER } };
	if (strchr(name, '/') || !path_exists(path))
		return near_fail_in("there is no lane", name, "config/lanes", NULL);
	str_set(&l->name, name);
	return conf_load(path, keys, ARRAY_SIZE(keys), l);
}

bool lane_emulates(const struct lane *l)
{
	return !l->virt_type || strcmp(l->virt_type, "kvm") != 0;
}

void lane_free(struct lane *l)
{
	conf_free(keys, ARRAY_SIZE(keys), l);
	str_set(&l->name, NULL);
	str_set(&l->reason, NULL);
	str_set(&l->emulator, NULL);
}

static void take_number(uint32_t *number, uint32_t built)
{
	if (built != LANE_AS_EVER)
		*number = built;
}

void lane_take_built(struct lane *l, char *program)
{
	free(l->emulator);
	l->emulator = program;
	take_number(&l->spare_cpus, l->built.spare_cpus);
	take_number(&l->slowdown, l->built.slowdown);
	take_number(&l->retries, l->built.retries);
}

static bool needs_nested_kvm(struct lane *l, char **why)
{
	struct kvm_probe p;

	kvm_probe(&p);
	*why = xstrdup(p.why);
	l->intel = p.vmx;
	return p.nested;
}

static const struct lane_need nested_kvm = { .name = "nested-kvm", .check = needs_nested_kvm };
LANE_NEED(nested_kvm);

extern const struct lane_need *const __start_nestlab_needs[];
extern const struct lane_need *const __stop_nestlab_needs[];

static const struct lane_need *need_of(const struct lane *l)
{
	for (const struct lane_need *const *n = __start_nestlab_needs; n < __stop_nestlab_needs;
	     n++)
		if (l->needs && !strcmp(l->needs, (*n)->name))
			return *n;
	return NULL;
}

bool lane_usable(struct lane *l, char **why)
{
	const struct lane_need *n = need_of(l);

	if (n)
		return n->check(l, why);
	*why = strf("config/lanes/%s.conf needs '%s', which is not known", l->name,
		    l->needs ? l->needs : "");
	return false;
}

static bool fits(const struct lane *l, const struct vendor_side *side)
{
	return !side || side->vendor == VENDOR_ANY || l->intel == (side->vendor == VENDOR_INTEL);
}

/* First of all the CPU that the change is for, then what is fast. */
static bool is_better(const struct lane *l, const struct lane *best, const struct vendor_side *side)
{
	if (!best->name || fits(l, side) != fits(best, side))
		return !best->name || fits(l, side);
	return l->preference > best->preference;
}

static void take(struct lane *best, struct lane *l, char *reason)
{
	lane_free(best);
	*best = *l;
	best->reason = reason;
	*l = (struct lane){ 0 };
}

static char *why_chosen(const struct lane *l, const struct vendor_side *side, const char *usable)
{
	if (side && side->vendor != VENDOR_ANY && fits(l, side))
		return strf("the change is for %s only (%s): the best lane of this machine with such a CPU",
			    vendor_name(side->vendor), side->file);
	return strf("the best lane of this machine: %s", usable);
}

static int choose_best(const struct vendor_side *side, bool own, struct lane *best)
{
	_cleanup_strv_ struct strv names = { 0 };
	int ret = lane_names(&names);

	*best = (struct lane){ 0 };
	for (size_t i = 0; !ret && i < names.n; i++) {
		struct lane l;
		char *why = NULL;

		ret = lane_load(names.v[i], &l);
		l.systems_emulator = !own;
		if (!ret && lane_usable(&l, &why) && is_better(&l, best, side))
			take(best, &l, why_chosen(&l, side, why));
		free(why);
		lane_free(&l);
	}
	if (!ret && !best->name)
		return fail(OUT_SKIP, "no lane works on this machine; `nestlab doctor` says why");
	return ret;
}

char *lane_blind(const struct lane *l, const struct vendor_side *side)
{
	if (fits(l, side))
		return NULL;
	return strf("the change is instrumented for %s only (it touches %s, and nothing of the other vendor's side), and lane %s has %s CPU: "
		    "LANE=auto picks one that can judge it, where there is one",
		    vendor_name(side->vendor), side->file, l->name, l->intel ? "an Intel" : "an AMD");
}

static int choose(const char *name, const char *by, const struct vendor_side *side, bool own,
		  struct lane *l)
{
	_cleanup_free_ char *why = NULL;
	int ret;

	if (!by)
		return choose_best(side, own, l);
	ret = lane_load(name, l);
	l->systems_emulator = !own;
	if (ret)
		return fail_prefix("%s", by);
	if (!lane_usable(l, &why))
		return fail(OUT_BROKEN, "%s: lane %s can't run on this machine: %s", by, name, why);
	l->reason = strf("asked for by %s", by);
	return 0;
}

static bool provides;

void lanes_provide(void)
{
	provides = true;
}

/* Whether there is something new. */
static bool provide(const struct lane *l)
{
	const struct lane_need *n = need_of(l);

	return provides && n && n->provide && !l->emulator && !l->systems_emulator && !n->provide();
}

int lane_choose(const char *name, const char *by, const struct vendor_side *side, bool own,
		struct lane *l)
{
	int ret = choose(name, by, side, own, l);

	if (ret || !provide(l))
		return ret;
	lane_free(l);
	return choose(name, by, side, own, l);
}
