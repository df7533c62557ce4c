/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A patch series as data: the content of the files that it touches, and nothing else. It is made
 * in a folder of its own; no source tree is written to.
 */
#ifndef NESTLAB_KERNEL_SERIES_H
#define NESTLAB_KERNEL_SERIES_H

#include "core/hash.h"
#include "core/util.h"
#include "kernel/patch.h"

struct series_file {
	char *path;   /* in the source tree */
	bool deleted; /* not there any more; the rest means nothing then */
	bool executable;
	char hex[HASH_HEX_LEN + 1]; /* of its content */
};

struct series {
	char *dir; /* holds each file that is not deleted, at its path; removed by series_free() */
	bool any_space; /* set it to have lines found whose white space differs */
	bool loosely; /* set it to have a place found by one line on each side of it */
	bool moved; /* a hunk was found in another line than it says */
	struct strv notes; /* what names in the patches were taken as, where that was a guess */
	struct series_file *files; /* sorted by path; only those that differ from the source */
	size_t n_files;
	struct strv seen;     /* private: each path that was brought into dir */
	const char *pristine; /* private: the source tree */
};

/*
 * Begin with the unpatched tree `pristine`, which must outlive the series. 0 or -OUT_BROKEN. Call
 * series_free() in either case.
 */
int series_begin(struct series *s, const char *pristine);

/* A file is in dir already, or was taken away: it belongs to the series like a patched one. */
void series_note(struct series *s, const char *path);

/*
 * Apply these, on top of what was applied before; their names are matched with the source's files
 * (names_resolve()). 0; -OUT_UNUSABLE: a name may mean several files; -OUT_BUILD_ERROR with the
 * patch file, its line, the kernel's file and the hunk; -OUT_BROKEN.
 */
int series_apply(struct series *s, const struct patch *patches, size_t n);

/*
 * Fill files: what differs from the source now. May be called again after more was applied. 0 or a
 * negative outcome.
 */
int series_finish(struct series *s);

/* Does the series touch a file with this beginning of its last part ("Kconfig", "Makefile")? */
bool series_touches(const struct series *s, const char *name);

/* Put what makes up the change into a key: paths and contents, not the patches' messages. */
void series_hash(const struct series *s, struct hash *h);

void series_free(struct series *s);

#endif
