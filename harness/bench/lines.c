// SPDX-License-Identifier: GPL-2.0-only
#include "bench/lines.h"

#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/render.h"

#define LINE "testcases/bench/line.patch" /* a patch with MARK in it */
#define MARK "@NUMBER@"

static int write_one(const char *text, const char *dir, unsigned int number)
{
	_cleanup_free_ char *path = strf("%s/line-%u.patch", dir, number);
	_cleanup_free_ char *value = strf("%u", number);
	_cleanup_buf_ struct buf b = { 0 };

	render(text, MARK, value, &b);
	if (file_write(path, b.data, b.len, 0644))
		return fail(OUT_BROKEN, "can't write the patch %s", path);
	return 0;
}

int lines_write(struct bench_run *r, const char *dir, unsigned int n, unsigned int *first)
{
	_cleanup_free_ char *path = path_in_root(LINE);
	_cleanup_buf_ struct buf text = { 0 };
	int ret = 0;

	if (file_read(path, &text) || !strstr(buf_str(&text), MARK))
		return fail(OUT_BROKEN, "%s is no patch with %s in it", path, MARK);
	*first = r->numbers + 1;
	for (unsigned int i = 0; !ret && i < n; i++)
		ret = write_one(buf_str(&text), dir, *first + i);
	r->numbers += n;
	return ret;
}
