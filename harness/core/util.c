// SPDX-License-Identifier: GPL-2.0-only
#include "core/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void free_p(void *pp)
{
	free(*(void **)pp);
}

void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int unix_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, err = ENAMETOOLONG;

	if (strlen(path) < sizeof(a.sun_path)) {
		memcpy(a.sun_path, path, strlen(path));
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
			return fd;
		err = errno;
		close_p(&fd);
	}
	errno = err;
	return -1;
}

static void *or_die(void *p)
{
	if (!p) {
		fputs("nestlab: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return or_die(reallocarray(p, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
	return or_die(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return or_die(strndup(s, n));
}

char *strf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return or_die(s);
}

void str_set(char **field, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	free(*field);
	*field = copy;
}

bool str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

const char *path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *str_strip(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

static void buf_reserve(struct buf *b, size_t more)
{
	size_t need = b->len + more + 1;

	if (need <= b->cap)
		return;
	b->cap = need < 256 ? 256 : need + need / 2;
	b->data = xrealloc(b->data, b->cap, 1);
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	buf_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	or_die(n < 0 ? NULL : s);
	buf_add(b, s, (size_t)n);
	free(s);
}

void buf_drop(struct buf *b, size_t n)
{
	if (n >= b->len)
		n = b->len;
	if (!b->data)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

static void strv_take(struct strv *s, char *item)
{
	s->v = xrealloc(s->v, s->n + 2, sizeof(*s->v));
	s->v[s->n++] = item;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *item)
{
	strv_take(s, xstrdup(item));
}

void strv_cut(struct strv *s, size_t n)
{
	while (s->n > n) {
		free(s->v[--s->n]);
		s->v[s->n] = NULL;
	}
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	char *item = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&item, fmt, ap) < 0)
		item = NULL;
	va_end(ap);
	strv_take(s, or_die(item));
}

bool strv_has(const struct strv *s, const char *item)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], item))
			return true;
	return false;
}

void strv_free(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

void strv_split(struct strv *s, const char *text, const char *seps)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *save = NULL;

	for (char *t = strtok_r(copy, seps, &save); t; t = strtok_r(NULL, seps, &save))
		strv_add(s, t);
}

static int read_fd(int fd, struct buf *out)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf_add(out, chunk, (size_t)n);
	}
	return 0;
}

int file_read(const char *path, struct buf *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return read_fd(fd, out);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode)
{
	_cleanup_free_ char *tmp = strf("%s.tmp.%d", path, (int)getpid());
	int err, fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	err = write_all(fd, data, len);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(tmp, path))
		err = -errno;
	if (err)
		unlink(tmp);
	return err;
}

int file_copy(const char *from, const char *to, mode_t mode)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *tmp = strf("%s.tmp.%d", to, (int)getpid());
	_cleanup_close_ int out = -1;
	ssize_t n;
	int err;

	if (in < 0)
		return -errno;
	out = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (out < 0)
		return -errno;
	/* In the kernel where the file systems allow it: disk overlays are tens of megabytes. */
	while ((n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0)) > 0)
		;
	err = n < 0 ? -errno : 0;
	if (err == -EXDEV || err == -EINVAL || err == -ENOSYS || err == -EOPNOTSUPP) {
		_cleanup_buf_ struct buf b = { 0 };

		err = lseek(in, 0, SEEK_SET) < 0 || ftruncate(out, 0) ? -errno : read_fd(in, &b);
		if (!err)
			err = write_all(out, buf_str(&b), b.len);
	}
	if (!err && rename(tmp, to))
		err = -errno;
	if (err)
		unlink(tmp);
	return err;
}

int mkdir_p(const char *path)
{
	_cleanup_free_ char *p = xstrdup(path);

	for (char *s = p + 1;; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = '\0';
		if (mkdir(p, 0777) && errno != EEXIST)
			return -errno;
		if (!c)
			return 0;
		*s = c;
	}
}

/* Of the folder that it is in. */
static bool allow(const char *path)
{
	_cleanup_free_ char *parent = xstrndup(path, (size_t)(path_last(path) - path));

	return !chmod(parent, 0700);
}

/* A stranger's program, or overlayfs, leaves folders that only root may look or write into. */
static int rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	if (type == FTW_DNR && !chmod(path, 0700))
		return rm_rf(path) ? -1 : 0;
	if (!remove(path))
		return 0;
	return errno == EACCES && ftw->level && allow(path) ? remove(path) : -1;
}

int rm_rf(const char *path)
{
	if (!nftw(path, rm_one, 32, FTW_DEPTH | FTW_PHYS))
		return 0;
	return errno == ENOENT ? 0 : -errno;
}

bool path_is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool path_exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

bool path_has_program(const char *dirs, const char *name)
{
	_cleanup_strv_ struct strv all = { 0 };

	strv_split(&all, dirs ? dirs : "", ":");
	for (size_t i = 0; i < all.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", all.v[i], name);

		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int dir_list(const char *path, const char *suffix, struct strv *names)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && (!suffix || str_ends(e->d_name, suffix)))
			strv_add(names, e->d_name);
	closedir(d);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_name);
	return 0;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static int number_base(const char *digits)
{
	return digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') ? 16 : 10;
}

bool parse_u64(const char *text, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*out = strtoull(text, &end, number_base(text));
	return !errno && !*end;
}

bool parse_i64(const char *text, int64_t *out)
{
	const char *digits = *text == '-' ? text + 1 : text;
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	*out = strtoll(text, &end, number_base(digits));
	return !errno && !*end;
}
