/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record is what one Bochs was started with, and its log (log.h): enough to start it again, and
 * to see that it does the same. A run's folder has RECORD_FOLDER, and in it N.json and N.log for
 * the Nth time that L1 was powered on. Large parts are not there: they are named by where the cache
 * has them, and by what they hash to.
 */
#ifndef NESTLAB_REPLAY_RECORD_H
#define NESTLAB_REPLAY_RECORD_H

#include <stdbool.h>

#include "machine/bochs/bochsrc.h"

#define RECORD_FOLDER "record"
#define RECORD_PROGRAM "bochs"
#define RECORD_STATE "state"
#define RECORD_DISK "l1-disk"

/* Where the parts really lie; NULL: there is none. */
struct record_from {
	const char *state, *medium, *disk, *second;
};

/*
 * Before Bochs is started. dir: the run's folder. *log: where it is to write its log; the caller
 * owns it. 0 or -OUT_BROKEN.
 */
int record_begin(const char *dir, const struct bochs_spec *spec, const struct record_from *from,
		 char **log);
/*
 * Beside that log: where the sections of L1's modules lie, as L1 told it while it ran, a line each:
 * "kvm/sections/.text:0xffffffffa0001000"; nobody can ask a replay. log: as record_begin() gave it.
 * The caller owns it.
 */
char *record_modules(const char *log);
void record_drop_one(const char *log); /* that alone, the newest */
void record_drop(const char *dir); /* the run needs none */
bool record_exists(const char *dir);

struct record_part {
	char *as;     /* how Bochs calls it: "l1.iso"; an absolute path; or RECORD_ ... */
	char *in;     /* in the cache, "media/0123.iso", or an absolute path */
	/* of a folder as record_hash_state() has it; NULL: the key in its name tells all */
	char *sha256;
};

struct record {
	char *rc; /* the text of its bochsrc(5) */
	char *console; /* a file in Bochs's folder */
	unsigned int seed;
	bool restored; /* from its RECORD_STATE */
	struct record_part *parts;
	size_t n_parts;
};

/* 0 or -OUT_USAGE, with the file's name. Free it in either case. */
int record_load(const char *json, struct record *r);
void record_free(struct record *r);

/*
 * Where a part is: below folder (one that was unpacked), or NULL, where it was. The caller owns
 * *path. -OUT_BROKEN: it is gone, or another one now lies there; the sentence says what to do.
 */
int record_find(const struct record *r, const char *as, const char *folder, char **path);
bool record_names(const struct record *r, const char *as);

/*
 * Of a saved state: the names of its files, and what is in the small ones. That is all but L1's
 * memory; no two states have the same registers and clocks. 0 or -OUT_BROKEN.
 */
int record_hash_state(const char *dir, char *hex);

#endif
