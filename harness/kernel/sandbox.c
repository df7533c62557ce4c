// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/sandbox.h"

#include <unistd.h>

#include "core/proc.h"

#define INSIDE_SRC SANDBOX_SRC
#define TMP_BYTES "2147483648" /* it is memory, and by default half of what there is */
#define INSIDE_CCACHE "/build/ccache"

static void add_words(struct strv *argv, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		strv_add(argv, words[i]);
}

/* ---- the walls ---- */

/*
 * What a compiler needs of the system, and none of its secrets: no home, no /var, no keys in
 * /etc.
 */
static const char *const shown[] = {
	"/usr",
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/opt",
	"/etc/alternatives",
	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/passwd",
	"/etc/group",
};

static void show(struct strv *argv, const char *path)
{
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n > 0) { /* /bin -> usr/bin: a bind mount would follow it and lose the link */
		target[n] = '\0';
		strv_add(argv, "--symlink");
		strv_add(argv, target);
	} else {
		strv_add(argv, "--ro-bind-try");
		strv_add(argv, path);
	}
	strv_add(argv, path);
}

static void add_walls(struct strv *argv)
{
	static const char *const walls[] = {
		"bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop",
		"ALL",	 "--hostname",	  "nestlab",	       "--proc",	"/proc",
		"--dev", "/dev",	  "--remount-ro",      "/dev",		"--size",
		TMP_BYTES, "--tmpfs",	  "/tmp",
	};

	add_words(argv, walls, ARRAY_SIZE(walls));
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		show(argv, shown[i]);
}

static void add_bind(struct strv *argv, bool writable, const char *from, const char *to)
{
	strv_add(argv, writable ? "--bind" : "--ro-bind");
	strv_add(argv, from);
	strv_add(argv, to);
}

static bool probe(void)
{
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = "probing the sandbox", .quiet_stderr = true };

	add_walls(&argv);
	strv_add(&argv, "true");
	p.argv = argv.v;
	return proc_run(&p) == 0;
}

bool sandbox_works(void)
{
	static int known = -1;

	if (known < 0)
		known = sandbox_has_program("bwrap") && probe();
	return known;
}

/* ---- the command ---- */

/*
 * The same bytes for the same inputs: whatever kbuild would take from the clock, the user or the
 * host is fixed. An empty LOCALVERSION keeps setlocalversion from asking git.
 */
static const char *const build_env[] = {
	"PATH=" SANDBOX_PATH,
	"HOME=/tmp",
	"TMPDIR=/tmp",
	"LC_ALL=C",
	"TZ=UTC",
	"KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970",
	"KBUILD_BUILD_USER=nestlab",
	"KBUILD_BUILD_HOST=nestlab",
	"KBUILD_BUILD_VERSION=1",
	"SOURCE_DATE_EPOCH=0",
	"LOCALVERSION=",
};

static void add_ccache_env(const struct sandbox *s, bool enclosed, struct strv *argv)
{
	strv_addf(argv, "CCACHE_DIR=%s", enclosed ? INSIDE_CCACHE : s->ccache);
	/*
	 * Objects name no folder (see worktree.h), so one work tree may use what another
	 * compiled.
	 */
	strv_add(argv, "CCACHE_NOHASHDIR=1");
	strv_add(argv, "CCACHE_MAXSIZE=3G");
	/*
	 * Never its depend mode, though it saves a sixth of the time: it does not see .incbin, and
	 * gave a bzImage with another kernel's compressed image in it. What it stored is in another
	 * namespace.
	 */
	strv_add(argv, "CCACHE_NODEPEND=1");
	strv_add(argv, "CCACHE_NAMESPACE=nestlab-2");
	if (s->ccache_readonly) {
		strv_add(argv, "CCACHE_TEMPDIR=/tmp");
		strv_add(argv, "CCACHE_READONLY=1");
		strv_add(argv, "CCACHE_NOSTATS=1");
	}
}

static void add_binds(const struct sandbox *s, struct strv *argv)
{
	add_bind(argv, false, s->src, INSIDE_SRC);
	if (s->obj)
		add_bind(argv, true, s->obj, INSIDE_SRC "/obj");
	if (s->ccache)
		add_bind(argv, !s->ccache_readonly, s->ccache, INSIDE_CCACHE);
}

void sandbox_command(const struct sandbox *s, bool enclosed, const char *const args[],
		     struct strv *argv)
{
	static const char *const place[] = { "--chdir", INSIDE_SRC };
	static const char *const env[] = { "env", "--ignore-environment" };

	if (enclosed) {
		add_walls(argv);
		add_binds(s, argv);
		add_words(argv, place, ARRAY_SIZE(place));
	}
	add_words(argv, env, ARRAY_SIZE(env));
	add_words(argv, build_env, ARRAY_SIZE(build_env));
	if (s->ccache)
		add_ccache_env(s, enclosed, argv);
	for (size_t i = 0; args[i]; i++)
		strv_add(argv, args[i]);
}

bool sandbox_has_program(const char *name)
{
	return path_has_program(SANDBOX_PATH, name);
}
