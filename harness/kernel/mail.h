/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mails that hold patches, as `git format-patch` writes them: one a file, or many in one
 * (--stdout).
 */
#ifndef NESTLAB_KERNEL_MAIL_H
#define NESTLAB_KERNEL_MAIL_H

#include <stddef.h>

/*
 * Who made the patch, and its name without "[PATCH 1/2]"; "" when the text does not begin as a
 * mail. Cut off where it is long, and without control characters. The caller owns both.
 */
void mail_header(const char *text, char **subject, char **author);

/* How many bytes of text are its first mail, up to the line with which the next one begins. */
size_t mail_length(const char *text, size_t len);

#endif
