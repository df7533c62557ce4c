// SPDX-License-Identifier: GPL-2.0-only
#include "history/history.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/paths.h"

#define FILE_NAME "history.jsonl"
/* A line takes milliseconds; who holds the lock longer was stopped. */
#define WAIT_S 20
#define RETRY_MS 10
/*
 * One that was killed between its line and its mark's end has two, near each other; and a night
 * that was told as killed, and then went on. The later one stands.
 */
#define TWICE_WITHIN 1000

char *history_path(void)
{
	return strf("%s/" FILE_NAME, path_results());
}

/* ---- reading ---- */

static bool is_same(const struct history_entry *a, const struct history_entry *b)
{
	return !strcmp(a->run, b->run) && !strcmp(a->folder, b->folder);
}

static void take_entry(struct history *h, const struct history_entry *e)
{
	for (size_t i = h->n; i > 0 && h->n - i < TWICE_WITHIN; i--)
		if (is_same(&h->v[i - 1], e)) {
			entry_free(&h->v[i - 1]);
			memmove(&h->v[i - 1], &h->v[i], (h->n - i) * sizeof(*h->v));
			h->n--;
			break;
		}
	h->v = xrealloc(h->v, h->n + 1, sizeof(*h->v));
	h->v[h->n++] = *e;
}

/* The last one may have no end: it is torn then, unless it reads as a whole. */
static void take_line(struct history *h, const char *line, size_t len, size_t number)
{
	struct history_entry e = { 0 };

	if (!len)
		return;
	if (entry_read(line, len, &e))
		take_entry(h, &e);
	else if (!h->bad++)
		h->first_bad = number;
}

int history_read(const char *path, struct history *h)
{
	_cleanup_buf_ struct buf b = { 0 };
	int err = file_read(path, &b);
	size_t number = 1;

	*h = (struct history){ 0 };
	if (err && err != -ENOENT)
		return fail(OUT_USAGE, "can't read the history %s: %s", path, strerror(-err));
	for (const char *line = buf_str(&b), *end = line + b.len; line < end; number++) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((stop ? stop : end) - line);

		take_line(h, line, len, number);
		line += len + 1;
	}
	return 0;
}

void history_free(struct history *h)
{
	for (size_t i = 0; i < h->n; i++)
		entry_free(&h->v[i]);
	free(h->v);
	*h = (struct history){ 0 };
}

char *history_told(const struct history *h, const char *path)
{
	if (!h->bad)
		return NULL;
	if (h->bad == 1)
		return strf(
			"line %zu of %s is not whole, or of another nestlab, and is passed over",
			h->first_bad, path);
	return strf("%zu lines of %s, the first of them line %zu, are not whole, or of another "
		    "nestlab, and are passed over",
		    h->bad, path, h->first_bad);
}

/* ---- adding ---- */

static int lock(int fd)
{
	uint64_t deadline = now_ns() + WAIT_S * NSEC_PER_SEC;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (now_ns() > deadline)
			return -EBUSY;
		poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

static int write_all(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = write(fd, b->data + done, b->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Behind whatever is there; half a line is none, and goes. */
static int add_line(int fd, const char *line)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct stat st;
	char last = '\n';
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size && pread(fd, &last, 1, st.st_size - 1) != 1)
		return -EIO;
	buf_printf(&b, "%s%s", last == '\n' ? "" : "\n", line);
	err = write_all(fd, &b);
	if (!err && fdatasync(fd) && errno != EINVAL)
		err = -errno;
	if (err && ftruncate(fd, st.st_size))
		return err; /* the next writer ends it */
	return err;
}

int history_append(const char *path, const struct history_entry *e)
{
	_cleanup_close_ int fd =
		open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
	_cleanup_free_ char *line = entry_line(e);
	int err = fd < 0 ? -errno : lock(fd);

	if (!err)
		err = add_line(fd, line);
	return err ? fail(OUT_BROKEN, "can't add a line to the history %s: %s", path,
			  strerror(-err))
		   : 0;
}
