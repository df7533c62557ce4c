// SPDX-License-Identifier: GPL-2.0-only
#include "intake/handed.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "kernel/tree.h"

#define DEPTH_MAX 2 /* archives in archives */
#define SHOWN_NAME 200 /* bytes of a name that are told */
#define ZIP_NAME 30 /* where the first entry's name begins */
#define WIDE_BYTES 32 /* that tell UTF-16 from other bytes */

static int look(struct handed *h, const char *name, const char *path, unsigned int depth);

/* By its first bytes: what people call it is theirs. */
static bool is_archive(const char *path)
{
	static const struct {
		size_t at, len;
		const char *bytes;
	} marks[] = {
		{ 0, 4, "PK\003\004" },	     { 0, 2, "\037\213" }, { 0, 6, "\3757zXZ\0" },
		{ 0, 3, "BZh" },	     { 0, 4, "(\265/\375" },
		{ 0, 6, "7z\274\257\047\034" }, { 257, 5, "ustar" },
		{ 0, 6, "Rar!\032\007" },
	};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char head[512] = { 0 };

	if (fd < 0 || read(fd, head, sizeof(head)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (!memcmp(head + marks[i].at, marks[i].bytes, marks[i].len))
			return true;
	return false;
}

/* What a course's system and a Mac put beside the work. */
static bool is_litter(const char *name)
{
	static const char *const names[] = { ".DS_Store", "Thumbs.db", "desktop.ini" };
	bool litter = false;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		litter |= !strcmp(path_last(name), names[i]);
	return litter || strstr(name, "__MACOSX/") || str_starts(path_last(name), "._") || str_starts(name, ".git/") ||
	       strstr(name, "/.git/");
}

static int add(struct handed *h, const char *name, const char *path)
{
	if (h->n == HANDED_MAX_FILES) {
		if (!h->bomb)
			h->bomb = strf("it has more than %u files", HANDED_MAX_FILES);
		return 0;
	}
	h->v = xrealloc(h->v, h->n + 1, sizeof(*h->v));
	h->v[h->n++] = (struct handed_file){ xstrdup(name), xstrdup(path) };
	return 0;
}

static void pass_over(struct handed *h, const char *name, const char *why)
{
	strv_addf(&h->notes, "passed over %.*s: %s", SHOWN_NAME, name, why);
	if (!h->unread)
		h->unread = strf("%.*s: %s", SHOWN_NAME, name, why);
}

static void too_large(struct handed *h, const char *name)
{
	_cleanup_free_ char *why = strf("it is larger than %u MB", HANDED_MAX_FILE >> 20);

	pass_over(h, name, why);
}

/* A zip of XML, in which nobody finds a diff; a damaged one is no damage to what lies beside. */
static bool is_document(const char *name, const char *path)
{
	static const char *const endings[] = { ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".pages" };
	static const char *const first[] = { "[Content_Types].xml", "mimetype" };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char head[64] = { 0 };
	bool document = false;

	if (fd < 0 || read(fd, head, sizeof(head) - 1) < ZIP_NAME || memcmp(head, "PK\3\4", 4))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		document |= strcasestr(name, endings[i]) != NULL;
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		document |= !memcmp(head + ZIP_NAME, first[i], strlen(first[i]));
	return document;
}

/* The caller owns it. NULL: it has none that can be read. Some programs of Windows put "arch\\x86" in. */
static char *name_inside(struct archive_entry *e)
{
	const char *plain = archive_entry_pathname(e);
	char *name = plain ? xstrdup(plain) : NULL;

	for (char *c = name; c && *c; c++)
		*c = *c == '\\' ? '/' : *c;
	return name;
}

/* "cpuid.patch" of "cpuid.patch.gz", whose one entry has no name. */
static char *name_of(const char *name, struct archive *a, struct archive_entry *e)
{
	const char *dot = strrchr(path_last(name), '.');

	if (archive_format(a) != ARCHIVE_FORMAT_RAW)
		return name_inside(e);
	return dot ? xstrndup(name, (size_t)(dot - name)) : xstrdup(name);
}

/* ---- archives: an entry's bytes go into a file that we name ---- */

static int save_entry(struct handed *h, struct archive *a, const char *path)
{
	_cleanup_buf_ struct buf b = { 0 };
	char chunk[65536];
	la_ssize_t n;

	while ((n = archive_read_data(a, chunk, sizeof(chunk))) > 0) {
		h->bytes += (size_t)n;
		if (b.len + (size_t)n > HANDED_MAX_FILE || h->bytes > h->room)
			return -EFBIG;
		buf_add(&b, chunk, (size_t)n);
	}
	return n < 0 ? -EIO : file_write(path, buf_str(&b), b.len, 0600);
}

static int take_entry(struct handed *h, const char *name, struct archive *a,
		      struct archive_entry *e, unsigned int depth)
{
	_cleanup_free_ char *inside = name_of(name, a, e);
	_cleanup_free_ char *path = strf("%s/%zu", h->scratch, ++h->unpacked);
	int err;

	if (!inside)
		pass_over(h, name, "an entry of it has a name that can't be read");
	if (archive_entry_filetype(e) == AE_IFDIR || !inside || is_litter(inside))
		return 0;
	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e)) {
		pass_over(h, inside, "it is a link or a device");
		return 0;
	}
	if (inside[0] == '/' || str_starts(inside, "../") || strstr(inside, "/../")) {
		pass_over(h, inside, "its name leads out of the archive");
		return 0;
	}
	err = save_entry(h, a, path);
	if (err == -EFBIG && h->bytes > h->room)
		h->bomb = strf("it unpacks to more than %zu MB", h->room >> 20);
	else if (err == -EFBIG)
		too_large(h, inside);
	else if (err == -EIO)
		h->bomb = strf("its entry %s is damaged: %s", inside, archive_error_string(a));
	else if (err)
		return fail(OUT_BROKEN, "can't write %s: %s", path, strerror(-err));
	return err ? 0 : look(h, inside, path, depth + 1);
}

/* What is left of an entry: to pass it over takes as long as to read it. */
static void read_past(struct handed *h, struct archive *a)
{
	const void *block;
	size_t n = 0;
	la_int64_t at;

	while (!h->bomb && archive_read_data_block(a, &block, &n, &at) == ARCHIVE_OK) {
		h->passed += n;
		if (h->passed > HANDED_MAX_PASSED)
			h->bomb = strf("it unpacks to more than %zu MB", HANDED_MAX_PASSED >> 20);
	}
}

/* No filter that starts a program of this machine, as that of lrzip does. */
static struct archive *open_archive(const char *path)
{
	struct archive *a = archive_read_new();

	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	archive_read_support_format_zip(a);
	archive_read_support_format_7zip(a);
	archive_read_support_format_rar(a);
	archive_read_support_format_rar5(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_filename(a, path, 65536) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

/* A kernel's whole source is 1.5 GB, a tenth of it packed; what is a bomb has a thousandth. */
static void make_room(struct handed *h, const char *path)
{
	struct stat st;
	size_t size = lstat(path, &st) ? 0 : (size_t)st.st_size;

	h->room += size < HANDED_MAX_TREE / HANDED_RATIO ? size * HANDED_RATIO : HANDED_MAX_TREE;
}

static int unpack(struct handed *h, const char *name, const char *path, unsigned int depth)
{
	struct archive *a = open_archive(path);
	struct archive_entry *e;
	size_t before = h->unpacked;
	int ret = 0, got = ARCHIVE_OK;

	if (!depth)
		make_room(h, path);

	while (a && !ret && !h->bomb &&
	       (got = archive_read_next_header(a, &e)) >= ARCHIVE_WARN && got != ARCHIVE_EOF) {
		if (h->unpacked >= HANDED_MAX_FILES)
			h->bomb = strf("it has more than %u files", HANDED_MAX_FILES);
		else
			ret = take_entry(h, name, a, e, depth);
		read_past(h, a);
	}
	if (got == ARCHIVE_EOF && h->unpacked == before)
		pass_over(h, name, "it is an archive, and no file of it was found");
	if (!ret && !h->bomb && (!a || got < ARCHIVE_WARN))
		h->bomb = strf("the archive %s can't be read: %s", name, a ? archive_error_string(a) : "no format that is known");
	if (a)
		archive_read_free(a);
	return ret;
}

/* ---- files ---- */

static int look(struct handed *h, const char *name, const char *path, unsigned int depth)
{
	struct stat st;

	if (is_litter(name) || h->bomb)
		return 0;
	if (lstat(path, &st) || !S_ISREG(st.st_mode)) {
		pass_over(h, name, "it is no plain file");
		return 0;
	}
	if (is_document(name, path)) {
		pass_over(h, name, "it is an office's document, and no plain text");
		return 0;
	}
	if (depth < DEPTH_MAX && is_archive(path))
		return unpack(h, name, path, depth);
	if (st.st_size > HANDED_MAX_FILE) {
		too_large(h, name);
		return 0;
	}
	return add(h, name, path);
}

struct folder {
	struct handed *h;
	const char *root;
};

static int visit(const char *relative, const struct stat *st, void *ctx)
{
	const struct folder *f = ctx;
	_cleanup_free_ char *path = strf("%s/%s", f->root, relative);

	if (st)
		return look(f->h, relative, path, 0);
	pass_over(f->h, relative, "it can't be read");
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct handed_file *)a)->name, ((const struct handed_file *)b)->name);
}

int handed_list(const char *path, const char *scratch, struct handed *h)
{
	struct folder f = { h, path };
	locale_t ours, before;
	struct stat st;
	int ret;

	*h = (struct handed){ .scratch = scratch, .room = HANDED_MAX_BYTES };
	if (lstat(path, &st))
		return fail(OUT_USAGE, "can't find the submission %s: %s", path, strerror(errno));
	/* In the plain locale libarchive has no name for an entry "Müller/cpuid.c". */
	ours = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	before = uselocale(ours);
	ret = S_ISDIR(st.st_mode) ? tree_each_of(path, visit, &f)
				  : look(h, path_last(path), path, 0);
	uselocale(before);
	if (ours)
		freelocale(ours);
	if (h->n)
		qsort(h->v, h->n, sizeof(*h->v), by_name);
	return ret;
}

void handed_free(struct handed *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].name);
		free(h->v[i].path);
	}
	free(h->v);
	free(h->bomb);
	free(h->unread);
	strv_free(&h->notes);
	*h = (struct handed){ 0 };
}

static void put_utf8(struct buf *out, unsigned int c)
{
	char b[4] = { (char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
		      (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63)) };
	size_t skip = c < 0x80 ? 3 : c < 0x800 ? 2 : c < 0x10000 ? 1 : 0;

	if (skip)
		b[skip] = (char)(skip == 3 ? c : skip == 2 ? 0xc0 | c >> 6 : 0xe0 | c >> 12);
	buf_add(out, b + skip, 4 - skip);
}

/* PowerShell and Notepad write texts so. A half of a pair that stands alone is passed on. */
static void from_utf16(struct buf *text, size_t begin, bool big)
{
	const unsigned char *in = (const unsigned char *)text->data;
	struct buf out = { 0 };
	unsigned int high = 0;

	for (size_t i = begin; i + 1 < text->len; i += 2) {
		unsigned int c = (unsigned int)in[i + !big] << 8 | in[i + big];

		if (c >= 0xd800 && c < 0xdc00)
			high = c;
		else if (high && c >= 0xdc00 && c < 0xe000)
			put_utf8(&out, 0x10000 + ((high & 0x3ff) << 10) + (c & 0x3ff));
		else
			put_utf8(&out, c);
	}
	buf_free(text);
	*text = out;
}

/* UTF-16 without a mark: each second byte of what it begins with is 0, and no other one is. */
static bool is_wide(const struct buf *text, size_t zero)
{
	if (text->len < WIDE_BYTES)
		return false;
	for (size_t i = 0; i < WIDE_BYTES; i++)
		if (!text->data[i] != (i % 2 == zero))
			return false;
	return true;
}

/* By the mark that a text of another coding begins with, or by its zeros. */
static void to_utf8(struct buf *text)
{
	if (text->len >= 2 && !memcmp(text->data, "\377\376", 2))
		from_utf16(text, 2, false);
	else if (text->len >= 2 && !memcmp(text->data, "\376\377", 2))
		from_utf16(text, 2, true);
	else if (is_wide(text, 1))
		from_utf16(text, 0, false);
	else if (is_wide(text, 0))
		from_utf16(text, 0, true);
	else if (text->len >= 3 && !memcmp(text->data, "\357\273\277", 3))
		buf_drop(text, 3);
}

/* "ESC [ 3 1 m" and its like, of a diff in colours: its length, 0: none begins here. */
static size_t colour_length(const char *at)
{
	size_t n = 2;

	if (at[0] != '\033' || at[1] != '[')
		return 0;
	n += strspn(at + n, "0123456789;?");
	return at[n] >= '@' && at[n] <= '~' ? n + 1 : 0;
}

/* What the bytes at `at` are in a plain text: *c (0: nothing), and how many they are. */
static size_t take_char(const char *at, bool old_mac, char *c)
{
	size_t colour = colour_length(at);

	*c = '\0';
	if (colour)
		return colour;
	if (*at == '\r' && at[1] == '\n')
		return 1;
	*c = *at == '\r' && old_mac ? '\n' : *at;
	if (strncmp(at, "\302\240", 2))
		return 1;
	*c = ' '; /* one of a web page, which is none to a compiler */
	return 2;
}

bool handed_text(const char *path, struct buf *out)
{
	struct stat st;
	bool old_mac;
	size_t to = 0;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_size > HANDED_MAX_FILE)
		return false;
	if (file_read(path, out))
		return false;
	to_utf8(out);
	if (memchr(buf_str(out), '\0', out->len))
		return false;
	/* Lines that end as they did on a Mac once. */
	old_mac = !memchr(buf_str(out), '\n', out->len);
	for (size_t i = 0; i < out->len;) {
		char c;

		i += take_char(out->data + i, old_mac, &c);
		if (c)
			out->data[to++] = c;
	}
	out->len = to;
	if (to && out->data[to - 1] != '\n')
		buf_puts(out, "\n");
	else if (to)
		out->data[to] = '\0';
	return true;
}
