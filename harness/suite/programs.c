// SPDX-License-Identifier: GPL-2.0-only
#include "suite/programs.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/why.h"
#include "kernel/make.h"
#include "kernel/source.h"
#include "kernel/toolchain.h"
#include "kernel/tree.h"

#define KEY_DIGITS 16
#define BUILD_DEADLINE_S 1200
#define DISK "disk.ext4"
#define LIST "tests.list"
#define ROOM (4u << 20) /* of the file system, for itself */
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-"

static const struct cache_kind suites = {
	.folder = "suites",
	.whole = DISK,
	.what = "suites' programs",
	.keep_entries = 8,
	.wait_s = 1800,
};
CACHE_KIND(suites);

/* ---- the list ---- */

static int wrong_line(const char *what, const char *line, const char *why)
{
	return fail(OUT_USAGE, "%s: its list has the line '%s': %s", what, line, why);
}

static bool has_test(const struct suite_programs *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			return true;
	return false;
}

static int take_test(const char *what, const char *line, struct suite_programs *p)
{
	const char *tab = strchr(line, '\t');
	_cleanup_free_ char *name = xstrndup(line, tab ? (size_t)(tab - line) : 0);

	if (!tab || !tab[1])
		return wrong_line(what, line, "want NAME, a tab, COMMAND");
	if (!*name || name[strspn(name, NAME_CHARS)])
		return wrong_line(what, line, "a name has letters, digits, and _.+- only");
	if (has_test(p, name))
		return wrong_line(what, line, "there is a test of that name already");
	p->v = xrealloc(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct suite_test){ .name = xstrdup(name), .command = xstrdup(tab + 1) };
	return 0;
}

int suite_programs_read(const char *what, const char *text, struct suite_programs *p)
{
	_cleanup_strv_ struct strv lines = { 0 };
	int ret = 0;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; !ret && i < lines.n; i++)
		ret = take_test(what, lines.v[i], p);
	if (!ret && !p->n)
		ret = fail(OUT_USAGE, "%s: its list names no test", what);
	return ret;
}

static int read_list(const struct suite *s, struct suite_programs *p)
{
	_cleanup_free_ char *path = strf("%s/" LIST, cache_path(p->entry));
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(path, &text))
		return fail(OUT_BROKEN, "can't read %s", path);
	return suite_programs_read(s->path, buf_str(&text), p);
}

/* ---- its source ---- */

/* What its build needs of the source, into a folder of ours: nothing is written to the source. */
static int take_entry(const char *from, const char *to)
{
	_cleanup_free_ char *copy = xstrdup(to);
	struct stat st;
	int err;

	if (stat(from, &st))
		return fail(OUT_USAGE, "files = ...: its source has no %s", from);
	if (mkdir_p(dirname(copy)))
		return fail(OUT_BROKEN, "can't make the folder of %s", to);
	if (S_ISDIR(st.st_mode))
		return tree_clone(from, to, TREE_COPY, NULL);
	err = file_copy(from, to, st.st_mode & 0777);
	return err ? fail(OUT_BROKEN, "can't copy %s to %s: %s", from, to, strerror(-err)) : 0;
}

static int take_source(const struct suite *s, const struct kernel_conf *k,
		       const struct source *from, const char *to)
{
	int ret = s->files.n ? 0 : take_entry(from->dir, to);

	for (size_t i = 0; !ret && i < s->files.n; i++) {
		_cleanup_free_ char *a = strf("%s/%s", from->dir, s->files.v[i]);
		_cleanup_free_ char *b = strf("%s/%s", to, s->files.v[i]);

		ret = take_entry(a, b);
	}
	return ret ? ret : source_put_changed(k, from, to);
}

/* ---- building ---- */

static void add_lines(struct buf *b, const struct strv *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		buf_printf(b, "%s\n", lines->v[i]);
}

static char *make_script(const struct suite *s)
{
	_cleanup_buf_ struct buf b = { 0 };

	add_lines(&b, &s->build);
	buf_puts(&b, "(\n");
	add_lines(&b, &s->list);
	buf_puts(&b, ") >obj/" LIST "\n");
	return xstrdup(buf_str(&b));
}

struct building {
	const struct suite *s;
	const struct kernel_conf *k;
	const struct source *source;
	const char *key;
};

static int run_script(const struct building *b, const char *src, const char *obj)
{
	_cleanup_free_ char *log = path_in_cache("logs/suite-%s-%.12s.log", b->s->name, b->key);
	_cleanup_free_ char *script = make_script(b->s), *why = NULL;
	const char *const args[] = { "sh", "-euc", script, NULL };
	struct make m = { .what = "building a suite",
			  .log = log,
			  .enclosed = sandbox_works(),
			  .sandbox = { .src = src, .obj = obj } };
	_cleanup_buf_ struct buf said = { 0 };
	int status;

	unlink(log);
	status = make_command(&m, BUILD_DEADLINE_S, args);
	make_free(&m);
	if (status <= 0)
		return status;
	file_read(log, &said);
	why = why_build_failed(buf_str(&said));
	return fail(OUT_BROKEN, "suite %s does not build: %s (all of it is in %s)", b->s->name, why,
		    log);
}

static int add_size(const char *relative, const struct stat *st, void *ctx)
{
	(void)relative;
	*(uint64_t *)ctx += ((uint64_t)st->st_size + 4095) & ~4095ull;
	return 0;
}

/* Nothing is mounted; its owner in L1 is root, who runs it. */
static int make_disk(const char *folder, const char *disk)
{
	uint64_t bytes = 0;
	int ret = path_is_folder(folder) ? tree_each(folder, add_size, &bytes)
					 : fail(OUT_USAGE, "its build left no folder obj/disk");
	_cleanup_free_ char *blocks = NULL;

	if (ret)
		return ret;
	bytes += bytes / 16 + ROOM;
	bytes = (bytes + SUITE_DISK_UNIT - 1) / SUITE_DISK_UNIT * SUITE_DISK_UNIT;
	blocks = strf("%lluk", (unsigned long long)bytes / 1024);
	char *const argv[] = { (char *)"env",
			       (char *)"PATH=" SANDBOX_PATH,
			       (char *)"mke2fs",
			       (char *)"-q",
			       (char *)"-F",
			       (char *)"-t",
			       (char *)"ext4",
			       (char *)"-O",
			       (char *)"^has_journal",
			       (char *)"-m",
			       (char *)"0",
			       (char *)"-E",
			       (char *)"root_owner=0:0",
			       (char *)"-d",
			       (char *)folder,
			       (char *)disk,
			       blocks,
			       NULL };
	struct proc p = { .what = "making a suite's disk", .argv = argv, .deadline_s = 300 };

	return proc_check(&p);
}

static int build_in(const struct building *b, const char *src, const char *dir)
{
	_cleanup_free_ char *obj = strf("%s/obj", src), *folder = strf("%s/disk", obj);
	_cleanup_free_ char *list = strf("%s/" LIST, obj), *kept = strf("%s/" LIST, dir);
	_cleanup_free_ char *disk = strf("%s/" DISK, dir);
	int ret = take_source(b->s, b->k, b->source, src);

	if (!ret && mkdir_p(obj))
		ret = fail(OUT_BROKEN, "can't make %s", obj);
	if (!ret)
		ret = run_script(b, src, obj);
	if (!ret && file_copy(list, kept, 0644))
		ret = fail(OUT_BROKEN, "can't keep the list of tests in %s", kept);
	return ret ? ret : make_disk(folder, disk);
}

static int build(void *ctx, const char *dir)
{
	const struct building *b = ctx;
	_cleanup_free_ char *stage = NULL, *src = NULL;
	int ret = cache_folder(&cache_logs, NULL);

	if (!ret)
		ret = cache_folder(&cache_stage, &stage);
	if (ret)
		return ret;
	ui_stage_begin("suite %s", b->s->name);
	src = cache_temp(stage, "suite");
	ret = build_in(b, src, dir);
	rm_rf(src);
	if (!ret)
		ui_stage_end("built");
	return ret ? fail_prefix("%s", b->s->path) : 0;
}

/* ---- the whole ---- */

static int make_key(const struct suite *s, const struct source *source, char key[HASH_HEX_LEN + 1])
{
	_cleanup_free_ char *id = NULL, *script = make_script(s);
	struct hash *h = hash_new("suite-1");
	int ret = toolchain_id(&id);

	hash_add_str(h, "source", source->git_tree[0] ? source->git_tree : source->key);
	for (size_t i = 0; i < s->files.n; i++)
		hash_add_str(h, "files", s->files.v[i]);
	hash_add_str(h, "script", script);
	hash_add_str(h, "compiler", id ? id : "");
	hash_hex(h, key);
	return ret;
}

/* The source that it is built from: the kernel's, the suite's own, or a tree in its place. */
static struct kernel_conf source_conf(const struct suite *s, const struct kernel_conf *kernel,
				      const char *tree)
{
	struct kernel_conf k = { .path = s->path };

	if (tree)
		k.source.tree = (char *)tree;
	else if (s->of_kernel)
		return *kernel;
	else
		k.source = s->source.source;
	k.source.whole = true;
	k.source.any = true;
	return k;
}

/* What is not to be had is no fault of anybody's. */
static int resolve(const struct suite *s, const struct kernel_conf *k, struct source *source)
{
	int ret = source_resolve(k, source);

	if (ret == -OUT_BROKEN && !s->of_kernel && !k->source.tree && !proc_interrupted())
		return fail(OUT_SKIP, "suite %s is skipped, as its source can't be had: %s%s%s%s",
			    s->name, fail_text(), s->knob ? "; " : "", s->knob ? s->knob : "",
			    s->knob ? "=DIR names a local copy" : "");
	return ret;
}

int suite_programs_prepare(const struct suite *s, const struct kernel_conf *kernel,
			   const char *tree, struct suite_programs *p)
{
	const struct kernel_conf k = source_conf(s, kernel, tree);
	struct source source = { 0 };
	struct building b = { .s = s, .k = &k, .source = &source, .key = p->key };
	_cleanup_free_ char *name = NULL;
	int ret;

	*p = (struct suite_programs){ 0 };
	ret = resolve(s, &k, &source);
	if (!ret)
		ret = make_key(s, &source, p->key);
	name = xstrndup(p->key, KEY_DIGITS);
	if (!ret)
		ret = cache_get(&suites, name, build, &b, &p->entry);
	str_set(&p->source, source.name);
	source_free(&source);
	if (ret)
		return ret;
	p->disk = strf("%s/" DISK, cache_path(p->entry));
	return read_list(s, p);
}

void suite_programs_free(struct suite_programs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].name);
		free(p->v[i].command);
	}
	free(p->v);
	free(p->disk);
	free(p->source);
	cache_release(p->entry);
	*p = (struct suite_programs){ 0 };
}
