// SPDX-License-Identifier: GPL-2.0-only
#include "intake/bases.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"

#define ENDING "-unpatched.conf"

/* A source that is not installed is no error: there are others. */
static int add_base(struct bases *b, const char *file)
{
	_cleanup_free_ char *kernel = xstrndup(file, strlen(file) - strlen(".conf"));
	struct base base = { .name = xstrndup(file, strlen(file) - strlen(ENDING)) };
	struct kernel_conf conf;
	int ret = kernel_conf_load(kernel, &conf);

	if (ret) {
		free(base.name);
		return ret;
	}
	ret = source_resolve(&conf, &base.source);
	kernel_conf_free(&conf);
	if (ret) {
		strv_addf(&b->missing, "base %s is left out: %s", base.name, fail_text());
		source_free(&base.source);
		free(base.name);
		return ret == -OUT_BROKEN ? 0 : ret;
	}
	base.dir = base.source.dir;
	b->v = xrealloc(b->v, b->n + 1, sizeof(*b->v));
	b->v[b->n++] = base;
	return 0;
}

int bases_find(struct bases *b)
{
	_cleanup_free_ char *dir = path_in_root("config/kernels");
	_cleanup_strv_ struct strv names = { 0 };
	int ret = 0;

	*b = (struct bases){ 0 };
	if (dir_list(dir, ENDING, &names))
		return fail(OUT_BROKEN, "can't list the bases in %s", dir);
	for (size_t i = 0; !ret && i < names.n; i++)
		ret = add_base(b, names.v[i]);
	if (!ret && !b->n)
		ret = fail(OUT_BROKEN, "no base can be had: %s", b->missing.n ? b->missing.v[0] : dir);
	return ret;
}

void bases_free(struct bases *b)
{
	for (size_t i = 0; i < b->n; i++) {
		source_free(&b->v[i].source);
		free(b->v[i].name);
	}
	free(b->v);
	strv_free(&b->missing);
	*b = (struct bases){ 0 };
}
