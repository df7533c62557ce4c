// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that are not any more what was written: what was in memory alone when the power went, a bad
 * block.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "soak/harm.h"

#define HISTORY_FILE "history.jsonl"
#define PAGE_BYTES 4096
#define BAD_PAGES 256 /* at most */

static bool cut(struct victim *v, int fd, uint64_t left)
{
	buf_printf(&v->note, "cut to %llu bytes", (unsigned long long)left);
	return !ftruncate(fd, (off_t)left);
}

/* As a disk gives blocks that were never written; or any bytes. */
static bool spoil(struct victim *v, int fd, uint64_t size, bool zeros)
{
	uint64_t at = dice_below(v->dice, size) & ~(uint64_t)(PAGE_BYTES - 1), end = at;
	uint64_t pages = 1 + dice_below(v->dice, BAD_PAGES);
	unsigned char bad[PAGE_BYTES] = { 0 };
	bool done = true;

	for (; pages && end < size && done; pages--) {
		uint64_t n = size - end < sizeof(bad) ? size - end : sizeof(bad);

		for (size_t i = 0; !zeros && i < sizeof(bad); i++)
			bad[i] = (unsigned char)dice_below(v->dice, 256);
		done = pwrite(fd, bad, n, (off_t)end) == (ssize_t)n;
		end += n;
	}
	buf_printf(&v->note, "%llu %s at %llu", (unsigned long long)(end - at), zeros ? "zeros" : "wrong bytes", (unsigned long long)at);
	return done;
}

static bool damage_in(struct victim *v, int fd, uint64_t size)
{
	switch (dice_below(v->dice, 3)) {
	case 0:
		return cut(v, fd, dice_below(v->dice, size));
	case 1:
		return spoil(v, fd, size, true);
	default:
		return spoil(v, fd, size, false);
	}
}

/* In its place and with its time, as a disk does it; never what the real cache has, too. */
static bool damage(struct victim *v, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	bool done;

	if (fd < 0 || fstat(fd, &st) || st.st_size < 1 || st.st_nlink != 1)
		return false;
	buf_printf(&v->note, "%s: ", path_last(path));
	done = damage_in(v, fd, (uint64_t)st.st_size);
	futimens(fd, (const struct timespec[]){ st.st_atim, st.st_mtim });
	return done;
}

/* A name in this folder, drawn. The caller owns the path; NULL: there is none. */
static char *draw(struct victim *v, const char *folder)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(folder, NULL, &names) || !names.n)
		return NULL;
	return strf("%s/%s", folder, names.v[dice_below(v->dice, names.n)]);
}

static char *draw_entry(struct victim *v, const char *folder)
{
	_cleanup_free_ char *parent = strf("%s/%s", v->world->cache, folder);

	return draw(v, parent);
}

static bool damage_drawn(struct victim *v, const char *folder)
{
	_cleanup_free_ char *path = draw(v, folder);

	return path && damage(v, path);
}

static bool damage_state(struct victim *v)
{
	_cleanup_free_ char *entry = draw_entry(v, "states");

	return entry && damage_drawn(v, entry);
}

/* The rest of it is for people. */
static bool damage_kernel(struct victim *v)
{
	_cleanup_free_ char *entry = draw_entry(v, "kernels");
	_cleanup_free_ char *path = entry ? strf("%s/%s", entry, dice_below(v->dice, 2) ? "bzImage" : "info") : NULL;

	return path && damage(v, path);
}

static bool damage_module(struct victim *v)
{
	_cleanup_free_ char *entry = draw_entry(v, "kernels");
	_cleanup_free_ char *modules = entry ? strf("%s/modules", entry) : NULL;

	return modules && damage_drawn(v, modules);
}

/* The last line alone: half of it, or its line's end, or bytes that are no text. */
static bool damage_history(struct victim *v)
{
	_cleanup_free_ char *path = strf("%s/" HISTORY_FILE, v->world->results);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	_cleanup_buf_ struct buf b = { 0 };
	const char *last;
	uint64_t start, n;

	if (fd < 0 || file_read(path, &b) || b.len < 2)
		return false;
	last = memrchr(b.data, '\n', b.len - 1);
	start = last ? (uint64_t)(last + 1 - b.data) : 0;
	n = b.len - start;
	if (dice_below(v->dice, 2))
		return cut(v, fd, b.len - 1 - dice_below(v->dice, n - 1));
	buf_puts(&v->note, "wrong bytes in its last line");
	return pwrite(fd, "\xff\0}{", 4, (off_t)(start + dice_below(v->dice, n > 4 ? n - 4 : 1))) == 4;
}

static const struct harm files[] = {
	{ .name = "bad-state", .what = "a file of a saved lab is damaged", .harm = damage_state },
	{ .name = "bad-kernel", .what = "a file of a built kernel is damaged", .harm = damage_kernel },
	{ .name = "bad-module", .what = "a module of a built kernel is damaged", .harm = damage_module },
	{ .name = "bad-history", .what = "the history's last line is damaged", .harm = damage_history },
};
HARMS(files);
