// SPDX-License-Identifier: GPL-2.0-only
#include "plan/change.h"

#include <stdlib.h>
#include <string.h>

static void hash_change(struct change *c)
{
	struct hash *h = hash_new("change-1");

	for (size_t i = 0; i < c->patches.n; i++) {
		hash_add_str(h, "name", patch_base_name(&c->patches.v[i]));
		hash_add_str(h, "sha256", c->patches.v[i].sha256);
	}
	hash_hex(h, c->hash);
}

static void take_lane(struct change *c, const struct patch *p)
{
	const char *name = patch_base_name(p);

	if (p->strange) {
		strv_addf(&c->patches.notes,
			  "%s: its \"Lane: %s\" is ignored: it is not one of this checkout's own "
			  "patches, and LANE= names a lane",
			  name, p->lane);
		return;
	}
	if (!c->lane) {
		c->lane = xstrdup(p->lane);
		c->lane_by = strf("%s (Lane: %s)", name, p->lane);
	} else if (strcmp(p->lane, c->lane) != 0 && !c->lane_conflict) {
		c->lane_conflict = strf("%s wants lane %s, and %s lane %s; LANE= decides", name,
					p->lane, c->lane_by, c->lane);
	}
}

int change_read(const char *knob, const struct strv *items, struct change *c)
{
	int ret;

	*c = (struct change){ 0 };
	ret = patches_read(knob, items, &c->patches);
	for (size_t i = 0; !ret && i < c->patches.n; i++)
		if (c->patches.v[i].lane)
			take_lane(c, &c->patches.v[i]);
	vendor_of(c->patches.v, c->patches.n, &c->side);
	hash_change(c);
	return ret;
}

void change_free(struct change *c)
{
	patches_free(&c->patches);
	free(c->side.file);
	free(c->lane);
	free(c->lane_by);
	free(c->lane_conflict);
	*c = (struct change){ 0 };
}
