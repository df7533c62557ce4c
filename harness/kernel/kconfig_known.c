// SPDX-License-Identifier: GPL-2.0-only
/* Which options a kernel's Kconfig files define. */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kernel/kconfig.h"
#include "kernel/tree.h"

struct looking {
	const char *tree;
	const struct kconfig *c;
	bool *found; /* per option of c */
};

static int by_name(const void *name, const void *option)
{
	return strcmp(name, ((const struct kconfig_option *)option)->name);
}

/* Of "config KVM", "menuconfig KVM": the option's name behind its prefix; NULL. */
static char *defined_here(char *line)
{
	char *word;

	line += strspn(line, " \t");
	word = strsep(&line, " \t");
	if (!line || (strcmp(word, "config") && strcmp(word, "menuconfig")))
		return NULL;
	line += strspn(line, " \t");
	line[strcspn(line, " \t#")] = '\0';
	return line;
}

static void note(struct looking *l, const char *defined)
{
	_cleanup_free_ char *name = strf("CONFIG_%s", defined);
	const struct kconfig_option *o =
		bsearch(name, l->c->options, l->c->n, sizeof(*o), by_name);

	if (o)
		l->found[o - l->c->options] = true;
}

static int look_into(const char *relative, const struct stat *st, void *ctx)
{
	struct looking *l = ctx;
	const char *slash = strrchr(relative, '/');
	_cleanup_free_ char *path = strf("%s/%s", l->tree, relative);
	_cleanup_buf_ struct buf text = { 0 };
	char *rest;

	if (!S_ISREG(st->st_mode) || !str_starts(slash ? slash + 1 : relative, "Kconfig"))
		return 0;
	if (file_read(path, &text))
		return fail(OUT_BROKEN, "can't read %s: %m", path);
	rest = text.data;
	while (rest) {
		char *defined = defined_here(strsep(&rest, "\n"));

		if (defined)
			note(l, defined);
	}
	return 0;
}

int kconfig_unknown(const struct kconfig *c, const char *const *trees, size_t n,
		    struct strv *unknown)
{
	struct looking l = { .c = c, .found = xcalloc(c->n + 1, sizeof(*l.found)) };
	int ret = 0;

	for (size_t i = 0; !ret && i < n; i++) {
		l.tree = trees[i];
		ret = tree_each(trees[i], look_into, &l);
	}
	for (size_t i = 0; !ret && i < c->n; i++)
		if (!l.found[i])
			strv_add(unknown, c->options[i].name);
	free(l.found);
	return ret;
}
