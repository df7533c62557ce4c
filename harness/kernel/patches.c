// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/patches.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "kernel/mail.h"

#define FILE_MAX_BYTES (64U << 20)
#define FOLDER_MAX_FILES 4096
#define LIST_MAX_FILES 12 /* of a folder, in a sentence */

#define HOW_TO "make one with `git diff`, `git format-patch` or `diff -u OLD NEW`"

/* One item on its way. */
struct taking {
	const char *knob, *item;
	struct patches *ps;
};

/* file: of a folder; NULL, or the item itself, is not named twice. */
static int unusable(const struct taking *t, const char *file, const char *why)
{
	if (file && str_ends(file, t->item))
		file = NULL;
	return fail(OUT_UNUSABLE, "%s=%s: %s%s%s", t->knob, t->item, file ? file : "",
		    file ? ": " : "", why);
}

/* ---- whose it is ---- */

/* Folders of the checkout whose patches are part of the project, reviewed like its code. */
static const char *const own_folders[] = { "kernel-patches", "testcases" };

static bool is_below(const char *path, const char *dir)
{
	char real[PATH_MAX], real_dir[PATH_MAX];
	size_t n;

	if (!realpath(path, real) || !realpath(dir, real_dir))
		return false;
	n = strlen(real_dir);
	return !strncmp(real, real_dir, n) && (real[n] == '/' || !real[n]);
}

static bool is_own(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_folders); i++) {
		_cleanup_free_ char *dir = path_in_root(own_folders[i]);

		if (is_below(path, dir))
			return true;
	}
	return false;
}

/* ---- bytes that are no patch ---- */

/* What is handed in by mistake, by its first bytes. */
static const struct {
	const char *bytes;
	size_t len;
	const char *why;
} kinds[] = {
#define KIND(bytes, why) { bytes, sizeof(bytes) - 1, why }
	KIND("PK\003\004", "it is a zip archive; unpack it, and name the patch in it"),
	KIND("\037\213", "it is compressed by gzip; unpack it, and name the patch in it"),
	KIND("\3757zXZ", "it is compressed by xz; unpack it, and name the patch in it"),
	KIND("BZh", "it is compressed by bzip2; unpack it, and name the patch in it"),
	KIND("\177ELF", "it is a program or an object file, not the change of a source"),
	KIND("%PDF-", "it is a PDF document; a patch is plain text"),
	KIND("\377\376", "it is text in UTF-16, as PowerShell's > writes it; save it as UTF-8, or "
			 "write it with `git diff --output=FILE`"),
	KIND("\376\377", "it is text in UTF-16; save it as UTF-8"),
	KIND("<!DOCTYPE", "it is a web page; save the patch itself (its address with .patch behind)"),
	KIND("<html", "it is a web page; save the patch itself (its address with .patch behind)"),
	KIND("*** ", "it is a context diff; " HOW_TO),
#undef KIND
};

/* Its first bytes are a name. */
static bool is_tar(const struct buf *b)
{
	static const char magic[] = "ustar";
	static const size_t at = 257;

	return b->len > at + strlen(magic) && !memcmp(b->data + at, magic, strlen(magic));
}

/* Form feeds stand in sources; nothing else of these does. */
static bool has_control_characters(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->data[i];

		if ((c < ' ' && !strchr("\t\n\v\f\r\033", c)) || !c)
			return true;
	}
	return false;
}

static bool is_source(const char *name)
{
	return str_ends(name, ".c") || str_ends(name, ".h") || str_ends(name, ".S");
}

#define WHOLE_FILES \
	"whole source files can't be taken in yet: what is missing is a patch, which says what was " \
	"changed in them; " HOW_TO " against the unpatched source"

/* Why there is no diff in it, in words that help. */
static const char *why_no_diff(const char *path, const struct buf *b)
{
	if (!b->len)
		return "the file is empty";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (b->len >= kinds[i].len && !strncasecmp(b->data, kinds[i].bytes, kinds[i].len))
			return kinds[i].why;
	if (is_tar(b))
		return "it is a tar archive; unpack it, and name the patch in it";
	if (has_control_characters(b))
		return "it is binary, not text; " HOW_TO;
	if (is_source(path))
		return WHOLE_FILES;
	if (strstr(buf_str(b), "\n***************\n*** "))
		return "it is a context diff; " HOW_TO;
	return "it is text, and there is no diff in it; " HOW_TO;
}

/* ---- one file ---- */

static int read_all(int fd, struct buf *b)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (b->len + (size_t)n > FILE_MAX_BYTES)
			return -EFBIG;
		buf_add(b, chunk, (size_t)n);
	}
	return 0;
}

/* No end is awaited of a pipe or a device, and a folder's links are not followed. */
static int read_file(const struct taking *t, const char *path, int flags, struct buf *b)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	struct stat st;
	int err;

	if (fd < 0)
		return fail(OUT_USAGE, "%s=%s: can't read %s: %s", t->knob, t->item, path,
			    strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return unusable(t, NULL, "it is no plain file");
	err = read_all(fd, b);
	if (err == -EFBIG)
		return unusable(t, path, "it is larger than 64 MB, which no patch is");
	return err ? fail(OUT_USAGE, "%s=%s: can't read %s: %s", t->knob, t->item, path,
			  strerror(-err))
		   : 0;
}

static bool is_cover_letter(const char *path)
{
	return str_starts(path_last(path), "0000-");
}

/* One mail, or all of the file. name: of it, for messages. */
static int take_text(const struct taking *t, const char *path, const char *name, const char *text,
		     size_t len)
{
	struct patches *ps = t->ps;
	struct patch p;
	int ret = patch_parse(name, text, len, &p);

	p.strange = !is_own(path);
	if (!ret && p.n_files && !patch_acts(&p))
		ret = unusable(t, path, "its diffs have headers and no changes");
	if (ret || !p.n_files) {
		patch_free(&p);
		return ret;
	}
	ps->v = xrealloc(ps->v, ps->n + 1, sizeof(*ps->v));
	ps->v[ps->n++] = p;
	ps->strange |= p.strange;
	return 0;
}

static int take_mails(const struct taking *t, const char *path, const struct buf *b)
{
	unsigned int count = 0;
	int ret = 0;

	for (size_t at = 0, n; !ret && at < b->len; at += n) {
		_cleanup_free_ char *name = NULL;

		n = mail_length(b->data + at, b->len - at);
		name = n < b->len ? strf("%s (mail %u)", path, ++count) : xstrdup(path);
		ret = take_text(t, path, name, b->data + at, n);
	}
	return ret;
}

static int take_file(const struct taking *t, const char *path, int flags)
{
	_cleanup_buf_ struct buf b = { 0 };
	size_t before = t->ps->n;
	int ret = read_file(t, path, flags, &b);

	if (ret)
		return ret;
	if (b.len && memchr(b.data, '\0', b.len))
		return unusable(t, path, why_no_diff(path, &b));
	ret = take_mails(t, path, &b);
	if (ret || t->ps->n > before)
		return ret;
	if (is_cover_letter(path)) {
		strv_addf(&t->ps->notes, "%s: passed over: a cover letter", path);
		return 0;
	}
	return unusable(t, path, why_no_diff(path, &b));
}

/* ---- a folder ---- */

/* What is in it, as a list for a sentence. */
static void list_names(const struct strv *names, struct buf *out)
{
	for (size_t i = 0; i < names->n && i < LIST_MAX_FILES; i++)
		buf_printf(out, "%s%s", i ? ", " : "", names->v[i]);
	if (names->n > LIST_MAX_FILES)
		buf_printf(out, " and %zu more", names->n - LIST_MAX_FILES);
}

static bool is_named_as_patch(const char *name)
{
	return str_ends(name, ".patch") || str_ends(name, ".diff") || str_ends(name, ".mbox");
}

static int sort_out(const struct taking *t, const char *dir, struct strv *taken, struct strv *rest)
{
	_cleanup_strv_ struct strv names = { 0 };
	int err = dir_list(dir, NULL, &names);

	if (err)
		return fail(OUT_USAGE, "%s=%s: can't read the folder %s: %s", t->knob, t->item, dir,
			    strerror(-err));
	if (names.n > FOLDER_MAX_FILES)
		return fail(OUT_UNUSABLE, "%s=%s: the folder has %zu files; at most %u are read",
			    t->knob, t->item, names.n, FOLDER_MAX_FILES);
	for (size_t i = 0; i < names.n; i++)
		strv_add(is_named_as_patch(names.v[i]) ? taken : rest, names.v[i]);
	return 0;
}

static int no_patch_in(const struct taking *t, const struct strv *rest)
{
	_cleanup_buf_ struct buf list = { 0 };
	bool sources = false;

	for (size_t i = 0; i < rest->n; i++)
		sources |= is_source(rest->v[i]);
	list_names(rest, &list);
	if (!rest->n)
		return unusable(t, NULL, "the folder is empty; " HOW_TO);
	return fail(OUT_UNUSABLE, "%s=%s: the folder has no *.patch, *.diff or *.mbox, but %s; %s",
		    t->knob, t->item, buf_str(&list), sources ? WHOLE_FILES : HOW_TO);
}

static void note_folder(const struct taking *t, const struct strv *taken, const struct strv *rest)
{
	_cleanup_buf_ struct buf took = { 0 }, passed = { 0 };

	list_names(taken, &took);
	list_names(rest, &passed);
	strv_addf(&t->ps->notes, "folder %s: took %s%s%s", t->item, buf_str(&took),
		  rest->n ? "; passed over " : "", buf_str(&passed));
}

/*
 * What a stranger's link points to was not handed in, and a patch that is left out would be judged
 * as if it were in. A series of the checkout may share patches with another one.
 */
static int take_file_of(const struct taking *t, const char *dir, const char *path)
{
	bool shared = is_own(dir) && is_own(path);
	struct stat st;

	if (!shared && !lstat(path, &st) && S_ISLNK(st.st_mode))
		return unusable(t, path, "it is a link; hand in the file that it points to");
	return take_file(t, path, shared ? 0 : O_NOFOLLOW);
}

static int take_folder(const struct taking *t, const char *dir)
{
	_cleanup_strv_ struct strv taken = { 0 }, rest = { 0 };
	size_t before = t->ps->n;
	int ret = sort_out(t, dir, &taken, &rest);

	if (!ret && !taken.n)
		ret = no_patch_in(t, &rest);
	for (size_t i = 0; !ret && i < taken.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", dir, taken.v[i]);

		ret = take_file_of(t, dir, path);
	}
	if (ret)
		return ret;
	note_folder(t, &taken, &rest);
	return t->ps->n > before ? 0 : unusable(t, NULL, "the folder has a cover letter alone");
}

/* ---- all ---- */

static int take_item(const struct taking *t)
{
	_cleanup_free_ char *path = path_in_root(t->item);
	size_t before = t->ps->n;
	struct stat st;
	int ret;

	if (stat(path, &st))
		return fail(OUT_USAGE, "%s=%s: can't find %s: %s", t->knob, t->item, path,
			    strerror(errno));
	if (S_ISDIR(st.st_mode))
		return take_folder(t, path);
	ret = take_file(t, path, 0);
	if (!ret && t->ps->n == before)
		return unusable(t, NULL, "it is a cover letter, and there is no diff in it");
	return ret;
}

int patches_read(const char *knob, const struct strv *items, struct patches *ps)
{
	int ret = 0;

	*ps = (struct patches){ 0 };
	for (size_t i = 0; !ret && i < items->n; i++) {
		struct taking t = { .knob = knob, .item = items->v[i], .ps = ps };

		ret = take_item(&t);
	}
	return ret;
}

void patches_keep_own(struct patches *ps)
{
	size_t n = 0;

	while (n < ps->n && !ps->v[n].strange)
		n++;
	while (ps->n > n)
		patch_free(&ps->v[--ps->n]);
	ps->strange = false;
}

void patches_free(struct patches *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		patch_free(&ps->v[i]);
	free(ps->v);
	strv_free(&ps->notes);
	*ps = (struct patches){ 0 };
}
