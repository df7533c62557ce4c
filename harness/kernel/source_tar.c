// SPDX-License-Identifier: GPL-2.0-only
/* Sources that come as one archive: a Debian source package's tarball, or any. */
#include <string.h>
#include <strings.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "kernel/package.h"
#include "kernel/source.h"

#define TAR_DEADLINE_S 900

static bool package_named(const struct kernel_conf *k)
{
	return k->source.package;
}

static bool tarball_named(const struct kernel_conf *k)
{
	return k->source.tarball;
}

/* The hash first: nothing is unpacked that is not what the .conf says. */
static int identify(const struct kernel_conf *k, struct source *s, const char *path)
{
	char hex[HASH_HEX_LEN + 1];
	struct hash *h;
	int ret;

	ret = hash_file(path, hex);
	if (ret)
		return ret;
	if (k->source.sha256 && strcasecmp(k->source.sha256, hex))
		return fail(OUT_USAGE,
			    "%s: the sha256 of %s is %s, and not %s: it is another file, or a "
			    "damaged one; nothing was unpacked",
			    k->path, path, hex, k->source.sha256);
	h = hash_new("kernel-source-1");
	hash_add_str(h, "tarball", hex);
	hash_hex(h, s->key);
	return 0;
}

static int package_identify(const struct kernel_conf *k, struct source *s)
{
	_cleanup_free_ char *path = NULL;
	int ret = package_tarball(k, &path);

	if (ret)
		return ret;
	s->name = xstrdup(k->source.package);
	return identify(k, s, path);
}

static int tarball_identify(const struct kernel_conf *k, struct source *s)
{
	_cleanup_free_ char *path = path_in_root(k->source.tarball);

	if (!path_exists(path))
		return fail(OUT_USAGE, "%s: tarball = %s: there is no such file", k->path, path);
	s->name = xstrdup(k->source.tarball);
	return identify(k, s, path);
}

static int untar(const char *path, const char *dir)
{
	/* Without --no-same-owner root would give the files to whoever packed them. */
	const char *argv[] = { "tar",
			       "--extract",
			       "--file",
			       path,
			       "--directory",
			       dir,
			       "--strip-components=1",
			       "--no-same-owner",
			       NULL };
	struct proc p = { .what = "unpacking the kernel source",
			  .argv = (char *const *)argv,
			  .deadline_s = TAR_DEADLINE_S };

	return proc_check(&p);
}

static int package_unpack(const struct kernel_conf *k, const struct source *s, const char *dir)
{
	_cleanup_free_ char *path = NULL;
	int ret = package_tarball(k, &path);

	(void)s;
	return ret ? ret : untar(path, dir);
}

static int tarball_unpack(const struct kernel_conf *k, const struct source *s, const char *dir)
{
	_cleanup_free_ char *path = path_in_root(k->source.tarball);

	(void)s;
	return untar(path, dir);
}

const struct source_kind source_package = { package_named, package_identify, package_unpack };
const struct source_kind source_tarball = { tarball_named, tarball_identify, tarball_unpack };
