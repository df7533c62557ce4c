// SPDX-License-Identifier: GPL-2.0-only
#include "intake/bases.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"

#define ENDING "-unpatched.conf"

static void free_base(struct base *base)
{
	source_free(&base->source);
	free(base->name);
	free(base->folder);
}

static void push(struct bases *b, const struct base *base)
{
	b->v = xrealloc(b->v, b->n + 1, sizeof(*b->v));
	b->v[b->n] = *base;
	b->v[b->n].dir = base->source.dir;
	b->n++;
}

/* A source that can't be had is no error: there are others. */
static int add_base(struct bases *b, const char *file)
{
	_cleanup_free_ char *kernel = xstrndup(file, strlen(file) - strlen(".conf"));
	struct base base = { .name = xstrndup(file, strlen(file) - strlen(ENDING)) };
	struct kernel_conf conf;
	int ret = kernel_conf_load(kernel, &conf);

	if (ret) {
		free(base.name);
		return ret;
	}
	ret = source_resolve(&conf, &base.source);
	kernel_conf_free(&conf);
	if (ret) {
		strv_addf(&b->missing, "base %s is left out: %s", base.name, fail_text());
		free_base(&base);
		return ret == -OUT_BROKEN ? 0 : ret;
	}
	push(b, &base);
	return 0;
}

/* ---- a clone's versions ---- */

/* "6.1.7" of "v6.1.7" is not older than "6.1", and older than "6.12". */
static const struct base *template_for(const struct bases *b, const char *tag)
{
	const struct base *found = NULL, *oldest = NULL;

	for (size_t i = 0; i < b->n; i++) {
		const struct base *base = &b->v[i];

		if (base->folder)
			continue;
		if (!oldest || strverscmp(base->name, oldest->name) < 0)
			oldest = base;
		if (strverscmp(base->name, tag + 1) <= 0 &&
		    (!found || strverscmp(base->name, found->name) > 0))
			found = base;
	}
	return found ? found : oldest;
}

static bool names_source(const char *line)
{
	static const char *const keys[] = { "package", "suite", "tarball", "sha256", "tree", "git", "ref", "seen" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_starts(line, keys[i]) && strchr(" =", line[strlen(keys[i])]))
			return true;
	return false;
}

/* The template's file with another source. */
static void rewrite(char *text, const char *clone, const char *tag, struct buf *out)
{
	for (char *line; (line = strsep(&text, "\n"));) {
		if (!names_source(line))
			buf_printf(out, "%s%s", line, text ? "\n" : "");
		if (!strcmp(line, "[source]"))
			buf_printf(out, "git = %s\nref = refs/tags/%s\nseen = none\n", clone, tag);
	}
}

static int write_conf(const struct bases *b, const struct base *template, const char *tag,
		      const char *variety)
{
	_cleanup_free_ char *file = strf("config/kernels/%s-%s.conf", template->name, variety), *from = path_in_root(file);
	_cleanup_free_ char *to = strf("%s/%s-%s.conf", b->folder, tag, variety);
	_cleanup_buf_ struct buf text = { 0 }, out = { 0 };

	if (file_read(from, &text))
		return fail(OUT_BROKEN, "can't read %s, by which version %s is to be described", from, tag);
	rewrite(text.data ? text.data : (char *)"", clone_dir(b->clone), tag, &out);
	if (mkdir_p(b->folder) || file_write(to, buf_str(&out), out.len, 0644))
		return fail(OUT_BROKEN, "can't write %s", to);
	return 0;
}

static int unpack_version(struct base *base)
{
	_cleanup_free_ char *kernel = base_kernel(base, "unpatched");
	struct kernel_conf conf;
	int ret = kernel_conf_load(kernel, &conf);

	if (ret)
		return ret;
	conf.source.whole = true;
	ret = source_resolve(&conf, &base->source);
	kernel_conf_free(&conf);
	return ret;
}

static bool is_there(const struct bases *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->v[i].name, name))
			return true;
	return false;
}

int bases_add_version(struct bases *b, const char *tag)
{
	struct base base = { .name = xstrdup(tag), .folder = xstrdup(b->folder) };
	const struct base *template = template_for(b, tag);
	bool there = is_there(b, tag);
	int ret = there ? 0 : write_conf(b, template, tag, "unpatched");

	if (!there && !ret)
		ret = write_conf(b, template, tag, "bare");
	if (!there && !ret)
		ret = unpack_version(&base);
	if (there || ret)
		free_base(&base);
	else
		push(b, &base);
	return ret;
}

char *base_kernel(const struct base *b, const char *variety)
{
	return b->folder ? strf("%s/%s-%s.conf", b->folder, b->name, variety) : strf("%s-%s", b->name, variety);
}

/* ---- all ---- */

int bases_find(const char *clone, const char *folder, struct bases *b)
{
	_cleanup_free_ char *dir = path_in_root("config/kernels");
	_cleanup_strv_ struct strv names = { 0 };
	int ret = 0;

	*b = (struct bases){ .folder = xstrdup(folder) };
	if (dir_list(dir, ENDING, &names))
		return fail(OUT_BROKEN, "can't list the bases in %s", dir);
	for (size_t i = 0; !ret && i < names.n; i++)
		ret = add_base(b, names.v[i]);
	if (!ret && !b->n)
		ret = fail(OUT_BROKEN, "no base can be had: %s", b->missing.n ? b->missing.v[0] : dir);
	if (!ret && clone)
		ret = clone_open(clone, &b->clone);
	return ret;
}

void bases_free(struct bases *b)
{
	for (size_t i = 0; i < b->n; i++)
		free_base(&b->v[i]);
	free(b->v);
	free(b->folder);
	clone_free(b->clone);
	strv_free(&b->missing);
	*b = (struct bases){ 0 };
}
