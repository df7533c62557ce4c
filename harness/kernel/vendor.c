// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/vendor.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kernel/patches.h"

/* inside: how the folder reads in a diff that was made in arch/x86/kvm/. */
static const struct {
	const char *name, *folder, *inside;
} vendors[] = {
	[VENDOR_AMD] = { "AMD", "arch/x86/kvm/svm/", "svm/" },
	[VENDOR_INTEL] = { "Intel", "arch/x86/kvm/vmx/", "vmx/" },
};

const char *vendor_name(enum vendor v)
{
	return vendors[v].name;
}

/* The first file of each vendor's side. */
struct touched {
	char *file[ARRAY_SIZE(vendors)];
};

/* From where the folder's name begins: before it may stand anything (names_resolve()). */
static const char *find_folder(const char *path, const char *folder)
{
	const char *at = strstr(path, folder);

	return at && (at == path || at[-1] == '/') ? at : NULL;
}

static void take_path(struct touched *t, const char *path)
{
	for (size_t v = VENDOR_AMD; path && v < ARRAY_SIZE(vendors); v++) {
		const char *at = find_folder(path, vendors[v].folder);

		if (!at && str_starts(path, vendors[v].inside))
			at = path;
		if (at && !t->file[v])
			t->file[v] = xstrdup(at);
	}
}

void vendor_of(const struct patch *patches, size_t n, struct vendor_side *side)
{
	struct touched t = { 0 };

	*side = (struct vendor_side){ VENDOR_ANY, NULL };
	for (size_t i = 0; i < n; i++)
		for (size_t f = 0; f < patches[i].n_files; f++) {
			take_path(&t, patches[i].files[f].old_path);
			take_path(&t, patches[i].files[f].new_path);
		}
	for (enum vendor v = VENDOR_AMD; v <= VENDOR_INTEL; v++)
		if (t.file[v] && !t.file[VENDOR_AMD + VENDOR_INTEL - v]) {
			side->vendor = v;
			side->file = t.file[v];
			t.file[v] = NULL;
		}
	for (size_t v = 0; v < ARRAY_SIZE(vendors); v++)
		free(t.file[v]);
}
