/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recorded console log, fed to the console reader as it would come. Included by the unit tests of
 * it alone, after <cmocka.h>.
 */
#ifndef NESTLAB_TESTS_CONSOLE_LOG_H
#define NESTLAB_TESTS_CONSOLE_LOG_H

#include "core/util.h"
#include "machine/console.h"

/* Fed in pieces of this many bytes: a line may come in any number of reads. */
static inline void feed_log(struct console *c, const char *path, size_t piece)
{
	_cleanup_buf_ struct buf b = { 0 };

	assert_int_equal(file_read(path, &b), 0);
	console_init(c);
	for (size_t i = 0; i < b.len; i += piece)
		console_feed(c, b.data + i, b.len - i < piece ? b.len - i : piece);
}

#endif
