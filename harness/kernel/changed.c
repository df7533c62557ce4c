// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/changed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kernel/git.h"
#include "kernel/tree.h"

#define DEADLINE_S 60

bool changed_hunk(const char *line, unsigned long *first, unsigned long *last)
{
	const char *plus = str_starts(line, "@@ -") ? strstr(line, " +") : NULL;
	unsigned long n = 1;
	char *end;

	if (!plus)
		return false;
	*first = strtoul(plus + 2, &end, 10);
	if (*end == ',')
		n = strtoul(end + 1, &end, 10);
	*last = *first + n - 1;
	return n && *first;
}

static void add_hunks(const char *path, char *diff, struct buf *out)
{
	unsigned long first, last;
	char *save = NULL;

	for (char *l = strtok_r(diff, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (changed_hunk(l, &first, &last))
			buf_printf(out, "%s %lu %lu\n", path, first, last);
}

static int add_file(const struct series *s, const char *path, struct buf *out)
{
	_cleanup_free_ char *old = strf("%s/%s", s->pristine, path);
	_cleanup_free_ char *new = strf("%s/%s", s->dir, path);
	bool is_new = !tree_has_file(s->pristine, path, NULL);
	const char *args[] = { "diff",		 "--no-index", "--no-ext-diff",
			       "--no-textconv",	 "--no-color", "--text",
			       "--unified=0",	 is_new ? "/dev/null" : old,
			       new,		 NULL };
	struct git g = { .what = "comparing a patched file", .dir = s->dir, .deadline_s = DEADLINE_S };
	_cleanup_buf_ struct buf diff = { 0 };
	int ret = git_run(&g, args, &diff);

	if (ret < 0)
		return ret;
	if (ret > 1)
		return fail(OUT_BROKEN, "git can't compare %s with %s", old, new);
	buf_puts(&diff, "");
	add_hunks(path, diff.data, out);
	return 0;
}

int changed_lines(const struct series *s, struct buf *out)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->n_files; i++)
		if (!s->files[i].deleted)
			ret = add_file(s, s->files[i].path, out);
	return ret;
}

bool changed_has(const char *text, const char *place)
{
	const char *colon = strrchr(place, ':');
	size_t n = colon ? (size_t)(colon - place) : 0;
	unsigned long line = colon ? strtoul(colon + 1, NULL, 10) : 0, first, last;

	for (const char *l = text; n && l && *l; l = strchr(l, '\n'), l += !!l)
		if (!strncmp(l, place, n) && l[n] == ' ' &&
		    sscanf(l + n, "%lu %lu", &first, &last) == 2 && line >= first && line <= last)
			return true;
	return false;
}
