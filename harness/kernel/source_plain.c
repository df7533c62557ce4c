// SPDX-License-Identifier: GPL-2.0-only
/* A local source tree that is not under git. */
#include <inttypes.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "kernel/source.h"
#include "kernel/tree.h"

static bool named(const struct kernel_conf *k)
{
	_cleanup_free_ char *git = NULL;
	_cleanup_free_ char *dir = NULL;

	if (!k->source.tree)
		return false;
	dir = path_in_root(k->source.tree);
	git = strf("%s/.git", dir);
	return !path_exists(git);
}

/*
 * What a build left in the tree. Kbuild refuses to build elsewhere from a tree that has these,
 * and asks for `make mrproper`, which is not ours to run in somebody's tree.
 */
static bool is_build_product(const char *relative, bool is_dir)
{
	static const char *const suffixes[] = { ".o", ".ko", ".a", ".cmd", ".mod", ".mod.c" };
	static const char *const paths[] = { ".config", "include/config", "include/generated",
					     "arch/x86/include/generated", "vmlinux" };

	for (size_t i = 0; !is_dir && i < ARRAY_SIZE(suffixes); i++)
		if (str_ends(relative, suffixes[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!strcmp(relative, paths[i]))
			return true;
	return false;
}

struct listing {
	uint64_t sum[4];
	size_t files;
};

/*
 * Folders come in no fixed order, so each file's hash is added to a sum, which has no order
 * either.
 */
static int add_file(const char *relative, const struct stat *st, void *ctx)
{
	struct listing *l = ctx;
	struct hash *h;
	char hex[HASH_HEX_LEN + 1];

	if (is_build_product(relative, false))
		return 0;
	h = hash_new("kernel-tree-file-1");
	hash_add_str(h, "path", relative);
	hash_add(h, "size", &st->st_size, sizeof(st->st_size));
	hash_add(h, "time", &st->st_mtim, sizeof(st->st_mtim));
	hash_add(h, "mode", &st->st_mode, sizeof(st->st_mode));
	hash_hex(h, hex);
	for (unsigned int i = 0; i < ARRAY_SIZE(l->sum); i++) {
		char word[17] = "";
		uint64_t n = 0;

		memcpy(word, hex + 16 * i, 16);
		sscanf(word, "%" SCNx64, &n);
		l->sum[i] += n;
	}
	l->files++;
	return 0;
}

static int identify(const struct kernel_conf *k, struct source *s)
{
	_cleanup_free_ char *dir = path_in_root(k->source.tree);
	struct listing l = { 0 };
	struct hash *h;
	int ret;

	s->name = xstrdup(dir);
	if (!path_exists(dir))
		return fail(OUT_USAGE, "%s: tree = %s: there is no such folder", k->path, dir);
	ret = tree_each(dir, add_file, &l);
	if (ret)
		return ret;
	h = hash_new("kernel-source-1");
	hash_add(h, "listing", &l, sizeof(l));
	hash_hex(h, s->key);
	return 0;
}

static int unpack(const struct kernel_conf *k, const struct source *s, const char *dir)
{
	_cleanup_free_ char *from = path_in_root(k->source.tree);

	(void)s;
	return tree_clone(from, dir, TREE_COPY, is_build_product);
}

const struct source_kind source_plain_tree = { named, identify, unpack };
