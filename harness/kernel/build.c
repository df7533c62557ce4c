// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "kernel/changed.h"
#include "kernel/kconfig.h"
#include "kernel/kernel.h"
#include "kernel/make.h"
#include "kernel/series.h"
#include "kernel/shortcut.h"
#include "kernel/source.h"
#include "kernel/store.h"
#include "kernel/toolchain.h"
#include "kernel/tree.h"
#include "kernel/worktree.h"

#define RECIPE "kernel-build-2" /* bump it when the same inputs give other outputs */
#define BUILD_DEADLINE_S 3600
#define CONFIG_DEADLINE_S 300

struct job {
	const struct kernel_conf *k;
	const struct kernel_role_conf *rc;
	const struct flavor *flavor; /* NULL: the plain kernel */
	struct strv make_args;	     /* the flavour's */
	struct buf changed;	     /* changed_lines(), for a flavour */
	enum kernel_role role;
	struct source source;
	struct patches readings; /* come first; the host's */
	struct patches own;	 /* the kernel's series */
	const struct patches *change; /* comes on top; or NULL */
	struct kernel_patch *patches; /* all of them, as told to others */
	size_t n_patches;
	struct series series;
	struct kconfig fragments;
	struct strv lacks; /* options that this source does not have */
	char *compiler;
	char *config_name; /* "host-1a2b3c4d", of role and fragments */
	char *log;
	bool strange; /* the patches are not this checkout's own */
	/*
	 * Of this checkout's own patches alone, and for the work tree's objects: they are wanted
	 * also where the store has the kernel.
	 */
	bool fill;
	char key[HASH_HEX_LEN + 1];
};

static void free_inputs(struct kernel_patch *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].path);
	free(v);
}

static void job_free(struct job *j)
{
	series_free(&j->series);
	patches_free(&j->readings);
	patches_free(&j->own);
	free_inputs(j->patches, j->n_patches);
	source_free(&j->source);
	kconfig_free(&j->fragments);
	strv_free(&j->lacks);
	strv_free(&j->make_args);
	buf_free(&j->changed);
	free(j->compiler);
	free(j->config_name);
	free(j->log);
}

/* ---- inputs ---- */

static int read_fragments(struct job *j)
{
	struct hash *h = hash_new("kernel-config-name-2");
	char hex[HASH_HEX_LEN + 1];
	int ret = 0;

	for (size_t i = 0; !ret && i < j->rc->fragments.n; i++) {
		_cleanup_free_ char *path = path_in_root(j->rc->fragments.v[i]);

		ret = kconfig_add(&j->fragments, path, true);
		/*
		 * Its name, not its content: an edited fragment goes on in the same work tree, a
		 * flavour in another.
		 */
		hash_add_str(h, "fragment", j->rc->fragments.v[i]);
	}
	hash_hex(h, hex);
	j->config_name = strf("%s-%.8s", kernel_role_name(j->role), hex);
	return ret;
}

/*
 * The user's own fragment is his to get right; ours are for many kernels, and are root-relative.
 */
static int check_users_options(const struct job *j)
{
	for (size_t i = 0; i < j->lacks.n; i++) {
		const struct kconfig_option *o = kconfig_find(&j->fragments, j->lacks.v[i]);

		if (o && strv_has(&j->rc->fragments, o->file) && o->file[0] == '/')
			return fail(OUT_USAGE, "%s:%lu: %s: %s has no such option", o->file, o->line, o->name, j->source.name);
	}
	return 0;
}

/* What a base lacks is known, and told in its file; a user's tree is asked. */
static int find_lacks(struct job *j)
{
	const char *trees[] = { j->source.dir, j->series.dir };
	int ret = 0;

	for (size_t i = 0; i < j->k->lacks.n; i++)
		strv_add(&j->lacks, j->k->lacks.v[i]);
	if (j->k->own)
		ret = kconfig_unknown(&j->fragments, trees, ARRAY_SIZE(trees), &j->lacks);
	if (!ret)
		ret = check_users_options(j);
	kconfig_drop(&j->fragments, &j->lacks);
	return ret;
}

static void add_inputs(struct job *j, const struct patches *ps)
{
	for (size_t i = 0; ps && i < ps->n; i++) {
		struct kernel_patch *p;

		j->patches = xrealloc(j->patches, j->n_patches + 1, sizeof(*j->patches));
		p = &j->patches[j->n_patches++];
		p->path = xstrdup(ps->v[i].path);
		memcpy(p->sha256, ps->v[i].sha256, sizeof(p->sha256));
	}
}

#define STATS_HEADER "include/uapi/linux/kvm.h"
#define STATS_CALL "KVM_GET_STATS_FD"

/* Since v5.14: a base's .conf is taken for its neighbours in a clone, too. */
static bool tells_vcpus(const struct job *j)
{
	_cleanup_free_ char *put = strf("%s/" STATS_HEADER, j->series.dir);
	_cleanup_free_ char *path = strf("%s/" STATS_HEADER, j->source.dir);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(path_exists(put) ? put : path, &text))
		return false;
	return strstr(buf_str(&text), STATS_CALL);
}

static int read_readings(struct job *j)
{
	_cleanup_free_ char *knob = strf("kernel %s: readings", j->k->name);

	if (j->role != KERNEL_HOST || tells_vcpus(j))
		return 0;
	return patches_read(knob, &j->k->readings, &j->readings);
}

static int read_patches(struct job *j)
{
	_cleanup_free_ char *knob = strf("kernel %s: patches", j->k->name);
	int ret = read_readings(j);

	if (!ret)
		ret = patches_read(knob, &j->rc->patches, &j->own);
	j->change = j->fill ? NULL : j->rc->change;
	if (j->fill)
		patches_keep_own(&j->own);
	add_inputs(j, &j->readings);
	add_inputs(j, &j->own);
	add_inputs(j, j->change);
	j->strange = j->own.strange || (j->change && j->change->strange);
	return ret;
}

static void series_hex(const struct series *s, char *hex)
{
	struct hash *h = hash_new("series");

	series_hash(s, h);
	hash_hex(h, hex);
}

/*
 * Patches that apply and leave each file as it was would have the kernel without them judged, and
 * the change be told "pass".
 */
static int apply_change(struct job *j)
{
	const struct patches *change = j->change;
	char before[HASH_HEX_LEN + 1], after[HASH_HEX_LEN + 1];
	int ret = series_finish(&j->series);

	if (ret || !change || !change->n)
		return ret;
	series_hex(&j->series, before);
	ret = series_apply(&j->series, change->v, change->n);
	if (!ret)
		ret = series_finish(&j->series);
	if (ret)
		return ret;
	series_hex(&j->series, after);
	if (strcmp(before, after))
		return 0;
	return fail(OUT_UNUSABLE,
		    "the change of the %s kernel (%s%s) leaves each file as it was before: there is "
		    "nothing to judge",
		    kernel_role_name(j->role), patch_base_name(&change->v[0]),
		    change->n > 1 ? " and the patches after it" : "");
}

static int begin_series(struct job *j)
{
	int ret = series_begin(&j->series, j->source.dir);

	if (!ret)
		ret = source_put_changed(j->k, &j->source, j->series.dir);
	for (size_t i = 0; !ret && i < j->source.changed.n; i++)
		series_note(&j->series, j->source.changed.v[i]);
	return ret;
}

/* They are the lab's: no change is wrong where they don't go in. */
static int apply_readings(struct job *j)
{
	int ret = series_apply(&j->series, j->readings.v, j->readings.n);

	if (ret != -OUT_BUILD_ERROR)
		return ret;
	return fail(OUT_BROKEN, "kernel %s: its readings, which tell each vCPU's exits, can't be put into %s: %s",
		    j->k->name, j->source.name, fail_text());
}

static int make_series(struct job *j)
{
	int ret = apply_readings(j);

	if (!ret)
		ret = series_apply(&j->series, j->own.v, j->own.n);
	if (!ret)
		ret = apply_change(j);
	for (size_t i = 0; i < j->series.notes.n; i++)
		ui_note("%s", j->series.notes.v[i]);
	return ret;
}

/* What went in, for the manifest of a run. */
static void tell_inputs(struct job *j, struct kernel_build *b)
{
	memcpy(b->key, j->key, sizeof(j->key));
	memcpy(b->source_key, j->source.key, sizeof(b->source_key));
	str_set(&b->source, j->source.name);
	str_set(&b->compiler, j->compiler);
	b->patches = j->patches;
	b->n_patches = j->n_patches;
	b->strange = j->strange;
	j->patches = NULL;
	j->n_patches = 0;
	b->notes = j->series.notes;
	j->series.notes = (struct strv){ 0 };
}

static void make_args(struct job *j)
{
	_cleanup_buf_ struct buf flags = { 0 };

	if (!j->flavor)
		return;
	for (size_t i = 0; i < j->flavor->make.n; i++)
		strv_add(&j->make_args, j->flavor->make.v[i]);
	for (size_t i = 0; i < j->flavor->module_cflags.n; i++)
		buf_printf(&flags, "%s%s", i ? " " : "", j->flavor->module_cflags.v[i]);
	if (flags.len)
		strv_addf(&j->make_args, "CFLAGS_MODULE=%s", buf_str(&flags));
}

static void hash_make_args(const struct job *j, struct hash *h)
{
	for (size_t i = 0; i < j->make_args.n; i++)
		hash_add_str(h, "make", j->make_args.v[i]);
	if (j->flavor)
		hash_add_str(h, "kept", "symbols/changed");
}

static void make_key(struct job *j)
{
	struct hash *h = hash_new(RECIPE);

	hash_add_str(h, "source", j->source.key);
	series_hash(&j->series, h);
	kconfig_hash(&j->fragments, h);
	for (size_t i = 0; i < j->rc->modules.n; i++)
		hash_add_str(h, "module", j->rc->modules.v[i]);
	hash_add_str(h, "compiler", j->compiler);
	hash_make_args(j, h);
	hash_hex(h, j->key);
	j->log = path_in_cache("logs/kernel-%.12s.log", j->key);
}

static int prepare(struct job *j)
{
	int ret = read_fragments(j);

	make_args(j);
	if (!ret)
		ret = toolchain_id(&j->compiler);
	if (!ret)
		ret = source_resolve(j->k, &j->source);
	if (!ret)
		ret = begin_series(j);
	if (!ret)
		ret = find_lacks(j);
	if (!ret)
		ret = read_patches(j);
	if (!ret)
		ret = make_series(j);
	if (!ret)
		make_key(j);
	return ret;
}

/* ---- whose fault a failed make is ---- */

/* to_blame: the outcome when neither the disk nor the lab itself is why. */
static int tell_failure(const struct make *m, enum outcome to_blame)
{
	_cleanup_free_ char *why = make_why(m);

	if (cache_disk_is_full())
		return fail(OUT_BROKEN,
			    "%s: the disk of the cache %s is full; make room and try again",
			    m->what, path_cache());
	return fail(to_blame, "%s failed: %s; the whole log: %s", m->what, why, m->log);
}

/* ---- configuration ---- */

/* What `make tinyconfig` consists of; older kernels lack some. */
static const char *const tiny_files[] = { "kernel/configs/tiny-base.config",
					  "kernel/configs/tiny.config",
					  "arch/x86/configs/tiny.config" };

static int merge_config(const struct job *j, const struct worktree *w, struct kconfig *all)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(tiny_files); i++) {
		_cleanup_free_ char *path = strf("%s/%s", w->src, tiny_files[i]);

		if (path_exists(path))
			ret = kconfig_add(all, path, false);
	}
	for (size_t i = 0; !ret && i < j->rc->fragments.n; i++) {
		_cleanup_free_ char *path = path_in_root(j->rc->fragments.v[i]);

		ret = kconfig_add(all, path, true);
	}
	kconfig_drop(all, &j->lacks);
	return ret;
}

/* What .config was made from: the options, and Kconfig files that a series changed. */
static void config_stamp(const struct job *j, const struct kconfig *all, char *hex)
{
	struct hash *h = hash_new("kernel-config-1");

	kconfig_hash(all, h);
	hash_add_str(h, "compiler", j->compiler);
	hash_make_args(j, h);
	for (size_t i = 0; i < j->series.n_files; i++) {
		const struct series_file *f = &j->series.files[i];

		if (strstr(f->path, "Kconfig") || str_starts(f->path, "scripts/"))
			hash_add_str(h, f->path, f->deleted ? "deleted" : f->hex);
	}
	hash_hex(h, hex);
}

static bool has_config(const struct worktree *w, const char *stamp, const char *hex)
{
	_cleanup_buf_ struct buf b = { 0 };

	return tree_has_file(w->obj, ".config", NULL) && !file_read(stamp, &b) &&
	       !strcmp(buf_str(&b), hex);
}

static int run_config(const struct job *j, const struct worktree *w, const struct kconfig *all,
		      struct make *m)
{
	_cleanup_free_ char *wanted = strf("%s/nestlab.config", w->obj);
	_cleanup_free_ char *final = strf("%s/.config", w->obj);
	const char *args[] = { "KCONFIG_ALLCONFIG=nestlab.config", "allnoconfig", NULL };
	_cleanup_buf_ struct buf text = { 0 };
	bool theirs = series_touches(&j->series, "Kconfig") ||
		      series_touches(&j->series, "Makefile") ||
		      series_touches(&j->series, "Kbuild");
	int ret;

	kconfig_print(all, &text);
	if (file_write(wanted, buf_str(&text), text.len, 0666))
		return fail(OUT_BROKEN, "can't write %s: %m", wanted);
	ret = make_run(m, CONFIG_DEADLINE_S, args);
	if (ret)
		return ret < 0 ? ret : tell_failure(m, theirs ? OUT_BUILD_ERROR : OUT_BROKEN);
	if (!tree_has_file(w->obj, ".config", NULL))
		return fail(OUT_BROKEN, "%s: make wrote no %s; see %s", m->what, final, m->log);
	ret = kconfig_verify(all, final);
	if (ret && series_touches(&j->series, "Kconfig"))
		return fail(OUT_BUILD_ERROR, "after the patches changed Kconfig files: %s",
			    fail_text());
	return ret;
}

static int configure(const struct job *j, const struct worktree *w, struct make *m)
{
	_cleanup_free_ char *stamp = strf("%s/nestlab.stamp", w->obj);
	struct kconfig all = { 0 };
	char hex[HASH_HEX_LEN + 1];
	int ret = merge_config(j, w, &all);

	if (ret)
		goto out;
	config_stamp(j, &all, hex);
	if (has_config(w, stamp, hex))
		goto out;
	(void)unlink(stamp);
	(void)worktree_clear_whole(w);
	ret = run_config(j, w, &all, m);
	if (!ret && file_write(stamp, hex, strlen(hex), 0666))
		ret = fail(OUT_BROKEN, "can't write %s: %m", stamp);
out:
	kconfig_free(&all);
	return ret;
}

/* ---- steps known from the last build ---- */

static const struct cache_kind steps_kind = {
	.folder = "steps", .suffix = "", .what = "numbers of build steps", .keep_entries = 200,
};
CACHE_KIND(steps_kind);

static unsigned int known_steps(const struct job *j)
{
	_cleanup_buf_ struct buf b = { 0 };
	uint64_t n;

	if (cache_recall(&steps_kind, j->config_name, &b) && parse_u64(buf_str(&b), &n) &&
	    n <= UINT_MAX)
		return (unsigned int)n;
	return j->rc->objects;
}

static void remember_steps(const struct job *j, unsigned int steps)
{
	_cleanup_free_ char *text = strf("%u", steps);

	/* It is for the progress display only. */
	cache_remember(&steps_kind, j->config_name, text, strlen(text));
}

/* ---- building ---- */

/*
 * With the image standing, the modules by name: a fifth of the time that make takes to look
 * through a kernel in which nothing changed.
 */
static void add_goals(const struct job *j, const struct worktree *w, struct strv *goals)
{
	if (worktree_is_whole(w)) {
		for (size_t i = 0; i < j->rc->modules.n; i++)
			strv_add(goals, j->rc->modules.v[i]);
		return;
	}
	strv_add(goals, "bzImage");
	if (j->rc->modules.n)
		strv_add(goals, "modules");
}

static int compile(const struct job *j, const struct worktree *w, struct make *m)
{
	_cleanup_strv_ struct strv goals = { 0 };
	int ret;

	/* A build that goes on from an earlier one does a few steps, and nobody knows how many. */
	m->known_steps = w->fresh ? known_steps(j) : 0;
	add_goals(j, w, &goals);
	ret = make_run(m, BUILD_DEADLINE_S, (const char *const *)goals.v);
	if (ret > 0)
		return tell_failure(m, j->series.n_files ? OUT_BUILD_ERROR : OUT_BROKEN);
	if (!ret && w->fresh)
		remember_steps(j, m->steps);
	if (!ret)
		worktree_set_whole(w);
	return ret;
}

/*
 * The mark of a whole build goes before the sources change, and comes back when the image stands.
 */
static int install(const struct job *j, struct worktree *w)
{
	_cleanup_strv_ struct strv written = { 0 };
	bool whole = worktree_is_whole(w);
	int ret;

	(void)worktree_clear_whole(w);
	ret = worktree_install(w, j->source.dir, &j->series, &written);
	ui_debug("%zu source files differ from the last build's", written.n);
	if (!ret && whole && shortcut_allowed(w, j->source.dir, &written, &j->rc->modules))
		worktree_set_whole(w);
	return ret;
}

/* in_store: leave the kernel that is there: somebody may be using it. */
static int build_in(struct job *j, struct worktree *w, struct make *m, uint64_t started,
		    bool in_store)
{
	struct store_about about = { .source = j->source.name,
				     .compiler = j->compiler,
				     .patches = j->patches,
				     .n_patches = j->n_patches,
				     .changed = j->flavor ? &j->changed : NULL };
	int ret = install(j, w);

	if (!ret)
		ret = configure(j, w, m);
	if (!ret && j->flavor)
		ret = changed_lines(&j->series, &j->changed);
	if (!ret)
		ret = compile(j, w, m);
	about.seconds = (double)(now_ns() - started) / 1e9;
	if (!ret && !in_store)
		ret = store_put(j->key, &j->rc->modules, w, m, &about);
	return ret;
}

static int check_sandbox(const struct job *j)
{
	static bool told;

	if (sandbox_works())
		return 0;
	if (j->strange)
		return fail(OUT_BROKEN,
			    "the patches of the %s kernel are not this checkout's, and building "
			    "them runs what their makefiles say: that needs a sandbox, and "
			    "bubblewrap can't make one here; `apt-get install bubblewrap`, or "
			    "allow user namespaces",
			    kernel_role_name(j->role));
	if (!told)
		ui_note("bubblewrap can't make a sandbox here: building this checkout's patches "
			"without one");
	told = true;
	return 0;
}

static int make_folders(const char *ccache)
{
	if (mkdir_p(ccache))
		return fail(OUT_BROKEN, "can't make the cache folder %s: %m", ccache);
	return cache_folder(&cache_logs, NULL);
}

static bool is_done(const struct job *j, const struct worktree *w, struct kernel_build *b)
{
	return store_find(j->key, &j->rc->modules, b) && (!j->fill || worktree_is_whole(w));
}

/* 0 also when another nestlab built it while we waited for the work tree. */
static int build_locked(struct job *j, struct worktree *w, struct kernel_build *b, uint64_t started)
{
	_cleanup_free_ char *ccache = path_in_cache("ccache");
	_cleanup_free_ char *what = strf("building the %s kernel", kernel_role_name(j->role));
	struct make m;
	int ret = make_folders(ccache);

	if (ret)
		return ret;
	if (is_done(j, w, b)) {
		ui_stage_end("built by another nestlab");
		return 0;
	}
	(void)unlink(j->log);
	make_init(&m, w, what, j->log, ccache);
	m.more = &j->make_args;
	ret = build_in(j, w, &m, started, b->dir);
	if (!ret) {
		ui_stage_end("built, %u steps", m.steps);
		(void)unlink(j->log); /* it is kept beside the kernel now */
	}
	make_free(&m);
	return ret;
}

/*
 * One for each series: those of a reference and of the unpatched kernel, in turn in one tree, would
 * each compile what includes the headers that the reference touches. The series' names, not its
 * content, as with fragments: who edits a patch goes on in the same tree.
 */
static char *worktree_name(const struct job *j)
{
	struct hash *h = hash_new("kernel-series-name");
	char hex[HASH_HEX_LEN + 1];

	for (size_t i = 0; i < j->rc->patches.n; i++)
		hash_add_str(h, "item", j->rc->patches.v[i]);
	hash_hex(h, hex);
	return strf("%.12s-%s-%.8s", j->source.key, j->config_name, hex);
}

static int build(struct job *j, struct kernel_build *b, uint64_t started)
{
	_cleanup_free_ char *name = worktree_name(j);
	struct worktree w;
	int ret;

	ui_stage_begin("%s kernel", kernel_role_name(j->role));
	ret = worktree_open(&j->source, name, j->strange ? WORKTREE_APART : WORKTREE_TO_BUILD, &w);
	if (!ret)
		ret = build_locked(j, &w, b, started);
	worktree_close(&w);
	return ret;
}

/* ---- a stranger's change ---- */

static void job_begin(struct job *j, const struct kernel_conf *k, enum kernel_role role)
{
	const struct kernel_conf *of = kernel_conf_of(k, role);

	*j = (struct job){ .k = of, .rc = &of->role[role], .role = role };
	if (kernel_conf_flavor_of(k, role)->name)
		j->flavor = kernel_conf_flavor_of(k, role);
}

/*
 * 1: the last build in the shared work tree came to its end; 0: it did not; or a negative outcome.
 */
static int has_base(const struct job *j)
{
	_cleanup_free_ char *name = worktree_name(j);
	struct worktree w;
	int ret = worktree_open(&j->source, name, WORKTREE_TO_READ, &w);

	if (!ret)
		ret = worktree_is_whole(&w);
	worktree_close(&w);
	return ret;
}

static int fill_tree(const struct job *whose)
{
	struct kernel_build b = { 0 };
	struct job j;
	int ret;

	job_begin(&j, whose->k, whose->role);
	j.fill = true;
	ret = prepare(&j);
	if (!ret)
		ret = build(&j, &b, now_ns());
	kernel_build_free(&b);
	job_free(&j);
	return ret;
}

/*
 * A stranger's change is built apart from the shared work tree, so that nothing it leaves is ever
 * built upon. That is quick only when there are objects in that one, whatever the store has: where
 * a killed build's work tree had been emptied, each later change compiled all 2,090 of them. And
 * objects of the kernel that the change is put on, not of the unpatched one: its series touches
 * headers, which is 119 steps in place of 8.
 */
static int build_base(const struct job *j)
{
	int ret = has_base(j);

	if (ret)
		return ret < 0 ? ret : 0;
	ui_note("the %s kernel without the change first: its objects, which are built upon, are not whole",
		kernel_role_name(j->role));
	return fill_tree(j);
}

/* ---- the whole ---- */

/* Once for each kernel: a run asks for some of them for several labs. */
static void tell_reused(const struct job *j)
{
	static struct strv told;

	if (strv_has(&told, j->key))
		return;
	strv_add(&told, j->key);
	ui_stage_begin("%s kernel", kernel_role_name(j->role));
	ui_stage_end("reused");
}

static int find_or_build(struct job *j, struct kernel_build *b, uint64_t started)
{
	int ret;

	if (store_find(j->key, &j->rc->modules, b)) {
		b->reused = true;
		tell_reused(j);
		return 0;
	}
	ret = toolchain_check(&j->fragments);
	if (!ret)
		ret = check_sandbox(j);
	if (!ret && j->strange)
		ret = build_base(j);
	if (!ret)
		ret = build(j, b, started);
	if (!ret && !b->dir && !store_find(j->key, &j->rc->modules, b))
		ret = fail(OUT_BROKEN, "the %s kernel was built, and is gone from the cache %s",
			   kernel_role_name(j->role), path_cache());
	return ret;
}

int kernel_build(const struct kernel_conf *k, enum kernel_role role, struct kernel_build *b)
{
	uint64_t started = now_ns();
	struct job j;
	int ret;

	job_begin(&j, k, role);
	*b = (struct kernel_build){ 0 };
	ret = prepare(&j);
	if (!ret)
		ret = find_or_build(&j, b, started);
	tell_inputs(&j, b);
	if (ret == -OUT_BUILD_ERROR && j.log && path_exists(j.log))
		b->log = xstrdup(j.log);
	b->seconds = (double)(now_ns() - started) / 1e9;
	job_free(&j);
	return ret;
}

int kernel_copy_tree(const struct kernel_conf *k, enum kernel_role role, struct worktree *w)
{
	_cleanup_free_ char *name = NULL;
	struct job j;
	int ret;

	*w = (struct worktree){ .lock = -1 };
	job_begin(&j, k, role);
	ret = prepare(&j);
	if (!ret)
		ret = build_base(&j);
	if (!ret) {
		name = worktree_name(&j);
		ret = worktree_open(&j.source, name, WORKTREE_COPIED, w);
	}
	if (!ret && !worktree_is_whole(w))
		ret = fail(OUT_BROKEN, "another build of the %s kernel %s was ended meanwhile: try again",
			   kernel_role_name(role), k->name);
	if (!ret)
		ret = install(&j, w);
	job_free(&j);
	return ret;
}

void kernel_build_free(struct kernel_build *b)
{
	cache_release(b->entry);
	free(b->dir);
	free(b->bzimage);
	free(b->symbols);
	free(b->release);
	free(b->source);
	free(b->compiler);
	free(b->log);
	strv_free(&b->modules);
	strv_free(&b->notes);
	free_inputs(b->patches, b->n_patches);
	*b = (struct kernel_build){ 0 };
}
