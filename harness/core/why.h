/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a build failed, from all that it printed. Pure. */
#ifndef NESTLAB_CORE_WHY_H
#define NESTLAB_CORE_WHY_H

#include <stdbool.h>
#include <stddef.h>

/* The first lines that say it, as one sentence; never empty. The caller owns it. */
char *why_build_failed(const char *log);

/*
 * Of that log the lines around the first that says why, at most so many; its end where none does.
 */
struct strv;
void why_excerpt(const char *log, size_t most, struct strv *lines);

/* One line of a compiler, linker, make or shell: it says why; or only that there was a reason. */
bool why_line_tells(const char *line);
bool why_line_echoes(const char *line);

#endif
