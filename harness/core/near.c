// SPDX-License-Identifier: GPL-2.0-only
#include "core/near.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/util.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Three rows of the table are enough: a swap looks two rows back. */
static void fill_row(const char *a, const char *b, size_t i, size_t *row[3])
{
	row[0][0] = i;
	for (size_t j = 1; j <= strlen(b); j++) {
		size_t changed = row[1][j - 1] + !same(a[i - 1], b[j - 1]);

		row[0][j] = least(changed, least(row[1][j], row[0][j - 1]) + 1);
		if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
			row[0][j] = least(row[0][j], row[2][j - 2] + 1);
	}
}

size_t near_distance(const char *a, const char *b)
{
	size_t width = strlen(b) + 1;
	_cleanup_free_ size_t *cells = xcalloc(3 * width, sizeof(*cells));
	size_t *row[3] = { cells, cells + width, cells + 2 * width };

	for (size_t j = 0; j < width; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= strlen(a); i++) {
		size_t *last = row[2];

		row[2] = row[1];
		row[1] = row[0];
		row[0] = last;
		fill_row(a, b, i, row);
	}
	return row[0][width - 1];
}

/* "svm" in "tcg-svm": as one of the parts of which a name is made. */
static bool is_part_of(const char *word, const char *name)
{
	size_t n = strlen(word);

	for (const char *at = name; n > 2 && (at = strcasestr(at, word)); at++) {
		bool begins = at == name || !isalnum((unsigned char)at[-1]);

		if (begins && !isalnum((unsigned char)at[n]))
			return true;
	}
	return false;
}

/* The only name with such a part; NULL: there is none, or more of them. */
static const char *name_with_part(const char *word, const char *const *names, size_t n)
{
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!is_part_of(word, names[i]))
			continue;
		if (found)
			return NULL;
		found = names[i];
	}
	return found;
}

/* Of two equally near, the one whose letters were swapped: "6.21" is "6.12", and not "6.1". */
static bool is_nearer(const char *word, const char *a, const char *b)
{
	return strlen(a) == strlen(word) && strlen(b) != strlen(word);
}

const char *near_name(const char *word, const char *const *names, size_t n)
{
	size_t best = 1 + strlen(word) / 3; /* farther off is another word */
	const char *found = name_with_part(word, names, n);

	if (found)
		return found;
	for (size_t i = 0; i < n; i++) {
		size_t d = near_distance(word, names[i]);

		if (d < best || (d == best && (!found || is_nearer(word, names[i], found)))) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

/* More than these nobody reads. */
#define TOLD_NAMES 48

/* shown: how the user wrote it. */
static int fail_as(const char *what, const char *shown, const char *word, const struct strv *names)
{
	const char *near = near_name(word, (const char *const *)names->v, names->n);
	_cleanup_buf_ struct buf all = { 0 };

	for (size_t i = 0; i < names->n && i < TOLD_NAMES; i++)
		buf_printf(&all, " %s", names->v[i]);
	if (names->n > TOLD_NAMES)
		buf_printf(&all, " ... and %zu more", names->n - TOLD_NAMES);
	if (near && names->n > TOLD_NAMES)
		return fail(OUT_USAGE, "%s '%s'; did you mean %s?", what, shown, near);
	if (near)
		return fail(OUT_USAGE, "%s '%s'; did you mean %s? There are:%s", what, shown, near, buf_str(&all));
	return fail(OUT_USAGE, "%s '%s'; there are:%s", what, shown, buf_str(&all));
}

int near_fail(const char *what, const char *word, const struct strv *names)
{
	return fail_as(what, word, word, names);
}

/* It is there, and is something else. */
static int other_kind(const char *what, const char *word, const char *folder)
{
	return fail(OUT_USAGE, "%s '%s': this is a %s; wanted is a name of %s/ or a file NAME.conf%s", what, word,
		    path_is_folder(word) ? "folder" : "file", folder,
		    str_ends(word, ".patch") || str_ends(word, ".diff") ? " (a change is given as PATCH=)" : "");
}

int near_fail_in(const char *what, const char *word, const char *folder, const char *also)
{
	bool is_conf = str_ends(word, ".conf");
	_cleanup_free_ char *name = xstrndup(path_last(word), strlen(path_last(word)) - (is_conf ? strlen(".conf") : 0));
	_cleanup_free_ char *dir = path_in_root(folder);
	_cleanup_strv_ struct strv files = { 0 }, names = { 0 };

	if (strchr(word, '/') && path_exists(word) && !is_conf)
		return other_kind(what, word, folder);
	if (also)
		strv_add(&names, also);
	(void)dir_list(dir, ".conf", &files);
	for (size_t i = 0; i < files.n; i++)
		strv_addf(&names, "%.*s", (int)(strlen(files.v[i]) - strlen(".conf")), files.v[i]);
	return fail_as(what, word, name, &names);
}
