// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/vendor.h"

#include <stdlib.h>

#include "core/outcome.h"
#include "kernel/patch.h"
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

static void take_patch(struct touched *t, const char *path)
{
	struct patch p;

	if (patch_read(path, &p))
		fail_clear();
	for (size_t i = 0; i < p.n_files; i++) {
		take_path(t, p.files[i].old_path);
		take_path(t, p.files[i].new_path);
	}
	patch_free(&p);
}

void vendor_of_patches(const struct strv *items, struct vendor_side *side)
{
	_cleanup_strv_ struct strv paths = { 0 };
	struct touched t = { 0 };

	*side = (struct vendor_side){ VENDOR_ANY, NULL };
	if (series_list(items, &paths))
		fail_clear();
	for (size_t i = 0; i < paths.n; i++)
		take_patch(&t, paths.v[i]);
	for (enum vendor v = VENDOR_AMD; v <= VENDOR_INTEL; v++)
		if (t.file[v] && !t.file[VENDOR_AMD + VENDOR_INTEL - v]) {
			side->vendor = v;
			side->file = t.file[v];
			t.file[v] = NULL;
		}
	for (size_t v = 0; v < ARRAY_SIZE(vendors); v++)
		free(t.file[v]);
}
