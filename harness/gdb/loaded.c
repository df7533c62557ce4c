// SPDX-License-Identifier: GPL-2.0-only
#include "gdb/loaded.h"

#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "gdb/script.h"
#include "lab/bringup.h"

/* As paths in the kernel's tree. */
static const struct strv *modules_of(const struct plan *plan)
{
	return &kernel_conf_of(&plan->kernel, KERNEL_HOST)->role[KERNEL_HOST].modules;
}

static int take_one(const char *stored, loaded_ask *ask, void *ctx, struct loaded *l)
{
	if (l->n == LOADED_MAX)
		return fail(OUT_BROKEN, "L1 loads more than %d modules", LOADED_MAX);
	l->files[l->n++] = path_last(stored);
	return ask(ctx, stored, &l->modules[l->n - 1]);
}

int loaded_take(const struct plan *plan, const struct kernel_build *b, loaded_ask *ask, void *ctx,
		struct loaded *l)
{
	const struct strv *named = modules_of(plan);
	int ret = 0;

	for (size_t i = 0; !ret && i < b->modules.n && i < named->n; i++) {
		if (!bringup_loads(&plan->lane, b->modules.v[i]))
			continue;
		strv_add(&l->paths, named->v[i]);
		ret = take_one(b->modules.v[i], ask, ctx, l);
	}
	return ret;
}

void loaded_free(struct loaded *l)
{
	for (size_t i = 0; i < l->n; i++)
		running_free(&l->modules[i]);
	strv_free(&l->paths);
}

int loaded_script(const struct loaded *l, const struct debuginfo *d, const char *image,
		  const char *stub, char **path)
{
	const struct script script = {
		.stub = stub, .sources = d->sources, .built_in = DEBUGINFO_SOURCES, .image = image,
		.symbols = d->dir, .modules = l->modules, .files = l->files, .n = l->n,
		.backwards = l->backwards,
	};
	_cleanup_buf_ struct buf b = { 0 };
	int err;

	script_write(&script, &b);
	*path = strf("%s/gdb.commands", path_run());
	err = file_write(*path, buf_str(&b), b.len, 0600);
	return err ? fail(OUT_BROKEN, "can't write %s: %s", *path, strerror(-err)) : 0;
}
