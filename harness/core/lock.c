// SPDX-License-Identifier: GPL-2.0-only
#include "core/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"

#define RETRY_MS 200

/* how: flock()'s */
static int wait_for(int fd, int how, const char *path, const char *what, unsigned int deadline_s)
{
	uint64_t deadline = now_ns() + deadline_s * NSEC_PER_SEC;

	ui_note("waiting for another nestlab, which is using %s", what);
	while (flock(fd, how | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(OUT_BROKEN, "can't lock %s: %s", path, strerror(errno));
		if (proc_interrupted())
			return fail(OUT_INTERRUPTED, "interrupted while waiting for %s", what);
		if (now_ns() > deadline)
			return fail(OUT_BROKEN,
				    "another nestlab has been using %s for %u s (its lock is %s); "
				    "let it end or stop it, then try again",
				    what, deadline_s, path);
		ui_tick();
		poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

static int take_once(const char *path, int how, const char *what, unsigned int deadline_s)
{
	int ret, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return fail(OUT_BROKEN, "can't open the lock %s: %s", path, strerror(errno));
	if (!flock(fd, how | LOCK_NB))
		return fd;
	ret = wait_for(fd, how, path, what, deadline_s);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

bool lock_is_of(int fd, const char *path)
{
	struct stat mine, there;

	return !fstat(fd, &mine) && !lstat(path, &there) && mine.st_dev == there.st_dev &&
	       mine.st_ino == there.st_ino;
}

static int take(const char *path, int how, const char *what, unsigned int deadline_s)
{
	int fd = take_once(path, how, what, deadline_s);

	/* Who held it may have removed the file, and another has a new one of that name by now. */
	while (fd >= 0 && !lock_is_of(fd, path)) {
		close(fd);
		fd = take_once(path, how, what, deadline_s);
	}
	return fd;
}

int lock_take(const char *path, const char *what, unsigned int deadline_s)
{
	return take(path, LOCK_EX, what, deadline_s);
}

int lock_share(const char *path, const char *what, unsigned int deadline_s)
{
	return take(path, LOCK_SH, what, deadline_s);
}

bool lock_at_once(int fd, const char *path)
{
	return !flock(fd, LOCK_EX | LOCK_NB) && lock_is_of(fd, path);
}
