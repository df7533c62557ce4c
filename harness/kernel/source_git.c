// SPDX-License-Identifier: GPL-2.0-only
/* Sources under git: the user's own tree as it stands, and a ref fetched from a URL. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/lock.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "kernel/git.h"
#include "kernel/source.h"

#define FETCH_DEADLINE_S 1200
#define INDEX_DEADLINE_S 300
#define MAX_CHANGED 500 /* more than that, and a snapshot of its own is cheaper */

/* A repository as this file works with it. Its strings are owned. */
struct repo {
	char *dir;	/* the user's tree, or the mirror in the cache */
	char *index;	/* a private index file in the cache */
	char *objects;	/* in the cache, for what hashing files makes; NULL: the mirror's */
	char *borrowed; /* the user's own objects */
};

static void repo_free(struct repo *r)
{
	if (r->index)
		unlink(r->index);
	free(r->dir);
	free(r->index);
	free(r->objects);
	free(r->borrowed);
}
#define _cleanup_repo_ __attribute__((cleanup(repo_free)))

static struct git git_of(const struct repo *r, const char *what)
{
	return (struct git){ .what = what,
			     .dir = r->dir,
			     .index = r->index,
			     .objects = r->objects,
			     .borrowed = r->borrowed,
			     .deadline_s = INDEX_DEADLINE_S };
}

/* One line of output, without its newline; NULL when git failed or said nothing. */
static char *git_line(const struct repo *r, const char *const args[])
{
	struct git g = git_of(r, "asking git");
	_cleanup_buf_ struct buf out = { 0 };

	if (git_run(&g, args, &out) || !out.len)
		return NULL;
	return xstrdup(str_strip(out.data));
}

static int open_cache(struct repo *r)
{
	_cleanup_free_ char *dir = path_in_cache("git/objects");
	_cleanup_free_ char *git = path_in_cache("git");

	if (mkdir_p(dir))
		return fail(OUT_BROKEN, "can't make the cache folder %s: %m", dir);
	cache_sweep(git);
	r->index = cache_temp(git, "index");
	return 0;
}

/* ---- the hash of the wanted files ---- */

static char *user_index(const struct repo *r)
{
	const char *where[] = { "rev-parse", "--path-format=absolute", "--git-path", "index",
				NULL };
	/* with a private index git would name that one */
	const struct repo plain = { .dir = r->dir };

	return git_line(&plain, where);
}

static int hash_user_tree(struct repo *r, char *tree)
{
	const char *add[] = { "add", "--all", "--", ".", NULL };
	const char *write[] = { "write-tree", NULL };
	struct git g = git_of(r, "reading the kernel tree by git");
	_cleanup_free_ char *index = user_index(r);
	_cleanup_free_ char *id = NULL;
	int ret;

	/*
	 * With the user's index as a start git reads only files that changed since; without, all
	 * 80,000, and not those that .gitignore names and the user added all the same: Debian's
	 * kernel source ignores all of itself.
	 */
	if (index && path_exists(index) && file_copy(index, r->index, 0600))
		return fail(OUT_BROKEN, "can't copy %s to %s: %m", index, r->index);
	ret = git_check(&g, add);
	if (ret)
		return ret;
	id = git_line(r, write);
	if (!id || strlen(id) > HASH_HEX_LEN)
		return fail(OUT_BROKEN, "git can't hash the files of %s", r->dir);
	strcpy(tree, id);
	return 0;
}

static int open_user_repo(const struct kernel_conf *k, struct repo *r)
{
	const char *where[] = { "rev-parse", "--path-format=absolute", "--git-path", "objects",
				NULL };

	r->dir = path_in_root(k->source.tree);
	r->borrowed = git_line(r, where);
	if (!r->borrowed)
		return fail(OUT_USAGE, "%s: tree = %s: git can't read it", k->path, r->dir);
	r->objects = path_in_cache("git/objects");
	return open_cache(r);
}

/* ---- a pristine tree near the wanted one ---- */

static char *base_file(const char *lineage)
{
	struct hash *h = hash_new("kernel-lineage-1");
	char hex[HASH_HEX_LEN + 1];

	hash_add_str(h, "lineage", lineage);
	hash_hex(h, hex);
	return path_in_cache("git/%.12s.base", hex);
}

static void tree_key(const char *tree, char *key)
{
	struct hash *h = hash_new("kernel-source-1");

	hash_add_str(h, "git-tree", tree);
	hash_hex(h, key);
}

/*
 * Lines of `git diff-tree -r -z`: ":MODE MODE ID ID STATUS\0PATH\0". False when a step is too
 * large, or has a symbolic link or submodule in it.
 */
static bool parse_diff(const struct buf *b, struct strv *changed)
{
	const char *p = buf_str(b), *end = p + b->len;

	while (p < end) {
		const char *path = p + strlen(p) + 1;

		if (*p != ':' || path >= end || changed->n == MAX_CHANGED)
			return false;
		if (strstr(p, "120000") || strstr(p, "160000"))
			return false;
		strv_add(changed, path);
		p = path + strlen(path) + 1;
	}
	return true;
}

static bool near_base(const struct repo *r, const char *base, struct source *s)
{
	const char *diff[] = { "diff-tree", "-r", "-z", "--no-renames", base, s->git_tree, NULL };
	struct git g = git_of(r, "comparing kernel trees by git");
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *dir = NULL;
	char key[HASH_HEX_LEN + 1];

	tree_key(base, key);
	dir = path_in_cache("src/%.12s", key);
	if (!path_exists(dir) || git_run(&g, diff, &out))
		return false;
	if (!parse_diff(&out, &s->changed)) {
		strv_free(&s->changed);
		return false;
	}
	memcpy(s->key, key, sizeof(key));
	return true;
}

static int choose_base(const struct kernel_conf *k, const struct repo *r, const char *lineage,
		       struct source *s)
{
	_cleanup_free_ char *file = base_file(lineage);
	_cleanup_buf_ struct buf base = { 0 };

	if (!k->source.whole && !file_read(file, &base) && base.len <= HASH_HEX_LEN &&
	    near_base(r, buf_str(&base), s))
		return 0;
	tree_key(s->git_tree, s->key);
	if (file_write(file, s->git_tree, strlen(s->git_tree), 0666))
		return fail(OUT_BROKEN, "can't write %s: %m", file);
	return 0;
}

/* ---- files out of a repository ---- */

static int checkout(const struct repo *r, const char *tree, const char *dir)
{
	const char *read[] = { "read-tree", tree, NULL };
	const char *all[] = { "checkout-index", "--all", NULL };
	struct git g = git_of(r, "writing the kernel source by git");
	int ret = git_check(&g, read);

	g.work = dir; /* a mirror has none, and git refuses to write without */
	return ret ? ret : git_check(&g, all);
}

/* "100755 blob ID\tPATH": false when the tree has no such file. */
static bool find_blob(const struct repo *r, const char *tree, const char *path, char *id,
		      mode_t *mode)
{
	const char *list[] = { "ls-tree", "--full-tree", tree, "--", path, NULL };
	_cleanup_free_ char *line = git_line(r, list);
	unsigned int bits;

	if (!line || sscanf(line, "%o blob %64[0-9a-f]", &bits, id) != 2)
		return false;
	*mode = bits & 0777;
	return true;
}

static int put_file(const struct repo *r, const char *tree, const char *path, const char *dir)
{
	_cleanup_free_ char *to = strf("%s/%s", dir, path);
	_cleanup_free_ char *parent = xstrndup(to, (size_t)(strrchr(to, '/') - to));
	char id[HASH_HEX_LEN + 1];
	const char *show[] = { "cat-file", "blob", id, NULL };
	struct git g = git_of(r, "reading a kernel file by git");
	_cleanup_buf_ struct buf text = { 0 };
	mode_t mode;
	int ret;

	if (!find_blob(r, tree, path, id, &mode)) /* deleted in the wanted tree */
		return 0;
	ret = git_run(&g, show, &text);
	if (ret > 0)
		ret = fail(OUT_BROKEN, "git can't read %s of %s", path, tree);
	if (!ret && (mkdir_p(parent) || file_write(to, buf_str(&text), text.len, mode)))
		ret = fail(OUT_BROKEN, "can't write %s: %m", to);
	return ret;
}

/* ---- the user's tree ---- */

static bool tree_named(const struct kernel_conf *k)
{
	_cleanup_free_ char *git = NULL;
	_cleanup_free_ char *dir = NULL;

	if (!k->source.tree)
		return false;
	dir = path_in_root(k->source.tree);
	git = strf("%s/.git", dir);
	return path_exists(git);
}

static int tree_identify(const struct kernel_conf *k, struct source *s)
{
	_cleanup_repo_ struct repo r = { 0 };
	int ret = open_user_repo(k, &r);

	if (!ret)
		ret = hash_user_tree(&r, s->git_tree);
	if (ret)
		return ret;
	s->name = xstrdup(r.dir);
	return choose_base(k, &r, r.dir, s);
}

static int tree_unpack(const struct kernel_conf *k, const struct source *s, const char *dir)
{
	_cleanup_repo_ struct repo r = { 0 };
	int ret = open_user_repo(k, &r);

	return ret ? ret : checkout(&r, s->git_tree, dir);
}

/* ---- a fetched ref ---- */

static bool fetched_named(const struct kernel_conf *k)
{
	return k->source.git;
}

static char *url_of(const struct kernel_conf *k)
{
	return strchr(k->source.git, ':') ? xstrdup(k->source.git) : path_in_root(k->source.git);
}

static int open_mirror(const char *url, struct repo *r)
{
	const char *init[] = { "init", "--quiet", "--bare", NULL };
	struct git g;
	int ret = open_cache(r);
	struct hash *h;
	char hex[HASH_HEX_LEN + 1];

	if (ret)
		return ret;
	h = hash_new("kernel-mirror-1");
	hash_add_str(h, "url", url);
	hash_hex(h, hex);
	r->dir = path_in_cache("git/%.12s.git", hex);
	if (mkdir_p(r->dir))
		return fail(OUT_BROKEN, "can't make the cache folder %s: %m", r->dir);
	g = git_of(r, "making a git mirror");
	g.index = NULL;
	return git_check(&g, init);
}

static bool is_commit_id(const char *ref)
{
	size_t n = strspn(ref, "0123456789abcdef");

	return !ref[n] && (n == 40 || n == 64);
}

/* The mirror's own name for what the ref was when it was last fetched. */
static char *kept_ref(const char *ref)
{
	struct hash *h = hash_new("kernel-ref-1");
	char hex[HASH_HEX_LEN + 1];

	hash_add_str(h, "ref", ref);
	hash_hex(h, hex);
	return strf("refs/nestlab/%.12s", hex);
}

static char *tree_of_ref(const struct repo *r, const char *ref)
{
	_cleanup_free_ char *spec = strf("%s^{tree}", ref);
	const char *parse[] = { "rev-parse", "--verify", "--quiet", spec, NULL };

	return git_line(r, parse);
}

static int fetch(const struct repo *r, const char *url, const char *ref, const char *kept)
{
	_cleanup_free_ char *spec = strf("+%s:%s", ref, kept);
	const char *args[] = {
		"fetch", "--quiet", "--depth=1", "--no-tags", "--", url, spec, NULL
	};
	struct git g = git_of(r, "fetching the kernel source");

	g.index = NULL;
	g.deadline_s = FETCH_DEADLINE_S;
	return git_check(&g, args);
}

/*
 * A branch may have moved, so ask; a commit never does. With no network, what was fetched last
 * will do.
 */
static int update_mirror(const struct repo *r, const char *url, const char *ref, const char *kept)
{
	_cleanup_free_ char *have = tree_of_ref(r, kept);
	int ret;

	if (have && is_commit_id(ref))
		return 0;
	ret = fetch(r, url, ref, kept);
	if (!ret || !have || proc_interrupted())
		return ret;
	ui_note("%s; going on with %s as it was fetched last", fail_text(), ref);
	fail_clear();
	return 0;
}

static int fetched_identify(const struct kernel_conf *k, struct source *s)
{
	_cleanup_repo_ struct repo r = { 0 };
	_cleanup_free_ char *url = url_of(k), *kept = kept_ref(k->source.ref);
	_cleanup_free_ char *lock = path_in_cache("git/.lock"), *tree = NULL;
	_cleanup_close_ int fd = -1;
	int ret = open_mirror(url, &r);

	if (ret)
		return ret;
	fd = lock_take(lock, "the git mirrors in the cache", FETCH_DEADLINE_S);
	if (fd < 0)
		return fd;
	ret = update_mirror(&r, url, k->source.ref, kept);
	if (ret)
		return ret;
	tree = tree_of_ref(&r, kept);
	if (!tree || strlen(tree) > HASH_HEX_LEN)
		return fail(OUT_USAGE, "%s: ref = %s: %s has no such commit", k->path,
			    k->source.ref, url);
	strcpy(s->git_tree, tree);
	s->name = strf("%s %s", url, k->source.ref);
	return choose_base(k, &r, url, s);
}

static int fetched_unpack(const struct kernel_conf *k, const struct source *s, const char *dir)
{
	_cleanup_repo_ struct repo r = { 0 };
	_cleanup_free_ char *url = url_of(k);
	int ret = open_mirror(url, &r);

	return ret ? ret : checkout(&r, s->git_tree, dir);
}

const struct source_kind source_git_tree = { tree_named, tree_identify, tree_unpack };
const struct source_kind source_git_fetched = { fetched_named, fetched_identify, fetched_unpack };

int source_put_changed(const struct kernel_conf *k, const struct source *s, const char *dir)
{
	_cleanup_repo_ struct repo r = { 0 };
	_cleanup_free_ char *url = k->source.git ? url_of(k) : NULL;
	int ret = 0;

	if (!s->changed.n)
		return 0;
	ret = url ? open_mirror(url, &r) : open_user_repo(k, &r);
	for (size_t i = 0; !ret && i < s->changed.n; i++)
		ret = put_file(&r, s->git_tree, s->changed.v[i], dir);
	return ret;
}
