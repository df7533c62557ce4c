// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/patch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/outcome.h"
#include "kernel/mail.h"

#define LANE_MAX 64 /* characters */

/* The lines of p->text, one after the other. */
struct reader {
	struct patch *p;
	const char *begin;  /* of the copy that is cut into lines */
	char *next;	    /* where the next line begins */
	unsigned long line; /* number of the current one, from 1 */
	bool git;	    /* inside a "diff --git" header, before its hunks */
};

static int refuse(const struct reader *r, const char *why, const char *what)
{
	return fail(OUT_BUILD_ERROR, "%s:%lu: %s%s%s", r->p->path, r->line, why, *what ? ": " : "",
		    what);
}

/*
 * NULL at the end. The line is cut out in place: the text is copied for git before reading
 * begins.
 */
static char *next_line(struct reader *r)
{
	char *line = r->next, *nl;

	if (!line || !*line)
		return NULL;
	nl = strchr(line, '\n');
	if (nl)
		*nl = '\0';
	r->next = nl ? nl + 1 : NULL;
	r->line++;
	return line;
}

/* ---- names ---- */

const char *patch_name_inside(const char *name)
{
	const char *at = name;

	for (const char *part = name; part; part = strchr(part, '/'), part += !!part)
		if (str_starts(part, "../"))
			at = part + 3;
	while (*at == '/' || str_starts(at, "./"))
		at += *at == '/' ? 1 : 2;
	return at;
}

static const char *bad_part(const char *part, size_t len)
{
	if (!len || (len == 1 && part[0] == '.'))
		return "a file name with an empty part";
	if (len == 2 && !strncmp(part, "..", 2))
		return "a file name that climbs out of the source tree";
	if (len == 4 && !strncasecmp(part, ".git", 4))
		return "a file name in git's own folder";
	return NULL;
}

const char *patch_bad_path(const char *path)
{
	if (*path == '/')
		return "an absolute file name";
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '\\' || *c == 0x7f)
			return "a file name with a control character or backslash";
	if (str_starts(path, PATCH_RESERVED_DIR "/"))
		return "a file name in " PATCH_RESERVED_DIR "/, where the built objects lie";
	for (const char *part = path;; part += strcspn(part, "/") + 1) {
		size_t len = strcspn(part, "/");
		const char *bad = bad_part(part, len);

		if (bad)
			return bad;
		if (!part[len])
			return NULL;
	}
}

/* A name as it stands in a line; what is before its inside is not looked at by anybody. */
static int set_name(struct reader *r, char **field, const char *name)
{
	const char *bad = patch_bad_path(patch_name_inside(name));

	if (bad)
		return refuse(r, bad, name);
	str_set(field, name);
	return 0;
}

/* at: in the copy that is being cut up, which is as long as the text. */
static void note_name(struct reader *r, const char *at, int in)
{
	struct patch *p = r->p;

	p->names = xrealloc(p->names, p->n_names + 1, sizeof(*p->names));
	p->names[p->n_names++] = (struct patch_name){ .at = (size_t)(at - r->begin),
						      .len = strlen(at),
						      .file = p->n_files - 1,
						      .in = in };
}

/*
 * A name as "---" and "+++" lines have it: "a/arch/x86/kvm/x86.c", with a time behind a tab in
 * traditional diffs, or "/dev/null".
 */
static int set_diff_name(struct reader *r, char **field, char *name, int in)
{
	name[strcspn(name, "\t")] = '\0';
	if (*name == '"')
		return refuse(r, "a quoted file name, which no kernel source needs", name);
	if (!strcmp(name, "/dev/null")) {
		str_set(field, NULL);
		return 0;
	}
	note_name(r, name, in);
	return set_name(r, field, name);
}

/* ---- headers ---- */

static struct patch_file *current(struct reader *r)
{
	return r->p->n_files ? &r->p->files[r->p->n_files - 1] : NULL;
}

static struct patch_file *new_file(struct reader *r)
{
	struct patch *p = r->p;

	p->files = xrealloc(p->files, p->n_files + 1, sizeof(*p->files));
	p->files[p->n_files] = (struct patch_file){ .line = r->line };
	return &p->files[p->n_files++];
}

/*
 * "a/P b/P", or "P P": the only place that has the name when the mode alone changes. Names that
 * differ stand in lines of their own.
 */
static int git_header(struct reader *r, char *rest)
{
	struct patch_file *f = new_file(r);
	size_t half = strlen(rest) / 2;
	char *a, *b;
	int ret;

	r->git = true;
	note_name(r, rest, PATCH_NAME_GIT);
	if (*rest == '"')
		return refuse(r, "a quoted file name, which no kernel source needs", rest);
	if (rest[half] != ' ')
		return 0;
	rest[half] = '\0';
	f->whole_names = !strcmp(rest, rest + half + 1);
	a = strchr(rest, '/');
	b = strchr(rest + half + 1, '/');
	if (!f->whole_names && (!a || !b || strcmp(a, b)))
		return 0;
	ret = set_name(r, &f->old_name, rest);
	return ret ? ret : set_name(r, &f->new_name, rest + half + 1);
}

static int check_mode(struct reader *r, const char *mode)
{
	if (str_starts(mode, "120"))
		return refuse(r, "the patch makes or changes a symbolic link, and may not", "");
	if (str_starts(mode, "160"))
		return refuse(r, "the patch makes or changes a submodule, and may not", "");
	return 0;
}

static int index_line(struct reader *r, char *rest)
{
	char *mode = strchr(rest, ' ');

	return mode ? check_mode(r, mode + 1) : 0;
}

static int mode_line(struct reader *r, char *rest)
{
	current(r)->header_acts = true;
	return check_mode(r, rest);
}

static int new_mode(struct reader *r, char *rest)
{
	str_set(&current(r)->old_name, NULL);
	return mode_line(r, rest);
}

static int deleted_mode(struct reader *r, char *rest)
{
	str_set(&current(r)->new_name, NULL);
	return mode_line(r, rest);
}

static int from_name(struct reader *r, char *rest)
{
	struct patch_file *f = current(r);

	f->moved = f->header_acts = true;
	note_name(r, rest, PATCH_NAME_FROM);
	return set_name(r, &f->old_name, rest);
}

static int to_name(struct reader *r, char *rest)
{
	struct patch_file *f = current(r);

	f->moved = f->header_acts = true;
	note_name(r, rest, PATCH_NAME_TO);
	return set_name(r, &f->new_name, rest);
}

static const struct git_line {
	const char *start;
	int (*take)(struct reader *r, char *rest);
} git_lines[] = {
	{ "old mode ", mode_line },	{ "new mode ", mode_line },
	{ "new file mode ", new_mode }, { "deleted file mode ", deleted_mode },
	{ "index ", index_line },	{ "rename from ", from_name },
	{ "rename to ", to_name },	{ "copy from ", from_name },
	{ "copy to ", to_name },
};

static int git_header_line(struct reader *r, char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(git_lines); i++)
		if (str_starts(line, git_lines[i].start))
			return git_lines[i].take(r, line + strlen(git_lines[i].start));
	return 0;
}

/*
 * "--- OLD" and, on the next line, "+++ NEW". A mail's "-- " or "---" has no such successor. What
 * was moved has its names already, and they stand there without a/ and b/.
 */
static int name_lines(struct reader *r, char *line)
{
	struct patch_file *f = r->git ? current(r) : NULL;
	_cleanup_free_ char *old = NULL, *new = NULL;
	int ret;

	if (!r->next || !str_starts(r->next, "+++ "))
		return 0;
	f = f ? f : new_file(r);
	r->git = false;
	ret = set_diff_name(r, f->moved ? &old : &f->old_name, line + 4, PATCH_NAME_OLD);
	if (ret)
		return ret;
	line = next_line(r);
	ret = set_diff_name(r, f->moved ? &new : &f->new_name, line + 4, PATCH_NAME_NEW);
	if (!ret && !f->old_name && !f->new_name)
		ret = refuse(r, "a file that is /dev/null on both sides", "");
	return ret;
}

/* ---- hunks ---- */

static bool parse_range(const char **s, unsigned long *start, unsigned long *count)
{
	char *end;

	*start = strtoul(*s, &end, 10);
	if (end == *s)
		return false;
	*count = 1;
	if (*end == ',') {
		*s = end + 1;
		*count = strtoul(*s, &end, 10);
		if (end == *s)
			return false;
	}
	*s = end;
	return true;
}

static bool parse_hunk_head(const char *line, struct patch_hunk *h, unsigned long *old_lines,
			    unsigned long *new_lines)
{
	const char *s = line + strlen("@@ -");
	unsigned long new_start;

	if (!parse_range(&s, &h->old_start, old_lines) || !str_starts(s, " +"))
		return false;
	s += 2;
	return parse_range(&s, &new_start, new_lines) && str_starts(s, " @@");
}

/* Its lines are counted and not looked into: one may well read like a header. */
static int hunk_body(struct reader *r, unsigned long head, unsigned long old_lines,
		     unsigned long new_lines)
{
	struct patch_file *f = current(r);

	while (old_lines || new_lines) {
		const char *line = next_line(r);
		char c = line && *line ? *line : ' ';

		if (!line || !strchr(" +-\\", c) || (c == '+' && !new_lines) ||
		    (c == '-' && !old_lines) || (c == ' ' && (!old_lines || !new_lines)))
			return fail(
				OUT_BUILD_ERROR,
				"%s:%lu: the hunk that begins in line %lu ends early or is "
				"damaged: its @@ line promises %lu more old and %lu more new lines",
				r->p->path, r->line, head, old_lines, new_lines);
		f->removed += c == '-';
		f->added += c == '+';
		old_lines -= c == ' ' || c == '-';
		new_lines -= c == ' ' || c == '+';
	}
	return 0;
}

static int hunk(struct reader *r, const char *line)
{
	struct patch_file *f = current(r);
	struct patch_hunk h = { .line = r->line };
	unsigned long old_lines, new_lines;

	if (!f || (!f->old_name && !f->new_name))
		return 0; /* some text that begins with "@@ -" */
	if (!parse_hunk_head(line, &h, &old_lines, &new_lines))
		return refuse(r, "a damaged hunk header", line);
	f->hunks = xrealloc(f->hunks, f->n_hunks + 1, sizeof(*f->hunks));
	f->hunks[f->n_hunks++] = h;
	return hunk_body(r, h.line, old_lines, new_lines);
}

/* A word, as names of lanes are: a sentence that begins so is no wish. */
static void message_line(struct patch *p, const char *line)
{
	const char *name;
	size_t n;

	if (p->lane || !str_starts(line, PATCH_LANE))
		return;
	name = line + strlen(PATCH_LANE);
	n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (n && n <= LANE_MAX && !name[n])
		str_set(&p->lane, name);
}

static int take_line(struct reader *r, char *line)
{
	if (!r->p->n_files)
		message_line(r->p, line);
	if (str_starts(line, "diff --git "))
		return git_header(r, line + strlen("diff --git "));
	if (str_starts(line, "--- "))
		return name_lines(r, line);
	if (str_starts(line, "@@ -"))
		return hunk(r, line);
	return r->git ? git_header_line(r, line) : 0;
}

/* ---- the whole ---- */

static bool has_crlf_headers(const char *text)
{
	const char *at = str_starts(text, "+++ ") ? text : strstr(text, "\n+++ ");
	const char *nl = at ? strchr(at + 1, '\n') : NULL;

	return nl && nl[-1] == '\r';
}

/*
 * A patch that went through Windows ends each line with CRLF and then matches no line of the
 * source. Where the header lines have it, it is not the change that wants it.
 */
static void take_text(struct patch *p, const char *text, size_t len)
{
	const char *end = text + len;
	bool crlf = has_crlf_headers(text);

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text);

		buf_add(&p->text, text, crlf && n && text[n - 1] == '\r' ? n - 1 : n);
		if (nl)
			buf_add(&p->text, "\n", 1);
		text += n + 1;
	}
}

/* As far as the diff tells: see struct patch_file. */
static char *likely_path(const struct patch_file *f, const char *name)
{
	const char *inside, *slash;

	if (!name)
		return NULL;
	inside = patch_name_inside(name);
	slash = strchr(inside, '/');
	return xstrdup(f->moved || f->whole_names || !slash ? inside : slash + 1);
}

static int finish_file(struct patch *p, struct patch_file *f)
{
	struct reader at = { .p = p, .line = f->line };
	const char *paths[2], *bad;

	/* A header that named no file at all would be git's to guess. */
	if (!f->old_name && !f->new_name)
		return refuse(&at, "a diff header from which no file name can be read", "");
	if (f->moved && (!f->old_name || !f->new_name))
		return refuse(&at, "a rename or copy that names one side only", "");
	if (f->old_name && f->new_name && !strcmp(f->old_name, f->new_name))
		f->whole_names = true;
	paths[0] = f->old_path = likely_path(f, f->old_name);
	paths[1] = f->new_path = likely_path(f, f->new_name);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		bad = paths[i] ? patch_bad_path(paths[i]) : NULL;
		if (bad)
			return refuse(&at, bad, paths[i]);
	}
	p->added += f->added;
	p->removed += f->removed;
	return 0;
}

int patch_parse(const char *path, const char *text, size_t len, struct patch *p)
{
	_cleanup_free_ char *copy = NULL;
	struct reader r = { .p = p };
	char *line;
	int ret = 0;

	*p = (struct patch){ .path = xstrdup(path) };
	hash_bytes(text, len, p->sha256);
	if (memchr(text, '\0', len))
		return fail(OUT_UNUSABLE, "%s: not a patch: it has NUL bytes in it", path);
	take_text(p, text, len);
	mail_header(buf_str(&p->text), &p->subject, &p->author);
	r.begin = r.next = copy = xstrdup(buf_str(&p->text));
	while (!ret && (line = next_line(&r)))
		ret = take_line(&r, line);
	for (size_t i = 0; !ret && i < p->n_files; i++)
		ret = finish_file(p, &p->files[i]);
	return ret;
}

const char *patch_base_name(const struct patch *p)
{
	return path_last(p->path);
}

bool patch_acts(const struct patch *p)
{
	for (size_t i = 0; i < p->n_files; i++)
		if (p->files[i].header_acts || p->files[i].n_hunks)
			return true;
	return false;
}

void patch_free(struct patch *p)
{
	for (size_t i = 0; i < p->n_files; i++) {
		free(p->files[i].old_name);
		free(p->files[i].new_name);
		free(p->files[i].old_path);
		free(p->files[i].new_path);
		free(p->files[i].hunks);
	}
	free(p->files);
	free(p->names);
	free(p->path);
	free(p->subject);
	free(p->author);
	free(p->lane);
	buf_free(&p->text);
	*p = (struct patch){ 0 };
}
