/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small repairs that a base forces on a change from another age: a function that lost `static` or
 * an argument, a number that became a union.
 */
#ifndef NESTLAB_INTAKE_RULES_H
#define NESTLAB_INTAKE_RULES_H

#include "core/util.h"

/*
 * path: in the source tree. base: its text there; before: the file as he handed it in; merged: the
 * base's text with his change. Only lines that the base does not have are repaired, into out; told
 * gets a sentence for each rule that was applied.
 */
void rules_apply(const char *path, const char *base, const char *before, const char *merged,
		 struct buf *out, struct strv *told);
/*
 * The same of a function that is defined twice, and in his own file only once: what the base has of
 * it is taken out of text.
 */
void rules_drop_twice(const char *base, const char *his, struct buf *text, struct strv *told);

#endif
