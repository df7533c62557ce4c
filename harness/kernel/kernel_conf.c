// SPDX-License-Identifier: GPL-2.0-only
/* A kernel's .conf file. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/conf.h"
#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "kernel/kernel.h"

static const char *const role_names[KERNEL_ROLES] = { "host", "guest" };

const char *kernel_role_name(enum kernel_role r)
{
	return role_names[r];
}

#define SOURCE(key) { "source", #key, CONF_STR, offsetof(struct kernel_conf, source.key), 0, 0 }
#define ROLE(r, sec, key, type, max) \
	{ sec, #key, type, offsetof(struct kernel_conf, role[r].key), 0, max }

static const struct conf_key keys[] = {
	{ "lab", "lane", CONF_STR, offsetof(struct kernel_conf, lane), 0, 0 },
	SOURCE(package),
	SOURCE(suite),
	SOURCE(tarball),
	SOURCE(sha256),
	SOURCE(tree),
	SOURCE(git),
	SOURCE(ref),
	{ "source", "lacks", CONF_LIST, offsetof(struct kernel_conf, lacks), 0, 0 },
	{ "source", "seen", CONF_LIST, offsetof(struct kernel_conf, seen), 0, 0 },
	ROLE(KERNEL_HOST, "host", patches, CONF_LIST, 0),
	{ "host", "scripted", CONF_LIST, offsetof(struct kernel_conf, scripted), 0, 0 },
	{ "host", "readings", CONF_LIST, offsetof(struct kernel_conf, readings), 0, 0 },
	ROLE(KERNEL_HOST, "host", fragments, CONF_LIST, 0),
	ROLE(KERNEL_HOST, "host", modules, CONF_LIST, 0),
	ROLE(KERNEL_HOST, "host", objects, CONF_U32, 1000000),
	{ "guest", "kernel", CONF_STR, offsetof(struct kernel_conf, guest_name), 0, 0 },
	ROLE(KERNEL_GUEST, "guest", patches, CONF_LIST, 0),
	ROLE(KERNEL_GUEST, "guest", fragments, CONF_LIST, 0),
	ROLE(KERNEL_GUEST, "guest", modules, CONF_LIST, 0),
	ROLE(KERNEL_GUEST, "guest", objects, CONF_U32, 1000000),
};

static bool is_sha256(const char *s)
{
	return strspn(s, "0123456789abcdefABCDEF") == HASH_HEX_LEN && !s[HASH_HEX_LEN];
}

/* It becomes a line of APT's sources. */
static bool is_suite(const char *s)
{
	return islower((unsigned char)s[0]) && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz-")];
}

static int check_source(const struct kernel_conf *k)
{
	unsigned int named =
		!!k->source.package + !!k->source.tarball + !!k->source.tree + !!k->source.git;

	if (named != 1)
		return fail(OUT_USAGE,
			    "%s: [source] must name exactly one of package, tarball, tree and git, "
			    "and names %u",
			    k->path, named);
	if (k->source.suite && (!k->source.package || !is_suite(k->source.suite)))
		return fail(OUT_USAGE, "%s: suite = %s: want the name of one of Debian's suites, beside a package", k->path,
			    k->source.suite);
	if (k->source.sha256 && !is_sha256(k->source.sha256))
		return fail(OUT_USAGE, "%s: sha256 = %s: want 64 hexadecimal digits", k->path,
			    k->source.sha256);
	if (k->source.tarball && !k->source.sha256)
		return fail(OUT_USAGE, "%s: a tarball needs its sha256 beside it", k->path);
	if (k->source.sha256 && (k->source.tree || k->source.git))
		return fail(OUT_USAGE, "%s: a sha256 goes with a package or a tarball only",
			    k->path);
	if (!k->source.git != !k->source.ref)
		return fail(OUT_USAGE, "%s: git and ref go together", k->path);
	/* A word that begins with a dash would be an option to git. */
	if (k->source.git && (k->source.git[0] == '-' || k->source.ref[0] == '-'))
		return fail(OUT_USAGE, "%s: git or ref begins with a dash", k->path);
	return 0;
}

static bool is_module_path(const char *path)
{
	return str_ends(path, ".ko") && path[0] != '/' && !strstr(path, "..");
}

static int check_role(const struct kernel_conf *k, enum kernel_role role)
{
	const struct kernel_role_conf *rc = &k->role[role];
	bool elsewhere = role == KERNEL_GUEST && k->guest_name;

	if (elsewhere && (rc->fragments.n || rc->patches.n || rc->modules.n))
		return fail(OUT_USAGE, "%s: [guest] names the kernel %s, and what to build one of: want one of them", k->path,
			    k->guest_name);
	if (!rc->fragments.n && !elsewhere)
		return fail(OUT_USAGE, "%s: [%s] names no fragments", k->path, role_names[role]);
	for (size_t i = 0; i < rc->modules.n; i++)
		if (!is_module_path(rc->modules.v[i]))
			return fail(OUT_USAGE,
				    "%s: modules = %s: want a path in the kernel's tree that ends "
				    "in .ko",
				    k->path, rc->modules.v[i]);
	return 0;
}

static int check(const struct kernel_conf *k)
{
	int ret = check_source(k);

	for (unsigned int i = 0; !ret && i < KERNEL_ROLES; i++)
		ret = check_role(k, i);
	return ret;
}

/* ---- a user's own tree ---- */

#define TEMPLATE "config/kernels/tree.template"

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Where "@REF" begins behind a folder's path; NULL: there is none. */
static const char *ref_of(const char *name)
{
	const char *at = strrchr(name, '@');
	_cleanup_free_ char *dir = at ? xstrndup(name, (size_t)(at - name)) : NULL;

	return at && at[1] && is_folder(dir) ? at : NULL;
}

static bool names_tree(const char *name)
{
	return strchr(name, '/') && (is_folder(name) || ref_of(name));
}

/* What lies in every kernel since long ago; a folder of patches has none of it. */
static int check_tree(const char *dir)
{
	_cleanup_free_ char *kvm = strf("%s/arch/x86/kvm/x86.c", dir), *git = strf("%s/.git", dir);

	if (path_exists(kvm))
		return 0;
	return fail(OUT_USAGE, "KERNEL=%s: this folder is no kernel's tree: it has no arch/x86/kvm/x86.c%s", dir,
		    path_exists(git) ? "; a commit of a repository is named by FOLDER@REF" : "");
}

/* Its last part; it is absolute, or has a slash at least. Takes slashes off its end. */
static const char *base_of(char *dir)
{
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	return strchr(dir, '/') ? strrchr(dir, '/') + 1 : dir;
}

/* A git repository may have nothing checked out, where a ref is named. */
static int load_tree(const char *name, struct kernel_conf *k)
{
	const char *at = is_folder(name) ? NULL : ref_of(name);
	_cleanup_free_ char *dir = at ? xstrndup(name, (size_t)(at - name)) : xstrdup(name);
	int ret = at ? 0 : check_tree(dir);

	k->own = true;
	k->path = path_in_root(TEMPLATE);
	k->name = strf("%s%s", base_of(dir), at ? at : "");
	if (!ret)
		ret = conf_load(k->path, keys, ARRAY_SIZE(keys), k);
	if (ret)
		return ret;
	if (at) {
		str_set(&k->source.git, dir);
		str_set(&k->source.ref, at + 1);
	} else {
		str_set(&k->source.tree, dir);
	}
	return check(k);
}

/* ---- files ---- */

static void set_names(const char *name, struct kernel_conf *k)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	if (str_ends(name, ".conf")) {
		k->path = path_exists(name) ? xstrdup(name) : path_in_root(name);
		k->name = xstrndup(base, strlen(base) - strlen(".conf"));
	} else {
		_cleanup_free_ char *file = strf("config/kernels/%s.conf", name);

		k->path = path_in_root(file);
		k->name = xstrdup(name);
	}
}

static int load_file(const char *name, struct kernel_conf *k)
{
	int ret;

	set_names(name, k);
	if (!path_exists(k->path))
		return near_fail_in("there is no kernel", name, "config/kernels", NULL);
	ret = conf_load(k->path, keys, ARRAY_SIZE(keys), k);
	return ret ? ret : check(k);
}

static int load_one(const char *name, struct kernel_conf *k)
{
	int ret;

	*k = (struct kernel_conf){ .flavor = { .slowdown = 1 }, .guest_flavor = { .slowdown = 1 } };
	ret = names_tree(name) ? load_tree(name, k) : load_file(name, k);
	if (ret)
		kernel_conf_free(k);
	return ret;
}

/* One step only: a chain of files would hide what a guest is. */
static int load_guest(struct kernel_conf *k)
{
	struct kernel_conf *g = xcalloc(1, sizeof(*g));
	int ret = load_one(k->guest_name, g);

	if (!ret && g->guest_name)
		ret = fail(OUT_USAGE, "it has no guest of its own, but that of %s", g->guest_name);
	if (ret) {
		kernel_conf_free(g);
		free(g);
		return fail_prefix("%s: [guest] kernel = %s", k->path, k->guest_name);
	}
	k->guest = g;
	return 0;
}

int kernel_conf_load(const char *name, struct kernel_conf *k)
{
	int ret = load_one(name, k);

	if (!ret && k->guest_name)
		ret = load_guest(k);
	if (ret)
		kernel_conf_free(k);
	return ret;
}

static int take_flavor(struct kernel_conf *k, enum kernel_role role, const char *name,
		       struct flavor *f)
{
	struct kernel_role_conf *rc = kernel_conf_role(k, role);
	int ret = flavor_load(name, kernel_role_name(role), f);

	for (size_t i = 0; !ret && i < f->fragments.n; i++)
		strv_add(&rc->fragments, f->fragments.v[i]);
	return ret;
}

struct kernel_role_conf *kernel_conf_role(struct kernel_conf *k, enum kernel_role role)
{
	return role == KERNEL_GUEST && k->guest ? &k->guest->role[role] : &k->role[role];
}

int kernel_conf_flavor(struct kernel_conf *k, const char *host, const char *guest)
{
	int ret = take_flavor(k, KERNEL_HOST, host, &k->flavor);

	return ret ? ret : take_flavor(k, KERNEL_GUEST, guest, &k->guest_flavor);
}

const struct flavor *kernel_conf_flavor_of(const struct kernel_conf *k, enum kernel_role role)
{
	return role == KERNEL_HOST ? &k->flavor : &k->guest_flavor;
}

void kernel_conf_free(struct kernel_conf *k)
{
	if (k->guest)
		kernel_conf_free(k->guest);
	free(k->guest);
	flavor_free(&k->flavor);
	flavor_free(&k->guest_flavor);
	conf_free(keys, ARRAY_SIZE(keys), k);
	free(k->name);
	free(k->path);
	*k = (struct kernel_conf){ 0 };
}
