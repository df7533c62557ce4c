/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "Did you mean": the name that somebody who mistyped a word may have meant.
 */
#ifndef NESTLAB_CORE_NEAR_H
#define NESTLAB_CORE_NEAR_H

#include <stddef.h>

/*
 * Letters put in, left out, changed, or swapped with their neighbour, to get from one to the other.
 */
size_t near_distance(const char *a, const char *b);

/*
 * Of n names the only one that has word as a part ("svm": "tcg-svm"), or the nearest to it, when it
 * is near enough to be meant; NULL: none is. Case counts for little.
 */
const char *near_name(const char *word, const char *const *names, size_t n);

/* -OUT_USAGE: "WHAT 'WORD'; did you mean ...? There are: ...". */
struct strv;
int near_fail(const char *what, const char *word, const struct strv *names);
/*
 * The same, where the names are those of FOLDER/NAME.conf, and also (a name that has no file; or
 * NULL). word may be the path of such a file, or of something else. folder: root-relative.
 */
int near_fail_in(const char *what, const char *word, const char *folder, const char *also);

#endif
