// SPDX-License-Identifier: GPL-2.0-only
#include "plan/change.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"

static void refuse_wish(struct change *c, const struct patch *p)
{
	strv_addf(&c->patches.notes, "%s: its \"" PATCH_LANE "%s\" is not heard, as it is not a patch of this checkout; LANE=%s chooses it",
		  patch_base_name(p), p->lane, p->lane);
}

static int hear_wish(struct change *c, const struct patch *p)
{
	if (c->lane && strcmp(c->lane, p->lane) != 0)
		return fail(OUT_USAGE, "%s wants lane %s, and %s lane %s; LANE= decides", patch_base_name(p), p->lane, c->lane_by,
			    c->lane);
	str_set(&c->lane, p->lane);
	str_set(&c->lane_by, patch_base_name(p));
	return 0;
}

static int hear_wishes(struct change *c)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < c->patches.n; i++) {
		const struct patch *p = &c->patches.v[i];

		if (p->lane && p->strange)
			refuse_wish(c, p);
		else if (p->lane)
			ret = hear_wish(c, p);
	}
	return ret;
}

static void make_hash(struct change *c)
{
	struct hash *h = hash_new("change-1");

	for (size_t i = 0; i < c->patches.n; i++)
		hash_add_str(h, "patch", c->patches.v[i].sha256);
	hash_hex(h, c->hash);
	if (!c->patches.n)
		c->hash[0] = '\0';
}

int change_read(const char *knob, const struct strv *items, struct change *c)
{
	int ret;

	*c = (struct change){ 0 };
	ret = patches_read(knob, items, &c->patches);
	if (ret)
		return ret;
	vendor_of(c->patches.v, c->patches.n, &c->side);
	make_hash(c);
	return hear_wishes(c);
}

void change_free(struct change *c)
{
	patches_free(&c->patches);
	free(c->side.file);
	free(c->lane);
	free(c->lane_by);
	*c = (struct change){ 0 };
}
