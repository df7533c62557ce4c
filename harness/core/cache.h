/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache: one way to find, make, pin and evict whatever is made once and used by all runs.
 *
 * A kind of entry is one declaration where it is used:
 *
 *	static const struct cache_kind states = { .folder = "states", .what = "saved labs", .keep_entries = 8 };
 *	CACHE_KIND(states);
 *
 * An entry is path_cache()/FOLDER/KEY[SUFFIX], a folder or a file. It is there whole or not at all:
 * it is made beside its place, under a name that ends in its maker's pid, and renamed. What a
 * killed maker left is swept when the next entry of that kind is made.
 *
 * An entry in use is pinned: a shared flock() on the entry itself, which ends with its holder,
 * however that ends. A pinned entry is not evicted. Before this, the state that one lab was
 * restoring was removed while another saved its own.
 *
 * Evicted are, whenever one was made, those used longest ago (an entry's modification time is when
 * it was used), until the kind's bounds hold; and by cache_collect(), over all kinds.
 *
 * All functions that return an int return 0 or a negative outcome.
 */
#ifndef NESTLAB_CORE_CACHE_H
#define NESTLAB_CORE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"

struct cache_kind {
	const char *folder;	   /* in the cache; of no other kind */
	/* of a kind whose entries are files (".cpio", ""); NULL: they are folders */
	const char *suffix;
	/*
	 * a file that each entry, a folder, has: one without it is half of one, and dropped; NULL:
	 * none
	 */
	const char *whole;
	const char *what;	   /* for people, in the plural: "saved labs" */
	unsigned int keep_entries; /* 0: any number */
	/* 0: any size. Looking costs a walk over all of them each time one is made */
	uint64_t keep_bytes;
	/* how long cache_get() and cache_lock() wait for another process; 0: 600 */
	unsigned int wait_s;
	bool changes; /* entries are written to by whoever has cache_lock() */
	bool local;   /* they mean nothing on another machine: not for cache_export() */
};

#define CACHE_KIND(var)                                                                            \
	static const struct cache_kind *const var##_entry                                          \
		__attribute__((used, section("nestlab_cache_kinds"))) = &(var)

/* An entry that is pinned. */
struct cache_entry;
const char *cache_path(const struct cache_entry *e); /* lives as long as the pin */
bool cache_made(const struct cache_entry *e);	     /* now, by this call; else it was found */
void cache_release(struct cache_entry *e);	     /* unpin; NULL is none */
bool cache_has_made(void); /* this process has made an entry: the cache has grown */
/*
 * Adds "FOLDER/NAME" of each entry that this process has found or made, once: what a machine
 * without this cache would have to make for the same.
 */
void cache_used(struct strv *names);
/*
 * Leave it pinned until this process ends, where the paths into it have no one end. The entry is
 * taken over.
 */
void cache_hold(struct cache_entry *e);

/* ---- find and make; a key is a file name without dots, mostly a hash ---- */

bool cache_exists(const struct cache_kind *k, const char *key);
/* The caller owns it. */
char *cache_path_of(const struct cache_kind *k, const char *key);

/* Pin it and note its use. NULL: it is not there. The caller releases it. */
struct cache_entry *cache_find(const struct cache_kind *k, const char *key);

/*
 * Fills path, an empty folder (kinds of folders) or a file that does not exist yet, and whose
 * parent may be used for other files, too. 0 or a negative outcome: then all of it is removed.
 */
typedef int cache_make(void *ctx, const char *path);

/*
 * Find it, or make it. Of several processes that want it one makes it and the others wait, and take
 * it; make is called by one that waited, too, if that one failed. On success the caller releases
 * *e.
 */
int cache_get(const struct cache_kind *k, const char *key, cache_make *make, void *ctx,
	      struct cache_entry **e);

/*
 * Make it, waiting for nobody: for what another lock covers, or what can't wait (a running
 * machine). Where another process was faster, its entry stays and ours is removed. e: as above;
 * NULL: it is not wanted now.
 */
int cache_put(const struct cache_kind *k, const char *key, cache_make *make, void *ctx,
	      struct cache_entry **e);

/*
 * Forget one that its user found damaged, so that it is made anew. It goes for all: who has it
 * pinned keeps what it has open, and finds nothing more by its path.
 */
void cache_drop(const struct cache_kind *k, const char *key);

/*
 * Have it alone, for what changes (a work tree): returns a descriptor, close() it to let go; or a
 * negative outcome. The entry may not be there; while the lock is held nobody makes or evicts it.
 * who: for messages, as lock_take()'s.
 */
int cache_lock(const struct cache_kind *k, const char *key, const char *who);

/* The same to read it, together with others that do. */
int cache_share(const struct cache_kind *k, const char *key, const char *who);

/* ---- small answers that cost time only: a file each, never an error ---- */

bool cache_recall(const struct cache_kind *k, const char *key, struct buf *answer);
void cache_remember(const struct cache_kind *k, const char *key, const void *answer, size_t len);

/* ---- folders whose files are written in place ---- */

/* What tools said: path_in_cache("logs/NAME.log"). */
extern const struct cache_kind cache_logs;
/* Where things are put together that are not kept. */
extern const struct cache_kind cache_stage;

/*
 * Make the folder, sweep it and hold it to its kind's bounds. *path: owned by the caller; NULL: not
 * wanted.
 */
int cache_folder(const struct cache_kind *k, char **path);

/*
 * A name in a folder for something temporary, "FOLDER/PREFIX.N.PID", never given twice; the caller
 * owns it. cache_sweep() removes those whose process is gone, as after kill -9.
 */
char *cache_temp(const char *folder, const char *prefix);
void cache_sweep(const char *folder);

/* ---- all of it ---- */

struct cache_use {
	const struct cache_kind *kind;
	size_t entries;
	/* on the disk; what several entries share by hard links is divided among them */
	uint64_t bytes;
};

/* All kinds, by their folders' names. The caller frees *all. */
void cache_uses(struct cache_use **all, size_t *n);
/* Of the cache what is of no kind: ccache's, git's, libvirt's. */
uint64_t cache_other_bytes(void);

/* name: of the entry, or of what a killed process left. */
typedef void cache_told(void *ctx, const struct cache_kind *k, const char *name, uint64_t bytes);

/*
 * Sweep; hold each kind to its bounds; then, of all kinds, let those go that were used longest ago,
 * until all entries together have at most max_bytes (0: any; what is of no kind does not count, or
 * a large ccache would cost everything else). What is pinned stays. dry_run: only tell. Returns how
 * much room was made (dry_run: about). told: for each that goes; may be NULL.
 */
uint64_t cache_collect(uint64_t max_bytes, bool dry_run, cache_told *told, void *ctx);

/* Is there so little room that this is why something failed? */
bool cache_disk_is_full(void);

/* ---- to another machine ---- */

struct cache_moved {
	size_t entries;
	size_t passed; /* that were there already, or were no whole entry */
};

/*
 * Write what was used within so many days (0: ever) to an archive, which must not be in the cache;
 * and the key pair that opens L1 to ssh, as its images are made with it: nobody else may read it.
 * 0; -OUT_USAGE: there is nothing; -OUT_BROKEN.
 */
int cache_export(const char *path, unsigned int days, struct cache_moved *moved);
/*
 * Take in what such an archive has and this cache has not. It is believed as this program is: a
 * kernel in it is taken for what its key says. 0; -OUT_USAGE: it has no entries; -OUT_BROKEN.
 */
int cache_import(const char *path, struct cache_moved *moved);

#endif
