/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small helpers that the whole harness uses: memory that aborts when there is none (nothing
 * sensible can go on then), formatted strings, growing buffers, string vectors, files, deadlines.
 */
#ifndef NESTLAB_CORE_UTIL_H
#define NESTLAB_CORE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void free_p(void *pp);	 /* free(*(void **)pp) */
void close_p(int *fd);	 /* close when >= 0 */
/* A stream connected to the unix socket at path; the caller owns it. -1 with errno. */
int unix_connect(const char *path);
#define _cleanup_free_ __attribute__((cleanup(free_p)))
#define _cleanup_close_ __attribute__((cleanup(close_p)))
#define _cleanup_buf_ __attribute__((cleanup(buf_free)))
#define _cleanup_strv_ __attribute__((cleanup(strv_free)))

/* All of these abort with a message when memory runs out. The caller owns what is returned. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *strf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Free *field and put a copy of value (which may be NULL) there. */
void str_set(char **field, const char *value);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
const char *path_last(const char *path); /* what stands behind its last slash, or all of it */
char *str_strip(char *s); /* in place: white space at both ends; returns the new start */

/* A growing byte buffer. data is NUL-terminated behind len, so text may be read as a string. */
struct buf {
	char *data;
	size_t len;
	size_t cap;
};
void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop(struct buf *b, size_t n); /* forget the first n bytes */
void buf_free(struct buf *b);		/* and make it empty again */
const char *buf_str(const struct buf *b); /* "" when empty, never NULL */

/* A NULL-terminated vector of owned strings, ready for execve(). */
struct strv {
	char **v;
	size_t n;
};
void strv_add(struct strv *s, const char *item);
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_cut(struct strv *s, size_t n); /* those behind the first n go */
void strv_free(struct strv *s);
bool strv_has(const struct strv *s, const char *item);
/* Split at any character of seps, dropping empty parts. */
void strv_split(struct strv *s, const char *text, const char *seps);

/*
 * Files. These return 0 or -errno and say nothing; the caller knows what the file is for.
 * file_write() is atomic: a reader sees the old or the new content, never half of it.
 */
int file_read(const char *path, struct buf *out);
int file_write(const char *path, const void *data, size_t len, mode_t mode);
int file_copy(const char *from, const char *to, mode_t mode);
int mkdir_p(const char *path);
int rm_rf(const char *path); /* follows no symbolic link; 0 when there was nothing */
bool path_exists(const char *path);
/* dirs: "DIR:DIR", as PATH is; NULL: none. Has one of them a program of that name? */
bool path_has_program(const char *dirs, const char *name);
bool path_is_folder(const char *path);
/* Names in a directory with this suffix (NULL: all but dot files), sorted; -errno on failure. */
int dir_list(const char *path, const char *suffix, struct strv *names);

/* Monotonic time in nanoseconds. */
uint64_t now_ns(void);
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC 1000000000ULL

/* Whole number in base 10 or 0x; false when text has anything else in it. */
bool parse_u64(const char *text, uint64_t *out);
bool parse_i64(const char *text, int64_t *out);

#endif
