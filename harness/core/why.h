/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a build failed, from all that it printed. Pure. */
#ifndef NESTLAB_CORE_WHY_H
#define NESTLAB_CORE_WHY_H

#include <stdbool.h>

/* The first lines that say it, as one sentence; never empty. The caller owns it. */
char *why_build_failed(const char *log);

/* One line of a compiler, linker, make or shell: it says why; or only that there was a reason. */
bool why_line_tells(const char *line);
bool why_line_echoes(const char *line);

#endif
