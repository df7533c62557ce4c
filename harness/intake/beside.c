// SPDX-License-Identifier: GPL-2.0-only
/*
 * A diff with whole files beside it: does one of these go on with what the diff brings in? Then the
 * diff has a part of the change only (of one file, say, shown in a README).
 */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"
#include "intake/locate.h"
#include "intake/words.h"

static bool is_in_patch(const struct intake *in, const char *path)
{
	_cleanup_free_ char *line = strf("\n+++ b/%s\n", path);

	return strstr(buf_str(&in->patch), line);
}

/* Of all lines that the patch puts in. */
void intake_words_put_in(const char *patch, struct wordset *s)
{
	for (const char *at = patch; (at = strstr(at, "\n+")); at++) {
		_cleanup_free_ char *line = xstrndup(at + 2, strcspn(at + 2, "\n"));

		if (!str_starts(line, "++ b/"))
			wordset_add_text(s, line);
	}
}

static void add_of_bases(const struct taking *t, const char *path, struct wordset *s)
{
	for (size_t i = 0; i < t->bases->n; i++) {
		_cleanup_buf_ struct buf text = { 0 };

		intake_base_text(&t->bases->v[i], path, &text);
		wordset_add_text(s, buf_str(&text));
	}
}

/* What no base has, neither here nor in the files of the patch. */
static void add_touched(const struct taking *t, struct wordset *s)
{
	for (const char *at = buf_str(&t->in->patch); (at = strstr(at, "\n+++ b/")); at++) {
		const char *path = at + strlen("\n+++ b/");
		_cleanup_free_ char *plain = xstrndup(path, strcspn(path, "\n"));

		add_of_bases(t, plain, s);
	}
}

static bool goes_on(const struct taking *t, const char *path, const char *text,
		    const struct wordset *put_in)
{
	struct wordset known = { 0 };
	bool found = false;

	add_touched(t, &known);
	add_of_bases(t, path, &known);
	for (size_t n; !found && (n = word_next(&text)); text += n) {
		uint64_t key = word_key(text, n);

		found = wordset_has(put_in, key) && !wordset_has(&known, key);
	}
	wordset_free(&known);
	return found;
}

static bool looks_on(const struct taking *t, const struct handed_file *f,
		     const struct wordset *put_in)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *path = NULL;

	if (!locate_is_source(f->name) || locate_is_reject(f->name) ||
	    strv_has(&t->diff_names, f->name) || !handed_text(f->path, &text))
		return false;
	path = intake_locate(t->bases, f->name, buf_str(&text));
	return path && !is_in_patch(t->in, path) && goes_on(t, path, buf_str(&text), put_in);
}

const char *intake_find_beside(const struct taking *t)
{
	struct wordset put_in = { 0 };
	const char *found = NULL;

	intake_words_put_in(buf_str(&t->in->patch), &put_in);
	for (size_t i = 0; !found && t->handed.n <= INTAKE_TREE_FILES && i < t->handed.n; i++)
		if (looks_on(t, &t->handed.v[i], &put_in))
			found = t->handed.v[i].name;
	wordset_free(&put_in);
	return found;
}
