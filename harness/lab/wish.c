// SPDX-License-Identifier: GPL-2.0-only
#include "lab/wish.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "judge/assignment.h"
#include "kernel/series.h"

#define NOBODY "auto"

static void take(struct wish *w, const char *lane, char *by)
{
	str_set(&w->lane, lane);
	free(w->by);
	w->by = by;
}

static int take_patch(const struct patch *p, void *ctx)
{
	const char *slash = p->lane ? strrchr(p->path, '/') : NULL, *name = slash ? slash + 1 : p->path;
	struct wish *w = ctx;

	if (p->lane && w->lane && strcmp(p->lane, w->lane) != 0)
		return fail(OUT_USAGE, "%s wants lane %s, and %s lane %s; LANE= decides", name, p->lane, w->by, w->lane);
	if (p->lane && !w->lane)
		take(w, p->lane, strf("%s (Lane: %s)", name, p->lane));
	return 0;
}

static int take_assignment(const char *name, struct wish *w)
{
	struct assignment *a;
	int ret = assignment_load(name, &a);

	if (ret)
		return ret;
	if (a->lane)
		take(w, a->lane, strf("assignment %s", a->name));
	assignment_free(a);
	return 0;
}

const struct strv *wish_change(const struct settings *set, const struct kernel_conf *k)
{
	return set->patches.n ? &set->patches : &k->role[KERNEL_HOST].patches;
}

int wish_find(const struct settings *set, const struct kernel_conf *k, struct wish *w)
{
	int ret;

	*w = (struct wish){ 0 };
	if (strcmp(set->lane, NOBODY) != 0) {
		take(w, set->lane, strf("LANE=%s", set->lane));
		return 0;
	}
	ret = series_look(wish_change(set, k), take_patch, w);
	if (!ret && !w->lane && k->lane)
		take(w, k->lane, strf("kernel %s", k->name));
	if (!ret && !w->lane && set->assignment && *set->assignment)
		ret = take_assignment(set->assignment, w);
	if (!ret && !w->lane)
		take(w, NOBODY, NULL);
	return ret;
}

void wish_free(struct wish *w)
{
	free(w->lane);
	free(w->by);
	*w = (struct wish){ 0 };
}
