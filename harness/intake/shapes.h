/* SPDX-License-Identifier: GPL-2.0-only */
/* Diffs in the shapes that git does not read, made into unified ones. */
#ifndef NESTLAB_INTAKE_SHAPES_H
#define NESTLAB_INTAKE_SHAPES_H

#include <stdbool.h>

#include "core/util.h"

/* Is there a diff in it, unified or context? */
bool shape_is_unified(const char *text);
bool shape_is_context(const char *text);
bool shape_is_normal(const char *text); /* of `diff` without any option */
/* One of them, and no text in which lines of one are told of. */
bool shape_is_diff(const char *text);

/* Saved by a word processor, or a page of the web? */
bool shape_is_document(const char *text);
/* Has it the letters of another file in it: of uuencode, or of base64 that is no mail's? */
bool shape_is_encoded(const char *text);
/*
 * A diff whose lines all have something before them: blanks (in a list of Markdown), "> " (in an
 * answer). False: there is none.
 */
bool shape_without_margin(const char *text, struct buf *out);
/* Lines of hunks that a mail program cut in two, put together. */
void shape_unwrap(const char *text, struct buf *out);

/* `diff -c` to `diff -u`. False: a hunk can't be read. */
bool shape_from_context(const char *text, struct buf *out);
/*
 * `diff` to `diff -U0`. name: the file's, where no line "diff OLD NEW" says it. False: a hunk can't
 * be read.
 */
bool shape_from_normal(const char *text, const char *name, struct buf *out);
/*
 * Mails whose bodies are quoted-printable or base64, or that have parts, as plain ones; HTML is
 * left out. False: there is nothing to be done.
 */
bool shape_from_mail(const char *text, struct buf *out);
/* The other way round: what it adds it takes away. */
void shape_reverse(const char *text, struct buf *out);

#endif
