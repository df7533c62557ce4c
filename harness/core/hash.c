// SPDX-License-Identifier: GPL-2.0-only
#include "core/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/util.h"

struct hash {
	EVP_MD_CTX *ctx;
};

static void update(struct hash *h, const void *data, size_t len)
{
	if (!EVP_DigestUpdate(h->ctx, data, len))
		abort(); /* only an unusable crypto library gets here */
}

static struct hash *hash_start(void)
{
	struct hash *h = xcalloc(1, sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
		abort();
	return h;
}

struct hash *hash_new(const char *domain)
{
	struct hash *h = hash_start();

	hash_add_str(h, "domain", domain);
	return h;
}

void hash_add(struct hash *h, const char *label, const void *data, size_t len)
{
	uint64_t n = len;

	update(h, label, strlen(label) + 1);
	update(h, &n, sizeof(n));
	update(h, data, len);
}

void hash_add_str(struct hash *h, const char *label, const char *s)
{
	hash_add(h, label, s, strlen(s));
}

void hash_add_number(struct hash *h, const char *label, uint64_t n)
{
	hash_add(h, label, &n, sizeof(n));
}

int hash_add_file(struct hash *h, const char *label, const char *path)
{
	char hex[HASH_HEX_LEN + 1];
	int ret = hash_file(path, hex);

	if (ret)
		return ret;
	hash_add_str(h, label, hex);
	return 0;
}

void hash_hex(struct hash *h, char *hex)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!EVP_DigestFinal_ex(h->ctx, md, &n))
		abort();
	for (unsigned int i = 0; i < n; i++)
		sprintf(hex + 2 * i, "%02x", md[i]);
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_bytes(const void *data, size_t len, char *hex)
{
	struct hash *h = hash_start();

	update(h, data, len);
	hash_hex(h, hex);
}

static int digest_fd(int fd, char *hex)
{
	struct hash *h = hash_start();
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		update(h, chunk, (size_t)n);
	}
	hash_hex(h, hex);
	return n < 0 ? -errno : 0;
}

/* Small files are quicker read than remembered. */
#define REMEMBER_FROM_BYTES (1 << 20)

static const struct cache_kind hashes = {
	.folder = "hashes", .suffix = "", .what = "hashes of large files", .keep_entries = 4000, .local = true,
};
CACHE_KIND(hashes);

static void memory_key(const char *path, const struct stat *st, char *hex)
{
	struct hash *h = hash_new("hash-memory-1");
	_cleanup_free_ char *id = strf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 ".%09ld",
				       (uint64_t)st->st_dev, (uint64_t)st->st_ino,
				       (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
				       st->st_mtim.tv_nsec);

	hash_add_str(h, "path", path);
	hash_add_str(h, "stat", id);
	hash_hex(h, hex);
}

static bool recall(const char *key, char *hex)
{
	_cleanup_buf_ struct buf b = { 0 };

	if (!cache_recall(&hashes, key, &b) || b.len != HASH_HEX_LEN)
		return false;
	memcpy(hex, b.data, HASH_HEX_LEN + 1);
	return true;
}

int hash_file(const char *path, char *hex)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char key[HASH_HEX_LEN + 1];
	struct stat st;
	bool large;
	int err;

	if (fd < 0 || fstat(fd, &st))
		return fail(OUT_BROKEN, "can't read %s to hash it: %s", path, strerror(errno));
	large = st.st_size >= REMEMBER_FROM_BYTES;
	if (large)
		memory_key(path, &st, key);
	if (large && recall(key, hex))
		return 0;
	err = digest_fd(fd, hex);
	if (err)
		return fail(OUT_BROKEN, "can't read %s to hash it: %s", path, strerror(-err));
	if (large)
		cache_remember(&hashes, key, hex, HASH_HEX_LEN);
	return 0;
}

/* ---- pages ---- */

#define PAGE_BYTES 4096
#define PAGES 64

static off_t whole_pages(off_t end)
{
	return (end + PAGE_BYTES - 1) & ~(off_t)(PAGE_BYTES - 1);
}

static bool is_zero(const unsigned char *page, size_t n)
{
	return !page[0] && !memcmp(page, page + 1, n - 1);
}

static void add_pages(struct hash *h, uint64_t at, const unsigned char *data, size_t n)
{
	for (size_t i = 0; i < n; i += PAGE_BYTES) {
		size_t len = n - i < PAGE_BYTES ? n - i : PAGE_BYTES;
		uint64_t place = at + i;

		if (is_zero(data + i, len))
			continue;
		update(h, &place, sizeof(place));
		update(h, data + i, len);
	}
}

/* From a multiple of the page to this end, its page whole: what comes behind is another's. */
static int add_data(struct hash *h, int fd, off_t at, off_t end)
{
	unsigned char data[PAGE_BYTES * PAGES];
	const off_t stop = whole_pages(end);

	while (at < end) {
		size_t left = (size_t)(stop - at);
		ssize_t n = pread(fd, data, left < sizeof(data) ? left : sizeof(data), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		add_pages(h, (uint64_t)at, data, (size_t)n);
		at += n;
	}
	return 0;
}

/* A file system that tells no holes says that all is data. */
static int add_extents(struct hash *h, int fd, off_t size)
{
	int err = 0;

	for (off_t at = 0; !err && at < size;) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		hole = lseek(fd, data, SEEK_HOLE);
		err = hole < 0 ? -errno : add_data(h, fd, data & ~(off_t)(PAGE_BYTES - 1), hole);
		at = whole_pages(hole);
	}
	return err;
}

int hash_pages(const char *path, char *hex)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hash *h;
	struct stat st;
	int err;

	if (fd < 0 || fstat(fd, &st))
		return fail(OUT_BROKEN, "can't read %s to hash it: %s", path, strerror(errno));
	h = hash_new("pages-1");
	hash_add_number(h, "size", (uint64_t)st.st_size);
	err = add_extents(h, fd, st.st_size);
	hash_hex(h, hex);
	return err ? fail(OUT_BROKEN, "can't read %s to hash it: %s", path, strerror(-err)) : 0;
}
