/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a build failed, from all that it printed. Pure. */
#ifndef NESTLAB_MONITOR_WHY_H
#define NESTLAB_MONITOR_WHY_H

/* The first lines that say it, as one sentence; never empty. The caller owns it. */
char *why_build_failed(const char *log);

#endif
