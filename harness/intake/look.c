// SPDX-License-Identifier: GPL-2.0-only
/* Files that are no source by their names: is there a diff in them? */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/locate.h"
#include "intake/parts.h"
#include "intake/shapes.h"
#include "intake/words.h"
#include "kernel/tree.h"

#define NAME_LENGTH 100 /* of a file; longer ones are not kept */

/* A licence names an address, an editor's settings are code of a kind: nobody's work is in them. */
static bool is_bystander(const char *name)
{
	static const char *const begins[] = { "LICENSE", "COPYING", ".git" };
	bool found = strstr(name, ".vscode/") || strstr(name, ".idea/");

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		found |= str_starts(path_last(name), begins[i]);
	return found;
}

void intake_unread(struct taking *t, const char *name, const char *why)
{
	strv_addf(&t->in->notes, "passed over %s: %s", name, why);
	if (t->unread && (!is_bystander(t->unread) || is_bystander(name)))
		return;
	free(t->unread);
	t->unread = strf("%s: %s", name, why);
}

/* ---- a diff ---- */

/* What no base has, and is no source by its name: a program's file beside the tree, say. */
static bool is_strange(const struct taking *t, const char *path)
{
	for (size_t i = 0; i < t->bases->n; i++)
		if (tree_has_file(t->bases->v[i].dir, path, NULL))
			return false;
	return !locate_is_source(path);
}

/*
 * What a build makes no use of says nothing of the work, and does not apply where the rest does; a
 * ".config" in the source's folder even ends the build.
 */
static bool leave_out(struct taking *t, const char *name, const struct part *p)
{
	if (!p->path || (!locate_is_unbuilt(p->path) && !p->binary && !is_strange(t, p->path)))
		return false;
	strv_addf(&t->in->notes, "%s: passed over what it changes in %s: no kernel is built from that", name, p->path);
	return true;
}

bool intake_clean_diff(struct taking *t, const char *name, const char *text, struct buf *out)
{
	struct parts p;
	size_t left = 0, left_out = 0;

	parts_split(text, &p);
	for (size_t i = 0; i < p.n; i++) {
		if (leave_out(t, name, &p.v[i])) {
			left_out++;
			continue;
		}
		part_put(&p.v[i], out);
		left += !!p.v[i].path;
	}
	parts_free(&p);
	return left || !left_out;
}

/*
 * The diff in it as git reads one, in a file of ours; its name stays, for what is said of it. 1; 0:
 * nothing of it is built; or a negative outcome.
 */
static int keep_diff(struct taking *t, const struct handed_file *f, const char *raw)
{
	_cleanup_buf_ struct buf text = { 0 };
	const char *last = path_last(f->name);
	_cleanup_free_ char *dir = strf("%s/diff-%zu", t->scratch, t->diffs.n);
	_cleanup_free_ char *path = strf("%s/%s", dir, strlen(last) > NAME_LENGTH ? "diff" : last);

	if (!intake_clean_diff(t, f->name, raw, &text))
		return 0;
	if (mkdir_p(dir) || file_write(path, buf_str(&text), text.len, 0600))
		return fail(OUT_BROKEN, "can't write %s", path);
	strv_add(&t->diffs, path);
	strv_add(&t->diff_names, f->name);
	return 1;
}

/* "vmx.c" of "work/vmx.c.diff.txt"; the caller owns it. */
static char *name_of_changed(const char *name)
{
	static const char *const ends[] = { ".txt", ".diff", ".patch" };
	char *changed = xstrdup(path_last(name));

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends(changed, ends[i]))
			changed[strlen(changed) - strlen(ends[i])] = '\0';
	return changed;
}

/* As make_unified(), of a diff of another kind. */
static int make_unified_of(struct taking *t, const struct handed_file *f, const char *text)
{
	_cleanup_free_ char *changed = name_of_changed(f->name);
	_cleanup_buf_ struct buf unified = { 0 };
	bool context = shape_is_context(text);

	if (!context && !shape_is_normal(text))
		return 0;
	if (!(context ? shape_from_context(text, &unified)
		      : shape_from_normal(text, changed, &unified))) {
		t->context_diff = true;
		return 0;
	}
	strv_addf(&t->in->notes, "%s: a diff %s, read as a unified one", f->name, context ? "-c" : "without context");
	return keep_diff(t, f, buf_str(&unified));
}

/* 1: there is a diff in it, and it is kept; 0: there is none; or a negative outcome. */
static int make_unified(struct taking *t, const struct handed_file *f, const struct buf *raw)
{
	_cleanup_buf_ struct buf plain = { 0 }, bare = { 0 };
	bool decoded = shape_from_mail(buf_str(raw), &plain);
	const char *text = decoded ? buf_str(&plain) : buf_str(raw);

	if (decoded && (shape_is_unified(text) || shape_is_context(text)))
		strv_addf(&t->in->notes, "%s: the mail's body was decoded", f->name);
	if (shape_is_unified(text))
		return keep_diff(t, f, text);
	if (shape_without_margin(text, &bare)) {
		strv_addf(&t->in->notes, "%s: a diff within a text, read without what stands before each of its lines", f->name);
		return keep_diff(t, f, buf_str(&bare));
	}
	return make_unified_of(t, f, text);
}

/* ---- words ---- */

static bool is_code(const char *text)
{
	return strstr(text, "#include") || (strstr(text, ";\n") && strchr(text, '{'));
}

/* "My work is at https://...": no change, and not nothing either. */
static void note_words(struct taking *t, const char *name, const char *text)
{
	if (words_have_address(text))
		intake_unread(t, name, "it names an address, and nothing is fetched from there");
	else if (shape_is_document(text))
		intake_unread(t, name, "it is a document (PDF, RTF, a page of the web), and no plain text");
	else if (shape_is_encoded(text))
		intake_unread(t, name, "it holds a file that was encoded (uuencode, base64)");
	else if (words_have_seed(text, t->seeds) || words_have_source(text) || strstr(text, "arch/x86/"))
		intake_unread(t, name, "it tells of the work, and there is no diff in it");
	else if (is_code(text))
		intake_unread(t, name, "it is code, and no file of a kernel's source");
	else
		strv_addf(&t->in->notes, "passed over %s: it is no source file, and there is no diff in it", name);
}

/* A base's own document tells nothing, and a diff in it is upstream's. */
static bool is_of_base(const struct taking *t, const struct handed_file *f, const char *text)
{
	for (size_t i = 0; i < t->bases->n; i++) {
		_cleanup_free_ char *path = locate_path(f->name, t->bases->v[i].dir);
		_cleanup_buf_ struct buf there = { 0 };

		if (path)
			intake_base_text(&t->bases->v[i], path, &there);
		if (there.len && !strcmp(buf_str(&there), text))
			return true;
	}
	return false;
}

int intake_look_for_diff(struct taking *t, const struct handed_file *f)
{
	_cleanup_buf_ struct buf text = { 0 };
	int made;

	if (!handed_text(f->path, &text)) {
		intake_unread(t, f->name, "it is no text");
		return 0;
	}
	if (is_of_base(t, f, buf_str(&text)))
		return 0;
	made = shape_is_document(buf_str(&text)) ? 0 : make_unified(t, f, &text);
	if (made < 0)
		return made;
	if (!made && !locate_is_text_of_source(f->name, buf_str(&text)))
		note_words(t, f->name, buf_str(&text));
	return 0;
}

