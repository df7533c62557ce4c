// SPDX-License-Identifier: GPL-2.0-only
#include "intake/repo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "kernel/git.h"
#include "kernel/tree.h"

#define COMMITS_MAX "1000" /* that are looked at from HEAD on */
#define DEADLINE_S 120
/* git looks through 256 MB of a pack at once, and has what it makes of a file in memory. */
#define MEMORY_MAX ((size_t)1 << 30)
#define CONFIG "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tpackedGitWindowSize = 32m\n\tpackedGitLimit = 256m\n"
/* Before those that he set: "*.c -diff" would hide what he did, a filter would be a program. */
#define ATTRIBUTES "* !diff !text !eol !crlf !filter !ident !working-tree-encoding\n"
#define LOG_FORMAT "--format=%H%x09%ae%x09%ce%x09%P%x09%(trailers:key=Signed-off-by,valueonly,separator=%x2C)%x09%D"
#define NAME_LEN 40 /* of a commit, in hex */

static bool is_real_folder(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode);
}

static bool try_dir(const char *dir, struct repo *r)
{
	_cleanup_free_ char *objects = strf("%s/.git/objects", dir), *git = strf("%s/.git", dir);

	if (!is_real_folder(git) || !is_real_folder(objects) || !is_real_folder(dir))
		return false;
	r->dir = xstrdup(dir);
	return true;
}

bool repo_find(const char *path, struct repo *r)
{
	_cleanup_strv_ struct strv names = { 0 };

	*r = (struct repo){ 0 };
	if (!is_real_folder(path))
		return false;
	if (try_dir(path, r))
		return true;
	if (dir_list(path, NULL, &names))
		return false;
	for (size_t i = 0; i < names.n && !r->dir; i++) {
		_cleanup_free_ char *dir = strf("%s/%s", path, names.v[i]);

		try_dir(dir, r);
	}
	return r->dir;
}

void repo_free(struct repo *r)
{
	free(r->dir);
	free(r->git);
	free(r->from);
	free(r->told);
	buf_free(&r->committed);
	buf_free(&r->more);
	*r = (struct repo){ 0 };
}

/* ---- a repository of ours with its objects ---- */

/* A small text of theirs, read through no link. */
static bool read_theirs(const struct repo *r, const char *name, struct buf *out)
{
	_cleanup_free_ char *inside = strf(".git/%s", name), *path = strf("%s/%s", r->dir, inside);

	return tree_has_file(r->dir, inside, NULL) && !file_read(path, out);
}

static bool is_commit_name(const char *hex)
{
	return strspn(hex, "0123456789abcdef") >= NAME_LEN && !hex[NAME_LEN + strspn(hex + NAME_LEN, "\n")];
}

/* "HEX refs/heads/work" in packed-refs; NULL: it is not there. */
static char *packed_ref(const struct repo *r, const char *name)
{
	_cleanup_buf_ struct buf packed = { 0 };
	_cleanup_free_ char *end = strf(" %s\n", name);
	const char *at;

	if (!read_theirs(r, "packed-refs", &packed))
		return NULL;
	at = strstr(buf_str(&packed), end);
	return at && at - buf_str(&packed) >= NAME_LEN ? xstrndup(at - NAME_LEN, NAME_LEN) : NULL;
}

/* The commit of its HEAD; NULL: there is none. */
static char *read_head(const struct repo *r)
{
	_cleanup_buf_ struct buf head = { 0 }, ref = { 0 };
	_cleanup_free_ char *name = NULL, *hex = NULL;

	if (!read_theirs(r, "HEAD", &head))
		return NULL;
	if (!str_starts(buf_str(&head), "ref: refs/"))
		return is_commit_name(buf_str(&head)) ? xstrndup(buf_str(&head), NAME_LEN) : NULL;
	name = xstrdup(buf_str(&head) + strlen("ref: "));
	str_strip(name);
	if (strstr(name, ".."))
		return NULL;
	if (read_theirs(r, name, &ref))
		return is_commit_name(buf_str(&ref)) ? xstrndup(buf_str(&ref), NAME_LEN) : NULL;
	hex = packed_ref(r, name);
	return hex && is_commit_name(hex) ? xstrdup(hex) : NULL;
}

static int put_object(const char *relative, const struct stat *st, void *ctx)
{
	const struct repo *r = ctx;
	_cleanup_free_ char *from = strf("%s/.git/objects/%s", r->dir, relative);
	_cleanup_free_ char *to = strf("%s/objects/%s", r->git, relative), *dir = xstrdup(to);

	/* info/alternates would lead to objects elsewhere. */
	if (!st || !S_ISREG(st->st_mode) || str_starts(relative, "info/"))
		return 0;
	*strrchr(dir, '/') = '\0';
	if (mkdir_p(dir) || symlink(from, to))
		return fail(OUT_BROKEN, "can't make %s", to);
	return 0;
}

static int write_ours(const struct repo *r, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", r->git, name);

	return file_write(path, text, strlen(text), 0600) ? fail(OUT_BROKEN, "can't write %s", path) : 0;
}

/* Tags tell where upstream ends; a shallow clone says so in a file of its own. */
static int copy_text(const struct repo *r, const char *name)
{
	_cleanup_buf_ struct buf text = { 0 };

	return read_theirs(r, name, &text) ? write_ours(r, name, buf_str(&text)) : 0;
}

static int make_ours(struct repo *r, const char *scratch, const char *head)
{
	_cleanup_free_ char *objects = strf("%s/.git/objects", r->dir), *heads = NULL, *info = NULL;
	int ret;

	r->git = strf("%s/git", scratch);
	heads = strf("%s/refs/heads", r->git);
	info = strf("%s/info", r->git);
	if (mkdir_p(heads) || mkdir_p(info))
		return fail(OUT_BROKEN, "can't make %s", heads);
	ret = tree_each_of(objects, put_object, r);
	if (!ret)
		ret = write_ours(r, "config", CONFIG);
	if (!ret)
		ret = write_ours(r, "info/attributes", ATTRIBUTES);
	if (!ret)
		ret = copy_text(r, "packed-refs");
	if (!ret)
		ret = copy_text(r, "shallow");
	if (!ret)
		ret = write_ours(r, "refs/heads/nestlab-work", head);
	return ret ? ret : write_ours(r, "HEAD", "ref: refs/heads/nestlab-work\n");
}

/* ---- his commits ---- */

static int run(const struct repo *r, bool work, const char *const args[], struct buf *out)
{
	_cleanup_free_ char *index = strf("%s/index", r->git);
	const struct limits limits = { .memory = MEMORY_MAX, .processes = 4, .disk = MEMORY_MAX,
				       .folder = r->git };
	const struct git git = { .what = "reading a repository", .dir = r->git, .deadline_s = DEADLINE_S,
				 .work = work ? r->dir : NULL, .index = index, .limits = &limits };

	return git_run(&git, args, out);
}

struct commit {
	char *hex, *author, *committer, *parent, *signers, *refs;
	bool merge;
};

/* "HEX \t AUTHOR \t COMMITTER \t PARENTS \t SIGNERS \t REFS", cut in place. */
static bool parse_commit(char *text, struct commit *l)
{
	l->hex = strsep(&text, "\t");
	l->author = strsep(&text, "\t");
	l->committer = strsep(&text, "\t");
	l->parent = strsep(&text, "\t");
	l->signers = strsep(&text, "\t");
	l->refs = text;
	if (!l->refs)
		return false;
	l->merge = strchr(l->parent, ' ');
	l->parent[strcspn(l->parent, " ")] = '\0';
	return true;
}

/*
 * Upstream's commits are signed off, or merges that no web page made. Who else has another address
 * (of a laptop, of a web page) is the same or a partner, and did a part of the work.
 */
static bool is_upstream(const struct commit *l, const char *author)
{
	bool other = strcmp(author, l->author);

	return strstr(l->refs, "refs/tags/v") ||
	       (other && (*l->signers || (l->merge && strcmp(l->committer, "noreply@github.com"))));
}

/* From HEAD on, up to a tag v*, to a commit of upstream's, or to the first of all. */
static void find_from(struct repo *r, const struct strv *commits)
{
	_cleanup_free_ char *author = NULL;
	size_t n = 0;

	for (size_t i = 0; i < commits->n; i++) {
		struct commit l;

		if (!parse_commit(commits->v[i], &l))
			return;
		if (!author)
			author = xstrdup(l.author);
		str_set(&r->from, l.hex);
		if (is_upstream(&l, author) || !*l.parent)
			break;
		n++;
	}
	if (r->from)
		r->told = strf("took the repository's branch: %zu commits of %s over %.12s", n, author, r->from);
}

static int read_diffs(struct repo *r)
{
	const char *const tree[] = { "diff-tree", "-p", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
				     r->from, "HEAD", NULL };
	static const char *const index[] = { "read-tree", "HEAD", NULL };
	static const char *const more[] = { "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
					    "--ignore-submodules=all", "--diff-filter=AM", "HEAD", NULL };
	int ret = run(r, false, tree, &r->committed);

	if (!ret)
		ret = run(r, false, index, NULL);
	return ret ? ret : run(r, true, more, &r->more);
}

int repo_read(struct repo *r, const char *scratch, char **why)
{
	static const char *const log[] = { "log", "--first-parent", "-n", COMMITS_MAX, "--decorate=full",
					   "--decorate-refs=refs/tags/v*", LOG_FORMAT, "HEAD", NULL };
	_cleanup_free_ char *head = read_head(r);
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_strv_ struct strv commits = { 0 };
	int ret;

	if (!head) {
		*why = strf("its HEAD names no commit");
		return 1;
	}
	ret = make_ours(r, scratch, head);
	if (!ret)
		ret = run(r, false, log, &out);
	strv_split(&commits, buf_str(&out), "\n");
	if (!ret)
		find_from(r, &commits);
	if (!ret && r->from)
		ret = read_diffs(r);
	if (ret == -OUT_INTERRUPTED || (!ret && r->from))
		return ret;
	*why = ret < 0 ? strf("git can't read it: %s", fail_text()) : strf("git can't read it");
	fail_clear();
	return 1;
}

struct branches {
	const struct repo *repo;
	const char *head, *below; /* "refs/heads" */
	char *other;
};

static int look_at_branch(const char *relative, const struct stat *st, void *ctx)
{
	struct branches *b = ctx;
	_cleanup_free_ char *name = strf("%s/%s", b->below, relative);
	_cleanup_buf_ struct buf ref = { 0 };

	if (st && !b->other && read_theirs(b->repo, name, &ref) && is_commit_name(buf_str(&ref)) &&
	    !str_starts(buf_str(&ref), b->head))
		b->other = xstrdup(name);
	return 0;
}

/* "HEX refs/remotes/origin/work", of those that are packed. */
static void look_at_packed(struct branches *b)
{
	_cleanup_buf_ struct buf packed = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	if (!read_theirs(b->repo, "packed-refs", &packed))
		return;
	strv_split(&lines, buf_str(&packed), "\n");
	for (size_t i = 0; !b->other && i < lines.n; i++) {
		const char *name = strchr(lines.v[i], ' ');

		if (name && (str_starts(name, " refs/heads/") || str_starts(name, " refs/remotes/")) &&
		    !str_starts(lines.v[i], b->head))
			b->other = xstrdup(name + 1);
	}
}

char *repo_other_branch(const struct repo *r)
{
	static const char *const folders[] = { "refs/heads", "refs/remotes" };
	_cleanup_free_ char *head = r->dir ? read_head(r) : NULL;
	struct branches b = { .repo = r, .head = head };

	for (size_t i = 0; head && i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = strf("%s/.git/%s", r->dir, folders[i]);

		b.below = folders[i];
		if (is_real_folder(path))
			tree_each_of(path, look_at_branch, &b);
	}
	if (head)
		look_at_packed(&b);
	return b.other;
}

bool repo_show(const struct repo *r, const char *path, struct buf *out)
{
	_cleanup_free_ char *name = strf("%s:%s", r->from, path);
	const char *const args[] = { "cat-file", "blob", name, NULL };

	return !run(r, false, args, out);
}
