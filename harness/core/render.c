// SPDX-License-Identifier: GPL-2.0-only
#include "core/render.h"

#include <string.h>

void render(const char *text, const char *mark, const char *value, struct buf *out)
{
	for (const char *at; (at = strstr(text, mark)); text = at + strlen(mark)) {
		buf_add(out, text, (size_t)(at - text));
		buf_puts(out, value);
	}
	buf_puts(out, text);
}
