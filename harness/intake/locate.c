// SPDX-License-Identifier: GPL-2.0-only
#include "intake/locate.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util.h"
#include "intake/handed.h"
#include "intake/lines.h"
#include "kernel/tree.h"

#define ALIKE_LINES 100 /* of a file; one that has fewer is like many others */
#define FOLDERS_OF_KVM 5 /* the first ones */

static const char *const folders[] = { "arch/x86/kvm", "arch/x86/kvm/vmx", "arch/x86/kvm/svm", "arch/x86/kvm/mmu",
				       "virt/kvm", "include/uapi/linux", "include/linux", "arch/x86/include/asm",
				       "arch/x86/include/uapi/asm", "arch/x86/entry/syscalls", "arch/x86/kernel", "kernel" };
static const char *const endings[] = { ".c", ".h", ".S", ".tbl" };

/* The ending that it has somewhere, with no letter behind: ".c" of "vmx.c.txt", "cpuid.c (2)", "VMX.C". */
static const char *source_ending(const char *name)
{
	const char *part = path_last(name);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		for (const char *at = part; (at = strcasestr(at, endings[i])); at++)
			if (!isalnum((unsigned char)at[strlen(endings[i])]))
				return endings[i];
	return NULL;
}

bool locate_is_source(const char *name)
{
	const char *part = path_last(name);

	return source_ending(name) || strstr(part, "Makefile") || strstr(part, "Kconfig") || strstr(part, "Kbuild");
}

bool locate_is_copy(const char *name)
{
	static const char *const words[] = { "orig", "old", "bak", "backup", "pristine", "before", "~", ".save", ".#" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return *path_last(name) == '#'; /* what Emacs had not saved yet */
}

char *locate_path(const char *name, const char *tree)
{
	for (const char *at = name; strchr(at, '/'); at = strchr(at, '/') + 1)
		if (tree_has_file(tree, at, NULL))
			return xstrdup(at);
	return NULL;
}

/* What patch could not put in: pieces, and no version of a file. */
bool locate_is_reject(const char *name)
{
	return str_ends(name, ".rej");
}

char *locate_new(const char *name, const char *tree)
{
	for (const char *at = name; strchr(at, '/'); at = strchr(at, '/') + 1) {
		_cleanup_free_ char *file = strf("%s/%s", tree, at);

		*strrchr(file, '/') = '\0';
		if (!tree_leaves(tree, at) && path_is_folder(file))
			return xstrdup(at);
	}
	return NULL;
}

bool locate_is_unbuilt(const char *name)
{
	static const char *const ends[] = { ".*", "*.o", "*.ko", "*.mod", "*.mod.c", "*.cmd", "*.a", "*.symvers", "*.order",
					    "*.out", "*~", "*.rej", "*.orig", "*.patch", "*.diff", "vmlinux", "System.map",
					    "*.md", "*.rst", "*.txt", "README*", "LICENSE*", "MAINTAINERS" };
	static const char *const paths[] = { "*include/generated/*", "*include/config/*", "Documentation/*",
					     "*/Documentation/*", ".[!./]*/*", "*/.[!./]*/*" };
	bool unbuilt = false;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		unbuilt |= !fnmatch(ends[i], path_last(name), 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		unbuilt |= !fnmatch(paths[i], name, 0);
	return unbuilt;
}

bool locate_is_text_of_source(const char *name, const char *text)
{
	const char *part = path_last(name);

	return (!strchr(part, '.') || str_ends(part, ".txt")) && strstr(text, "#include <linux/");
}

bool locate_is_usual(const char *name)
{
	static const char *const patterns[] = { "*arch/x86/kvm/*", "*virt/kvm/*", "*/kvm*.h", "*include/linux/syscalls.h",
						"*arch/x86/entry/syscalls/*", "*kernel/sys*.c", "*/unistd*.h" };

	const char *arch = strstr(name, "arch/");

	/* "arch/powerpc/kvm/" */
	if (arch && (arch == name || arch[-1] == '/') && !str_starts(arch, "arch/x86/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!fnmatch(patterns[i], name, 0))
			return true;
	return false;
}

/* Is stem a whole word of name? "cpuid" is one of "ann_cpuid (1).c", "vmx" is none of "vmxon.c". */
static bool has_word(const char *name, const char *stem, size_t len)
{
	for (const char *at = name; (at = strcasestr(at, stem)); at++)
		if ((at == name || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[len]))
			return true;
	return false;
}

struct best {
	char *path;
	struct lines_apart apart;
};

/* By the part of its lines: a file that was cut short lacks few lines of a small one. */
static bool is_nearer(const struct lines_apart *a, const struct lines_apart *b)
{
	return a->lost * b->of < b->lost * a->of;
}

static void try_file(struct best *b, const char *tree, const char *folder, const char *file,
		     const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, file), *full = strf("%s/%s", tree, path);
	_cleanup_buf_ struct buf there = { 0 };
	struct lines_apart a;

	if (!handed_text(full, &there))
		return;
	lines_compare(buf_str(&there), text, &a);
	if (b->path && !is_nearer(&a, &b->apart))
		return;
	str_set(&b->path, path);
	b->apart = a;
}

static void try_folder(struct best *b, const char *tree, const char *folder, const char *name,
		       const char *text)
{
	_cleanup_free_ char *dir = strf("%s/%s", tree, folder);
	const char *ending = source_ending(name);
	_cleanup_strv_ struct strv files = { 0 };

	if (dir_list(dir, ending, &files))
		return;
	for (size_t i = 0; i < files.n; i++) {
		size_t len = strlen(files.v[i]) - strlen(ending);
		_cleanup_free_ char *stem = xstrndup(files.v[i], len);

		if (has_word(path_last(name), stem, len))
			try_file(b, tree, folder, files.v[i], text);
	}
}

/* Has it half of the file's lines, and are they a good part of its own? */
static bool is_alike(const struct lines_apart *a)
{
	size_t common = a->of - a->lost;

	return a->of > ALIKE_LINES && common * 2 > a->of && common * 2 > a->gained;
}

static void try_alike(struct best *b, const char *tree, const char *path, const char *text)
{
	_cleanup_free_ char *full = strf("%s/%s", tree, path);
	_cleanup_buf_ struct buf there = { 0 };
	struct lines_apart a;

	if (!handed_text(full, &there))
		return;
	lines_compare(buf_str(&there), text, &a);
	if (!is_alike(&a) || (b->path && !is_nearer(&a, &b->apart)))
		return;
	str_set(&b->path, path);
	b->apart = a;
}

char *locate_alike(const char *text, const char *tree)
{
	struct best b = { 0 };

	for (size_t i = 0; i < FOLDERS_OF_KVM; i++) {
		_cleanup_free_ char *dir = strf("%s/%s", tree, folders[i]);
		_cleanup_strv_ struct strv files = { 0 };

		if (dir_list(dir, ".c", &files))
			continue;
		for (size_t j = 0; j < files.n; j++) {
			_cleanup_free_ char *path = strf("%s/%s", folders[i], files.v[j]);

			try_alike(&b, tree, path, text);
		}
	}
	return b.path;
}

char *locate_file(const char *name, const char *text, const char *tree)
{
	struct best b = { .path = locate_path(name, tree) };

	if (b.path || !source_ending(name))
		return b.path;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		try_folder(&b, tree, folders[i], name, text);
	return b.path;
}
