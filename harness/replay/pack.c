// SPDX-License-Identifier: GPL-2.0-only
#include "replay/pack.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "replay/record.h"

#define PARTS "parts"
#define DEADLINE_S 1800 /* a disk of 2.5 GB, with holes */

static int make_stage(char **stage)
{
	_cleanup_free_ char *folder = NULL;
	int ret = cache_folder(&cache_stage, &folder);

	*stage = ret ? NULL : cache_temp(folder, "replay");
	if (!ret && mkdir_p(*stage))
		ret = fail(OUT_BROKEN, "can't make %s", *stage);
	return ret;
}

/* ---- packing: links to what there is, and tar follows them ---- */

static int link_at(const char *stage, const char *name, const char *target)
{
	_cleanup_free_ char *link = strf("%s/%s", stage, name), *folder = xstrndup(link, (size_t)(strrchr(link, '/') - link));

	if (mkdir_p(folder) || (!path_exists(link) && symlink(target, link)))
		return fail(OUT_BROKEN, "can't make the link %s: %m", link);
	return 0;
}

static int link_part(const struct record *r, const struct record_part *p, const char *stage)
{
	_cleanup_free_ char *path = NULL, *name = strf(PARTS "/%s", p->in);
	bool packed = p->in[0] != '/' && strcmp(p->as, RECORD_PROGRAM) != 0;
	int ret = packed ? record_find(r, p->as, NULL, &path) : 0;

	return ret || !packed ? ret : link_at(stage, name, path);
}

static int link_parts(const char *dir, const char *json, const char *stage)
{
	_cleanup_free_ char *path = strf("%s/" RECORD_FOLDER "/%s", dir, json);
	struct record r;
	int ret = record_load(path, &r);

	for (size_t i = 0; !ret && i < r.n_parts; i++)
		ret = link_part(&r, &r.parts[i], stage);
	record_free(&r);
	return ret;
}

static int fill(const char *dir, const char *stage)
{
	_cleanup_free_ char *folder = strf("%s/" RECORD_FOLDER, dir), *parts = strf("%s/" PARTS, stage);
	_cleanup_strv_ struct strv records = { 0 };
	int ret = mkdir_p(parts) ? fail(OUT_BROKEN, "can't make %s", parts) : link_at(stage, RECORD_FOLDER, folder);

	if (!ret && (dir_list(folder, ".json", &records) || !records.n))
		ret = fail(OUT_USAGE, "%s has no record", dir);
	for (size_t i = 0; !ret && i < records.n; i++)
		ret = link_parts(dir, records.v[i], stage);
	return ret;
}

/* Whole or not at all; the name's end tells tar how to compress. */
static int write_tar(const char *stage, const char *tar)
{
	const char *slash = strrchr(tar, '/'), *base = slash ? slash + 1 : tar;
	_cleanup_free_ char *part = strf("%.*s.%d-%s", (int)(base - tar), tar, (int)getpid(), base);
	char *const argv[] = { (char *)"tar", (char *)"--create", (char *)"--dereference", (char *)"--sparse", (char *)"--auto-compress",
			       (char *)"--file", part, (char *)"-C", (char *)stage, (char *)RECORD_FOLDER, (char *)PARTS, NULL };
	struct proc p = { .what = "packing the record", .argv = argv, .deadline_s = DEADLINE_S };
	int ret = proc_check(&p);

	if (!ret && rename(part, tar))
		ret = fail(OUT_BROKEN, "can't rename %s to %s: %m", part, tar);
	unlink(part);
	return ret;
}

int pack_export(const char *dir, const char *tar)
{
	_cleanup_free_ char *stage = NULL, *whole = realpath(dir, NULL);
	int ret = whole ? make_stage(&stage) : fail(OUT_USAGE, "there is no folder %s", dir);

	if (!ret)
		ret = fill(whole, stage);
	if (!ret)
		ret = write_tar(stage, tar);
	if (stage)
		rm_rf(stage);
	return ret;
}

/* ---- unpacking ---- */

static int is_strange(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	return (type != FTW_F && type != FTW_D) || (type == FTW_F && !S_ISREG(st->st_mode));
}

/* What a link led to would be read in place of a part. */
static int check(const char *stage, const char *tar)
{
	if (nftw(stage, is_strange, 16, FTW_PHYS))
		return fail(OUT_USAGE, "%s holds something else than files and folders", tar);
	return 0;
}

static int unpack(const char *tar, const char *stage)
{
	char *const argv[] = { (char *)"tar", (char *)"--extract", (char *)"--no-same-owner", (char *)"--file", (char *)tar, (char *)"-C", (char *)stage, NULL };
	struct proc p = { .what = "unpacking the record", .argv = argv, .deadline_s = DEADLINE_S };
	int ret = proc_check(&p);
	_cleanup_free_ char *why = xstrdup(ret ? fail_text() : "");

	return ret == -OUT_BROKEN ? fail(OUT_USAGE, "%s is no record that `nestlab replay --export` wrote: %s", tar, why) : ret;
}

int pack_open(const char *tar, char **dir, char **parts)
{
	int ret = make_stage(dir);

	*parts = NULL;
	if (!ret)
		ret = unpack(tar, *dir);
	if (!ret)
		ret = check(*dir, tar);
	if (!ret)
		*parts = strf("%s/" PARTS, *dir);
	return ret;
}

void pack_remove(const char *dir)
{
	rm_rf(dir);
}
