// SPDX-License-Identifier: GPL-2.0-only
/* A full disk: of the run folder (L1's overlay, sockets, logs), of the results, of saved states. */
#include <fcntl.h>
#include <unistd.h>

#include "soak/harm.h"

#define FILLER ".soak-filler"
#define PIECE (64U << 10)

static const char *why_no_disk(const struct world *w)
{
	return w->small_disks ? NULL : "only root may mount a small disk that can be full";
}

/* To the last byte. */
static bool fill(struct victim *v, const char *folder)
{
	static const char zeros[PIECE];
	_cleanup_free_ char *path = strf("%s/" FILLER, folder);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	buf_printf(&v->note, "no byte left in %s", path_last(folder));
	return true;
}

static void empty(const char *folder)
{
	_cleanup_free_ char *path = strf("%s/" FILLER, folder);

	unlink(path);
}

static bool fill_run(struct victim *v)
{
	return fill(v, v->world->run);
}

static bool fill_results(struct victim *v)
{
	return fill(v, v->world->results);
}

static bool fill_states(struct victim *v)
{
	return fill(v, v->world->states);
}

static void empty_all(struct victim *v)
{
	empty(v->world->run);
	empty(v->world->results);
	empty(v->world->states);
}

static const struct harm disks[] = {
	{ .name = "full-run", .what = "the disk of the run folder is full", .why_not = why_no_disk, .harm = fill_run, .undo = empty_all },
	{ .name = "full-results", .what = "the disk of the results is full", .why_not = why_no_disk, .harm = fill_results, .undo = empty_all },
	{ .name = "full-states", .what = "the disk of saved labs is full", .why_not = why_no_disk, .harm = fill_states, .undo = empty_all },
};
HARMS(disks);
