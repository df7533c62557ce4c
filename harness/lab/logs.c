// SPDX-License-Identifier: GPL-2.0-only
#include "lab/logs.h"

#include <stdio.h>
#include <unistd.h>

#include "core/ui.h"

static char *console_log(const char *run_dir, unsigned int level)
{
	return strf("%s/l%u-console.log", run_dir, level);
}

static char *aside(const char *log)
{
	return strf("%s.before", log);
}

static void put_console_aside(const char *run_dir, unsigned int level)
{
	_cleanup_free_ char *log = console_log(run_dir, level), *before = aside(log);

	if (path_exists(log) && rename(log, before))
		ui_debug("can't rename %s to %s", log, before);
}

/*
 * Bochs writes at its own place in the file, so that nothing can be put in front: l1-bochs-1.log is
 * the first life's.
 */
static void number_emulator_log(const char *run_dir)
{
	_cleanup_free_ char *log = strf("%s/l1-bochs.log", run_dir);

	for (unsigned int n = 1; path_exists(log) && n < 100; n++) {
		_cleanup_free_ char *to = strf("%s/l1-bochs-%u.log", run_dir, n);

		if (!path_exists(to) && rename(log, to))
			ui_debug("can't rename %s to %s", log, to);
	}
}

void logs_put_aside(const char *run_dir)
{
	put_console_aside(run_dir, 1);
	put_console_aside(run_dir, 2);
	number_emulator_log(run_dir);
}

void logs_join(const char *run_dir, struct level *l)
{
	_cleanup_free_ char *log = console_log(run_dir, l->number), *before = aside(log);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(before, &text))
		return;
	buf_puts(&text, "\n---- nestlab: the lab was lost; what follows is a new one's ----\n");
	file_read(log, &text);
	/* The file is another one now. */
	if (file_write(log, buf_str(&text), text.len, 0666) ||
	    (l->console.fd >= 0 && console_log_to(&l->console, log)))
		ui_debug("can't write %s", log);
	else
		unlink(before);
}
