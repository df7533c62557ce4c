/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration fragments: what a kernel's .config is asked to hold. Later fragments override
 * earlier ones, and every option that none names is off, apart from what tinyconfig sets.
 */
#ifndef NESTLAB_KERNEL_KCONFIG_H
#define NESTLAB_KERNEL_KCONFIG_H

#include "core/hash.h"
#include "core/util.h"

struct kconfig_option {
	char *name;  /* "CONFIG_KVM" */
	char *value; /* "y", "m", "64", "\"text\"", or "n" for "is not set" */
	char *file;  /* where it was asked for */
	unsigned long line;
	bool required; /* must be in the final .config; tinyconfig's is a beginning only */
};

struct kconfig {
	struct kconfig_option *options; /* sorted by name; each name once */
	size_t n;
};

/*
 * Add the options of one file. 0; -OUT_USAGE: the file can't be read, or "FILE:LINE: ..." for a
 * line that is no option, or the same option with two values in one file.
 */
int kconfig_add(struct kconfig *c, const char *path, bool required);

/* NULL: none asks for it. */
const struct kconfig_option *kconfig_find(const struct kconfig *c, const char *name);

/* What no fragment asks for any more: a source that lacks these options is no error. */
void kconfig_drop(struct kconfig *c, const struct strv *names);

/*
 * Add the names of those that no Kconfig file below these folders defines, in any architecture. 0
 * or -OUT_BROKEN. The caller frees them.
 */
int kconfig_unknown(const struct kconfig *c, const char *const *trees, size_t n,
		    struct strv *unknown);

/* The text for `make KCONFIG_ALLCONFIG=FILE allnoconfig`. */
void kconfig_print(const struct kconfig *c, struct buf *out);

void kconfig_hash(const struct kconfig *c, struct hash *h);

/*
 * Does each required option hold in the final .config? Kconfig drops silently what has an unmet
 * dependency. 0, or -OUT_USAGE with the fragment's file and line for each one that does not (the
 * first three, and how many more).
 */
int kconfig_verify(const struct kconfig *c, const char *dot_config);

void kconfig_free(struct kconfig *c);

#endif
