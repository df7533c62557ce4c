// SPDX-License-Identifier: GPL-2.0-only
#include "verbs/verb.h"

#include <stdlib.h>
#include <string.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/util.h"

extern const struct verb *const __start_nestlab_verbs[];
extern const struct verb *const __stop_nestlab_verbs[];

static int by_order(const void *a, const void *b)
{
	const struct verb *va = *(const struct verb *const *)a;
	const struct verb *vb = *(const struct verb *const *)b;

	return va->order != vb->order ? va->order - vb->order : strcmp(va->name, vb->name);
}

const struct verb *verb_nth(size_t i)
{
	static const struct verb *sorted[64];
	size_t n = (size_t)(__stop_nestlab_verbs - __start_nestlab_verbs);

	if (n > ARRAY_SIZE(sorted))
		abort(); /* the array is to grow */
	if (!sorted[0]) {
		memcpy(sorted, __start_nestlab_verbs, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), by_order);
	}
	return i < n ? sorted[i] : NULL;
}

const struct verb *verb_find(const char *name)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_nth(i)); i++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

int verb_unknown(const char *name)
{
	_cleanup_strv_ struct strv names = { 0 };
	const struct verb *v;

	for (size_t i = 0; (v = verb_nth(i)); i++)
		strv_add(&names, v->name);
	return near_fail("there is no verb", name, &names);
}

bool verb_ends(const struct verb *v, enum outcome o)
{
	static const unsigned int always = VERB_ENDS(OUT_PASS) | VERB_ENDS(OUT_USAGE) |
					   VERB_ENDS(OUT_BROKEN) | VERB_ENDS(OUT_INTERRUPTED);

	return !v->code && ((v->ends | always) & VERB_ENDS(o));
}

int verb_usage(const struct verb *v)
{
	return fail(OUT_USAGE, "usage: nestlab %s %s (`nestlab help %s` tells more)", v->name, v->usage, v->name);
}

int verb_takes_none(const struct verb *v, const char *word)
{
	const char *near = knobs_near(word), *value = strchr(word, '=');

	if (near)
		return fail(OUT_USAGE, "nestlab %s takes no word as '%s': did you mean %s=%s?", v->name, word, near,
			    value ? value + 1 : "...");
	if (path_exists(word))
		return fail(OUT_USAGE, "nestlab %s takes no word as '%s': a change is given as PATCH=%s", v->name, word, word);
	return fail(OUT_USAGE, "nestlab %s takes no word as '%s': settings are given as NAME=VALUE (`nestlab help %s` lists them)",
		    v->name, word, v->name);
}
