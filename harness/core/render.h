/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NESTLAB_CORE_RENDER_H
#define NESTLAB_CORE_RENDER_H

#include "core/util.h"

/* Append text to out with each mark replaced by value (which is not looked at again). */
void render(const char *text, const char *mark, const char *value, struct buf *out);

#endif
