/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One patch, read as data: which files it touches, and where its hunks stand. Applying is git's
 * work; this reading refuses what must not even be tried, and turns git's answers into sentences.
 *
 * People make diffs in many places, so a file's name may stand in it with any prefix, or with
 * none. Reading keeps the names as they stand; which files of a source tree they mean is found
 * out by names_resolve(), before anything is applied.
 */
#ifndef NESTLAB_KERNEL_PATCH_H
#define NESTLAB_KERNEL_PATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/hash.h"
#include "core/util.h"

/* The work tree keeps its built objects there, so no patch may. */
#define PATCH_RESERVED_DIR "obj"
/* A line of the message: in which lane the change wants to be judged. */
#define PATCH_LANE "Lane: "

struct patch_hunk {
	unsigned long line;	 /* of its "@@" in the patch file, from 1 */
	unsigned long old_start; /* first line in the old file, 0 for a new one */
};

struct patch_file {
	/* as it stands in the diff: "a/arch/x86/kvm/x86.c"; NULL: the file is new */
	char *old_name;
	char *new_name; /* NULL: it is deleted */
	/*
	 * In the source tree, as far as the diff alone tells: without the first part, or whole
	 * where the diff was made without prefixes. NULL as above. They differ for renames and
	 * copies.
	 */
	char *old_path, *new_path;
	unsigned long line; /* where its header begins in the patch file, from 1 */
	bool moved;	    /* renamed or copied: the names come from lines that have no prefix */
	bool whole_names;   /* no a/ and b/ before them, as it seems: both sides read the same */
	/* its header alone changes something: a name, a mode, that it is there */
	bool header_acts;
	unsigned long added, removed; /* lines */
	struct patch_hunk *hunks;
	size_t n_hunks;
};

/* Where a name stands in the text: names_resolve() puts another in its place. */
struct patch_name {
	size_t at, len, file;
	enum { PATCH_NAME_GIT, PATCH_NAME_OLD, PATCH_NAME_NEW, PATCH_NAME_FROM, PATCH_NAME_TO } in;
};

struct patch {
	char *path;	 /* the patch file, for messages */
	struct buf text; /* its content; line ends are LF, also where the file came with CRLF */
	char sha256[HASH_HEX_LEN + 1]; /* of the bytes as they came */
	char *subject, *author; /* of its mail header; "" for a bare diff. No control characters */
	char *lane;	 /* that PATCH_LANE names; NULL: none */
	bool strange;	 /* patches_read(): not one of this checkout's own */
	struct patch_file *files;
	size_t n_files; /* 0 for a text without any diff */
	unsigned long added, removed; /* lines, of all files */
	struct patch_name *names;
	size_t n_names;
};

/*
 * Read a mail-format patch, a `git diff` or a `diff -u` from text in memory; path is for messages.
 * 0; -OUT_UNUSABLE: it has NUL bytes; -OUT_BUILD_ERROR with "FILE:LINE: ...": it is cut short, or
 * it has a name that no file of a source tree has, goes to .git or to PATCH_RESERVED_DIR, or it
 * makes a symbolic link. Free it in either case.
 */
int patch_parse(const char *path, const char *text, size_t len, struct patch *p);
/* Its last part, for people. */
const char *patch_base_name(const struct patch *p);
/* Does any of it change something? A diff of headers alone does not. */
bool patch_acts(const struct patch *p);

/*
 * A name without what lies outside of any source tree: a "/", "./" or anything up to a "../" at its
 * begin. Names are only ever compared by their ends, so nothing out there is looked at.
 */
const char *patch_name_inside(const char *name);
/* Why this can't be a file in a source tree, for a sentence; NULL: it can. */
const char *patch_bad_path(const char *path);

void patch_free(struct patch *p);

#endif
