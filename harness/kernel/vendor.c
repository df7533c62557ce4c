// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/vendor.h"

#include <stdlib.h>

#include "kernel/series.h"

static const struct {
	const char *name, *folder;
} vendors[] = {
	[VENDOR_AMD] = { "AMD", "arch/x86/kvm/svm/" },
	[VENDOR_INTEL] = { "Intel", "arch/x86/kvm/vmx/" },
};

const char *vendor_name(enum vendor v)
{
	return vendors[v].name;
}

/* The first file of each vendor's side. */
struct touched {
	char *file[ARRAY_SIZE(vendors)];
};

static void take_path(struct touched *t, const char *path)
{
	for (size_t v = VENDOR_AMD; path && v < ARRAY_SIZE(vendors); v++)
		if (!t->file[v] && str_starts(path, vendors[v].folder))
			t->file[v] = xstrdup(path);
}

static int take_patch(const struct patch *p, void *ctx)
{
	struct touched *t = ctx;

	for (size_t i = 0; i < p->n_files; i++) {
		take_path(t, p->files[i].old_path);
		take_path(t, p->files[i].new_path);
	}
	return 0;
}

void vendor_of_patches(const struct strv *items, struct vendor_side *side)
{
	struct touched t = { 0 };

	*side = (struct vendor_side){ VENDOR_ANY, NULL };
	series_look(items, take_patch, &t);
	for (enum vendor v = VENDOR_AMD; v <= VENDOR_INTEL; v++)
		if (t.file[v] && !t.file[VENDOR_AMD + VENDOR_INTEL - v]) {
			side->vendor = v;
			side->file = t.file[v];
			t.file[v] = NULL;
		}
	for (size_t v = 0; v < ARRAY_SIZE(vendors); v++)
		free(t.file[v]);
}
