/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Content hashes (SHA-256): the keys of everything that is cached. A key is built by adding
 * labelled parts; each part's length goes in too, so no two lists of parts give the same bytes.
 */
#ifndef NESTLAB_CORE_HASH_H
#define NESTLAB_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash; /* opaque; made by hash_new(), freed by hash_hex() */

#define HASH_HEX_LEN 64

/* e.g. "kernel-build-1": bump it when the recipe changes */
struct hash *hash_new(const char *domain);
void hash_add(struct hash *h, const char *label, const void *data, size_t len);
void hash_add_str(struct hash *h, const char *label, const char *s);
void hash_add_number(struct hash *h, const char *label, uint64_t n);
/* 0 or a negative outcome (OUT_BROKEN) when the file can't be read. */
int hash_add_file(struct hash *h, const char *label, const char *path);
/* Ends it; hex needs HASH_HEX_LEN + 1 bytes. */
void hash_hex(struct hash *h, char *hex);

/*
 * SHA-256 of a file's content. Remembered in the cache folder by path, size, mtime and inode, so
 * that a 150 MB tarball is read once. 0 or a negative outcome.
 */
int hash_file(const char *path, char *hex);

/*
 * SHA-256 of a file's size and of all its pages that are not zeros, with their places: of a sparse
 * file in the time that its data take, whether it was copied with its holes or without. Nothing is
 * remembered: a disk that gives other bytes does so at the same size and time. 0 or a negative
 * outcome.
 */
int hash_pages(const char *path, char *hex);

/* hash_file() of bytes in memory. */
void hash_bytes(const void *data, size_t len, char *hex);

#endif
