/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels: a base source + a patch series + config fragments, keyed by a hash of all of them,
 * built once and cached. A kernel is described by a file in config/kernels/ (or any .conf file),
 * which names one source and, for each role, the patches and fragments.
 */
#ifndef NESTLAB_KERNEL_KERNEL_H
#define NESTLAB_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cache.h"
#include "core/hash.h"
#include "core/util.h"
#include "kernel/flavor.h"
#include "kernel/patches.h"

enum kernel_role { KERNEL_HOST, KERNEL_GUEST, KERNEL_ROLES };
const char *kernel_role_name(enum kernel_role r); /* "host", "guest" */

struct kernel_conf {
	char *name; /* "6.12": the file's name without .conf; "linux@v6.13": of a user's tree */
	char *path; /* the file */
	bool own;   /* of a user's tree: it was named itself, and no file that tells of it */
	struct {    /* exactly one of package, tarball, tree, git */
		char *package; /* Debian package whose /usr/src/NAME.tar.xz is the source */
		char *suite;   /* of Debian, which it is fetched from where it is not installed */
		char *tarball; /* a path, with its hash */
		char *sha256;
		char *tree; /* a local source tree; never written to */
		char *git;  /* a URL or path, with a ref */
		char *ref;
		/*
		 * Its whole tree is wanted, not one near it with the files that differ; set by
		 * who reads the tree itself.
		 */
		bool whole;
		bool any; /* it need not be a kernel's; set by who reads something else */
	} source;
	/* options (CONFIG_...) that this source does not have, or by another name: not asked for */
	struct strv lacks;
	/*
	 * Lanes in which the reference on this source was seen to pass all tests; none named: all
	 * of them. Elsewhere a submission's failure may be the source's own doing.
	 */
	struct strv seen;
	struct kernel_role_conf {
		/* of the kernel's own series: files, folders; root-relative */
		struct strv patches;
		/*
		 * The user's, on top of these: read already, borrowed for as long as this lives; or
		 * NULL.
		 */
		const struct patches *change;
		struct strv fragments; /* files over tinyconfig, in order */
		struct strv modules;   /* e.g. arch/x86/kvm/kvm.ko: built and kept beside bzImage */
		uint32_t objects;      /* build steps, for the progress of a first build */
	} role[KERNEL_ROLES];
	/*
	 * Patches that make the unpatched host one that tests of the guest's kernel alone can tell
	 * what to answer (judge/testcase.h); none: there is no such host of this base.
	 */
	struct strv scripted;
	/*
	 * Patches under all others of the host, also of an unpatched one: what later kernels tell
	 * of each vCPU, for the oracles. Not put into a source that tells it by itself.
	 */
	struct strv readings;
	/*
	 * [guest] kernel: the guest is the one of this other file, from its source; NULL: of this
	 * one. A change of the guest goes there, too.
	 */
	char *guest_name;
	struct kernel_conf *guest;
	char *lane; /* that the kernel wants to be judged in; NULL: none */
	/* of the host's kernel and of the guest's; the plain ones until kernel_conf_flavor() */
	struct flavor flavor, guest_flavor;
};

/*
 * name: of a file in config/kernels/ ("6.12"), or a path to a .conf; or one with a slash to a
 * kernel's tree ("/home/me/linux": as it stands), or to a git repository with a ref
 * ("/home/me/linux@v6.13"). 0 or -OUT_USAGE.
 */
int kernel_conf_load(const char *name, struct kernel_conf *k);
/*
 * Make the host's kernel one of this flavour, by its name, and the guest's one of that. 0 or
 * -OUT_USAGE. Once for each struct.
 */
int kernel_conf_flavor(struct kernel_conf *k, const char *host, const char *guest);
/* Of this role's kernel; its name is NULL where that is the plain one. */
const struct flavor *kernel_conf_flavor_of(const struct kernel_conf *k, enum kernel_role role);
void kernel_conf_free(struct kernel_conf *k);

/* Of this role, wherever it stands: to be changed while a plan is made. */
struct kernel_role_conf *kernel_conf_role(struct kernel_conf *k, enum kernel_role role);
/* The one that says what this role is built of. */
static inline const struct kernel_conf *kernel_conf_of(const struct kernel_conf *k,
						       enum kernel_role r)
{
	return r == KERNEL_GUEST && k->guest ? k->guest : k;
}

/* A patch that went in. */
struct kernel_patch {
	char *path; /* with its mail's number, where the file has several */
	char sha256[HASH_HEX_LEN + 1];
};

struct kernel_build {
	char key[HASH_HEX_LEN + 1]; /* of source, patches, fragments, compiler, recipe */
	struct cache_entry *entry;  /* keeps dir where it is, until kernel_build_free() */
	char *dir;		    /* in the cache; holds config, System.map, build.log, too */
	char *bzimage;
	char bzimage_sha256[HASH_HEX_LEN + 1];
	struct strv modules; /* paths, in the order of the conf: the order to load them in */
	/*
	 * folder of the same modules with line numbers, for L0; NULL: the plain kernel's have none
	 */
	char *symbols;
	char *release;	     /* e.g. "6.12.117" */
	char *log; /* of make, where it refused the change; NULL: it did not */
	bool reused;	     /* nothing was built */
	double seconds;

	/*
	 * What went in, for the manifest; set as far as it is known also when it was reused, and
	 * after a failure.
	 */
	char *source;			  /* "linux-source-6.12" */
	char source_key[HASH_HEX_LEN + 1]; /* of the unpatched source */
	char *compiler;			  /* a line each: gcc, ld */
	struct kernel_patch *patches;	  /* in the order applied */
	size_t n_patches;
	bool strange; /* some of them are not this checkout's own */
	struct strv notes; /* what names in them were taken as (names_resolve()) */
};

/*
 * Build (or find) one kernel. Shows its stages by ui.h. -OUT_BUILD_ERROR: a patch does not apply
 * (its file, the hunk) or the compiler refuses (its first error lines); -OUT_UNUSABLE: the change
 * is none, or its names fit several files; -OUT_BROKEN: source or tool missing, no disk. Free b in
 * either case.
 */
int kernel_build(const struct kernel_conf *k, enum kernel_role role, struct kernel_build *b);
void kernel_build_free(struct kernel_build *b);

/*
 * A copy of the tree that this kernel is built in, with its sources and the objects of the last
 * build there, for whoever runs make in it. 0 or -OUT_BROKEN: nothing was built there.
 * worktree_close() it in either case, which removes it.
 */
struct worktree;
int kernel_copy_tree(const struct kernel_conf *k, enum kernel_role role, struct worktree *w);

#endif
