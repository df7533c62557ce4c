// SPDX-License-Identifier: GPL-2.0-only
#include "metal/cargo.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "kernel/source.h"
#include "lab/lab.h"
#include "plan/plan.h"

/* Room for what is saved there, too: sparse, as the disks are. */
#define CACHE_SIZE "16G"
#define CHECKOUT_SIZE "2G"
#define KEY_DIGITS 16
/* Read of each source, whatever is patched (kernel/build.c). */
#define STATS_HEADER "include/uapi/linux/kvm.h"
/* L1's image goes by it. */
#define PUBLIC_KEY "ssh/id_ed25519.pub"
/* The lane whose images and kernels lane kvm's are; it works on every machine. */
#define LANE "tcg-svm"

static const struct cache_kind disks = {
	.folder = "metal", .whole = CARGO_DISK, .what = "what emulated machines bring along", .keep_entries = 3, .local = true,
};
CACHE_KIND(disks);

void cargo_free(struct cargo *c)
{
	strv_free(&c->names);
}

static void add(struct cargo *c, const char *name)
{
	if (!strv_has(&c->names, name))
		strv_add(&c->names, name);
}

/* ---- of the sources: the files that patches touch ---- */

static void add_source_file(struct cargo *c, const struct source *s, const char *path)
{
	_cleanup_free_ char *whole = path ? strf("%s/%s", s->dir, path) : NULL;

	if (whole && path_exists(whole))
		add(c, whole + strlen(path_cache()) + 1);
}

static void add_touched(struct cargo *c, const struct source *s, const struct patches *ps)
{
	for (size_t i = 0; ps && i < ps->n; i++)
		for (size_t f = 0; f < ps->v[i].n_files; f++) {
			add_source_file(c, s, ps->v[i].files[f].old_path);
			add_source_file(c, s, ps->v[i].files[f].new_path);
		}
}

static int add_touched_by(struct cargo *c, const struct source *s, const struct strv *paths)
{
	struct patches ps = { 0 };
	int ret = patches_read("patches", paths, &ps);

	if (!ret)
		add_touched(c, s, &ps);
	patches_free(&ps);
	return ret;
}

static int add_sources(struct cargo *c, const struct kernel_conf *k, enum kernel_role role)
{
	const struct kernel_conf *of = kernel_conf_of(k, role);
	const struct strv *const series[] = { &of->role[role].patches, &of->scripted,
					      &of->readings };
	struct source s;
	int ret = source_resolve(of, &s);

	for (size_t i = 0; !ret && i < ARRAY_SIZE(series); i++)
		ret = add_touched_by(c, &s, series[i]);
	if (!ret)
		add_touched(c, &s, of->role[role].change);
	if (!ret)
		add_source_file(c, &s, STATS_HEADER);
	source_free(&s);
	return ret;
}

/* ---- gathering ---- */

static int build(struct cargo *c, const struct kernel_conf *k)
{
	int ret = 0;

	for (unsigned int role = 0; !ret && role < KERNEL_ROLES; role++) {
		struct kernel_build b;

		ret = kernel_build(k, role, &b);
		kernel_build_free(&b);
		if (!ret)
			ret = add_sources(c, k, role);
	}
	return ret;
}

/* With its settings, "NAME=VALUE NAME=VALUE"; in our place and lane. */
static int make_plan(const char *place, const char *settings, struct plan *plan)
{
	_cleanup_strv_ struct strv words = { 0 };
	struct knobs k;
	int ret = knobs_load(&k);

	if (!ret)
		ret = knobs_set(&k, "PLACE", place);
	if (!ret)
		ret = knobs_set(&k, "LANE", LANE);
	strv_split(&words, settings, " ");
	for (size_t i = 0; !ret && i < words.n; i++) {
		char *equals = strchr(words.v[i], '=');

		if (!equals)
			ret = fail(OUT_USAGE, "'%s' is no setting: want NAME=VALUE", words.v[i]);
		else
			*equals = '\0';
		if (!ret)
			ret = knobs_set(&k, words.v[i], equals + 1);
	}
	*plan = (struct plan){ 0 };
	if (!ret)
		ret = plan_make(&k, plan);
	knobs_free(&k);
	return ret;
}

int cargo_check(const char *place, const struct strv *settings)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < settings->n; i++) {
		struct plan plan;

		ret = make_plan(place, settings->v[i], &plan);
		plan_free(&plan);
	}
	return ret;
}

/* Its host is the same with no KVM. */
static int prepare_scripted(const struct lab *lab)
{
	struct lab scripted;
	int ret = lab_prepare_scripted(lab, false, &scripted);

	lab_close_scripted(&scripted);
	return ret;
}

/* All that a lab stands on, and not its kernels alone. */
static int prepare_reference(struct cargo *c, const char *place)
{
	struct plan plan;
	struct lab lab;
	int ret = make_plan(place, "", &plan);

	if (ret) {
		plan_free(&plan);
		return ret;
	}
	ret = lab_open(&lab, &plan, "metal");
	if (!ret)
		ret = lab_prepare(&lab);
	if (!ret)
		ret = prepare_scripted(&lab);
	if (!ret)
		ret = build(c, &plan.kernel);
	lab_close(&lab, false);
	plan_free(&plan);
	return ret;
}

static int prepare(struct cargo *c, const char *place, const char *settings)
{
	struct plan plan;
	int ret = make_plan(place, settings, &plan);

	if (!ret)
		ret = build(c, &plan.kernel);
	plan_free(&plan);
	return ret;
}

/* What holds on another machine; of sources the files above will do. */
static bool is_portable(const char *name)
{
	static const char *const folders[] = { "golden/", "initramfs/", "kernels/", "roots/", "seeds/" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (str_starts(name, folders[i]))
			return true;
	return false;
}

static void add_used(struct cargo *c)
{
	_cleanup_strv_ struct strv used = { 0 };

	cache_used(&used);
	for (size_t i = 0; i < used.n; i++)
		if (is_portable(used.v[i]))
			add(c, used.v[i]);
	add(c, PUBLIC_KEY);
}

int cargo_gather(const char *place, const struct strv *settings, struct cargo *c)
{
	int ret = prepare_reference(c, place);

	for (size_t i = 0; !ret && i < settings->n; i++)
		ret = prepare(c, place, settings->v[i]);
	if (!ret)
		add_used(c);
	return ret;
}

/* ---- disks ---- */

/* A file system of a tree that the script's first lines make in "$1". */
#define DISK_OF(make_tree, size)                                                                   \
	"exec 2>&1; " make_tree "PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 -O ^has_journal -m 0 -N 65536 "   \
		  "-d \"$1\" \"$2\" " size "; rm -rf \"$1\""

static int make_disk(const char *what, const char *script, const char *cwd, const char *disk,
		     const struct strv *names)
{
	_cleanup_free_ char *tree = strf("%s.tree", disk);
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = what, .cwd = cwd, .deadline_s = 600 };

	strv_add(&argv, "sh");
	strv_add(&argv, "-ec");
	strv_add(&argv, script);
	strv_add(&argv, "sh");
	strv_add(&argv, tree);
	strv_add(&argv, disk);
	for (size_t i = 0; names && i < names->n; i++)
		strv_add(&argv, names->v[i]);
	p.argv = argv.v;
	return proc_check(&p);
}

/* By hard links: the disk is the only copy. */
static int fill_disk(void *ctx, const char *dir)
{
	static const char script[] =
		DISK_OF("tree=$1; disk=$2; shift 2; mkdir \"$tree\"; cp -al --parents \"$@\" \"$tree\"; set -- \"$tree\" \"$disk\"; ", CACHE_SIZE);
	_cleanup_free_ char *disk = strf("%s/" CARGO_DISK, dir);
	const struct cargo *c = ctx;
	int ret;

	ui_stage_begin("what the machine brings along");
	ret = make_disk("making a disk of a part of the cache", script, path_cache(), disk, &c->names);
	if (ret)
		ui_stage_abort();
	else
		ui_stage_end("%zu entries and files", c->names.n);
	return ret;
}

int cargo_disk(const struct cargo *c, struct cache_entry **e)
{
	struct hash *h = hash_new("metal-1");
	_cleanup_free_ char *name = NULL;
	char key[HASH_HEX_LEN + 1];

	for (size_t i = 0; i < c->names.n; i++)
		hash_add_str(h, "name", c->names.v[i]);
	hash_add_str(h, "size", CACHE_SIZE);
	hash_hex(h, key);
	name = xstrndup(key, KEY_DIGITS);
	return cache_get(&disks, name, fill_disk, (void *)c, e);
}

int cargo_checkout(const char *disk)
{
	static const char script[] =
		DISK_OF("mkdir -p \"$1/build\" \"$1/results\"; cp -a config guest-image kernel-patches testcases \"$1\"; "
			"cp -a build/nestlab build/guest build/tcg-plugin \"$1/build\"; ", CHECKOUT_SIZE);

	return make_disk("making a disk of this checkout", script, path_root(), disk, NULL);
}
