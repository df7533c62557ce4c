// SPDX-License-Identifier: GPL-2.0-only
#include "monitor/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "kernel/make.h"
#include "kernel/sandbox.h"
#include "monitor/interface.h"
#include "monitor/program.h"
#include "monitor/tools.h"
#include "core/why.h"

#define REFERENCE "testcases/kvm-api/monitor"
#define BUILD_DEADLINE_S 120
#define MAX_MEMORY ((size_t)2 << 30) /* of its build */
#define MAX_PROCESSES 200
#define MAX_DISK ((size_t)1 << 30)
#define MAX_FILE_BYTES (8u << 20)
#define MAX_DEPTH 4
#define MAX_TRIES 5 /* each with one more thing put right that is none of the monitor's faults */
/* musl brings none; last, and only for <linux/...>. */
#define KERNEL_HEADERS "-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu"

static const struct cache_kind programs = {
	.folder = "monitors", .whole = "monitor", .what = "monitors", .keep_entries = 400,
};
CACHE_KIND(programs);

/* -- its sources: regular files only, into a folder of ours -- */

struct sources {
	const char *to;	   /* NULL: only hashed */
	struct hash *hash; /* NULL: only copied */
	struct strv c_files;
	struct strv makefiles; /* the folders that have one, "." first */
	unsigned int n;
};

bool monitor_is_makefile(const char *path)
{
	const char *name = path_last(path);

	return !strcmp(name, "Makefile") || !strcmp(name, "makefile") || !strcmp(name, "GNUmakefile");
}

static void note_makefile(struct sources *s, const char *relative)
{
	const char *slash = strrchr(relative, '/');

	if (!monitor_is_makefile(relative))
		return;
	if (slash)
		strv_addf(&s->makefiles, "./%.*s", (int)(slash - relative), relative);
	else
		strv_add(&s->makefiles, ".");
}

/* The folder that is made: the uppermost's makefile calls those below. NULL: none has one. */
static const char *made_folder(const struct sources *s)
{
	if (strv_has(&s->makefiles, "."))
		return ".";
	return s->makefiles.n ? s->makefiles.v[0] : NULL;
}

static int check_makefiles(const struct sources *s)
{
	if (strv_has(&s->makefiles, ".") || s->makefiles.n <= 1)
		return 0;
	return fail(OUT_USAGE, "there are makefiles in %s and %s, and none above: hand in the folder that is meant",
		    s->makefiles.v[0], s->makefiles.v[1]);
}

/* A makefile may call a script of its own. */
static mode_t mode_of(const char *from)
{
	return access(from, X_OK) ? 0644 : 0755;
}

static int take_file(struct sources *s, const char *from, const char *relative)
{
	int err = 0;

	if (++s->n > MONITOR_MAX_FILES)
		return fail(OUT_USAGE, "%s: more than %d files are no monitor", from, MONITOR_MAX_FILES);
	if (s->hash) {
		hash_add_str(s->hash, "name", relative);
		return hash_add_file(s->hash, "file", from);
	}
	if (str_ends(relative, ".c") || str_ends(relative, ".S") || str_ends(relative, ".s"))
		strv_addf(&s->c_files, "./%s", relative);
	note_makefile(s, relative);
	_cleanup_free_ char *to = strf("%s/%s", s->to, relative);

	err = file_copy(from, to, mode_of(from));
	if (!err)
		err = program_date(to);
	return err ? fail(OUT_BROKEN, "can't copy %s to %s: %s", from, to, strerror(-err)) : 0;
}

static int take_folder(struct sources *s, const char *from, const char *below, unsigned int depth);

static int take_entry(struct sources *s, const char *from, const char *relative, unsigned int depth)
{
	struct stat st;

	if (lstat(from, &st))
		return fail(OUT_USAGE, "can't read %s: %s", from, strerror(errno));
	if (S_ISREG(st.st_mode) && st.st_size <= MAX_FILE_BYTES)
		return take_file(s, from, relative);
	if (!S_ISDIR(st.st_mode) || depth >= MAX_DEPTH)
		return 0; /* a link may lead anywhere */
	if (s->to) {
		_cleanup_free_ char *to = strf("%s/%s", s->to, relative);

		if (mkdir_p(to))
			return fail(OUT_BROKEN, "can't make %s", to);
	}
	return take_folder(s, from, relative, depth + 1);
}

static int take_folder(struct sources *s, const char *from, const char *below, unsigned int depth)
{
	_cleanup_strv_ struct strv names = { 0 };
	int ret = 0, err = dir_list(from, NULL, &names);

	if (err)
		return fail(OUT_USAGE, "can't read %s: %s", from, strerror(-err));
	for (size_t i = 0; !ret && i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", from, names.v[i]);
		_cleanup_free_ char *relative =
			*below ? strf("%s/%s", below, names.v[i]) : xstrdup(names.v[i]);

		ret = take_entry(s, path, relative, depth);
	}
	return ret;
}

static int take_sources(struct sources *s, const char *from)
{
	const char *base = strrchr(from, '/');

	if (path_is_folder(from))
		return take_folder(s, from, "", 0);
	return take_file(s, from, base ? base + 1 : from);
}

/* -- building it -- */

static int keep_program(const struct monitor *m, const char *obj, bool asked_for, const char *to)
{
	_cleanup_free_ char *found = NULL, *made = NULL;
	_cleanup_buf_ struct buf b = { 0 };
	int ret = program_find(obj, m->program, asked_for, &found), err;

	if (ret)
		return ret;
	made = strf("%s/%s", obj, found);
	ret = program_read(made, &b);
	if (ret)
		return fail_prefix("%s", found);
	if (strcmp(found, m->program))
		ui_note("the monitor %s: its makefile made %s", m->name, found);
	err = file_write(to, b.data, b.len, 0755);
	return err ? fail(OUT_BROKEN, "can't write %s: %s", to, strerror(-err)) : 0;
}

/*
 * The folder's own makefile, or all of its C files in one program. With musl, where it has all that
 * they include: 40 KB go into L1 in no time, and glibc's 800 KB took longer than a test.
 *
 * A makefile that has no target of the program's name (or nothing to do for it: a folder is called
 * that) is asked for its own first one.
 */
static void add_recipe(const struct monitor *m, const struct sources *s, struct strv *argv)
{
	static const char by_make[] = "t=$PWD/tools; PATH=$t:$PATH; cd \"obj/$1\" && shift; "
				      "for a in \"$t\"/again/*; do rm -f \"./${a##*/}\"; done; "
				      "while read -r d; do mkdir -p -- \"$d\"; done 2>/dev/null <\"$t/" TOOLS_FOLDERS "\"; "
				      "said=$(make -q \"$1\" 2>&1) && set --; "
				      "case $said in *\"No rule to make target '$1'.\"*) set -- ;; esac; exec make \"$@\"";
	static const char *const made[] = { "sh", "-c", by_make, "sh" };
	static const char *const plain[] = {
		"env",
		"--chdir=obj",
		"sh",
		"-c",
		"musl-gcc " KERNEL_HEADERS " \"$@\" 2>/dev/null || exec gcc \"$@\"",
		"sh",
		"-static",
		"-s",
		"-O2",
		"-Wall",
		"-o",
	};

	const char *folder = made_folder(s);

	for (size_t i = 0; i < (folder ? ARRAY_SIZE(made) : ARRAY_SIZE(plain)); i++)
		strv_add(argv, folder ? made[i] : plain[i]);
	if (folder)
		strv_add(argv, folder);
	strv_add(argv, m->program);
	if (folder)
		return;
	for (size_t i = 0; i < s->c_files.n; i++)
		strv_add(argv, s->c_files.v[i]);
	strv_add(argv, "-lpthread");
}

/* 0, make's exit status, or a negative outcome; *said: all that it printed. */
static int run_build(struct monitor *m, const struct sources *s, const char *src, const char *log,
		     struct buf *said)
{
	_cleanup_strv_ struct strv argv = { 0 };
	const struct limits limits = { MAX_MEMORY, MAX_PROCESSES, MAX_DISK, s->to };
	struct make make = { .what = "building the monitor",
			     .log = log,
			     .limits = &limits,
			     .enclosed = sandbox_works(),
			     .sandbox = { .src = src, .obj = s->to } };
	uint64_t start = now_ns();
	int status;

	unlink(log);
	add_recipe(m, s, &argv);
	status = make_command(&make, BUILD_DEADLINE_S, (const char *const *)argv.v);
	make_free(&make);
	if (status < 0 && now_ns() - start >= BUILD_DEADLINE_S * NSEC_PER_SEC &&
	    !proc_interrupted())
		return fail(OUT_BUILD_ERROR, "it took longer than %d s to compile",
			    BUILD_DEADLINE_S);
	buf_free(said);
	file_read(log, said);
	buf_puts(said, "");
	return status;
}

static char *log_of(const struct monitor *m)
{
	return path_in_cache("logs/monitor-%.12s.log", m->key);
}

static int compile(struct monitor *m, const struct sources *s, const char *src, const char *tools)
{
	_cleanup_free_ char *log = log_of(m), *why = NULL;
	_cleanup_buf_ struct buf said = { 0 };
	const char *folder = made_folder(s);
	int status = run_build(m, s, src, log, &said);

	for (int i = 0; i < MAX_TRIES && status > 0 && tools_try_again(buf_str(&said), tools); i++)
		status = run_build(m, s, src, log, &said);
	if (status <= 0 || (folder && tools_only_ran(buf_str(&said))))
		return status < 0 ? status : 0;
	if (tools_lacking(buf_str(&said)))
		return fail(OUT_BROKEN, "building it wants Debian's package %s, which this machine does "
			    "not have: apt-get install %s (see %s)", tools_lacking(buf_str(&said)),
			    tools_lacking(buf_str(&said)), log);
	why = why_build_failed(buf_str(&said));
	return fail(OUT_BUILD_ERROR, "%s (all of it is in %s)", why, log);
}

/* Its makefile is a stranger's program. */
static int check_sandbox(const struct monitor *m)
{
	if (sandbox_works() || !strcmp(m->name, REFERENCE))
		return 0;
	return fail(OUT_BROKEN, "building it runs what its makefile says: that needs a sandbox, and bubblewrap can't make one here; "
		    "`apt-get install bubblewrap`, or allow user namespaces");
}

static int compile_copy(struct monitor *m, const char *from, const char *src, const char *obj)
{
	_cleanup_free_ char *tools = strf("%s/tools", src);
	struct sources s = { .to = obj };
	int ret = check_sandbox(m);

	if (!ret)
		ret = take_sources(&s, from);
	if (!ret)
		ret = mkdir_p(tools) ? fail(OUT_BROKEN, "can't make %s", tools) : tools_write(tools);
	if (!ret)
		ret = check_makefiles(&s);
	if (!ret && !s.makefiles.n && !s.c_files.n)
		ret = fail(OUT_USAGE, "there is neither a Makefile nor a C file");
	if (!ret)
		ret = compile(m, &s, src, tools);
	strv_free(&s.c_files);
	strv_free(&s.makefiles);
	return ret;
}

struct building {
	struct monitor *m;
	const char *from;
	bool asked_for; /* the assignment names the program that make is to make */
};

static int build(void *ctx, const char *dir)
{
	const struct building *b = ctx;
	_cleanup_free_ char *program = strf("%s/monitor", dir), *stage = NULL, *src = NULL, *obj = NULL;
	int ret = cache_folder(&cache_logs, NULL);

	if (!ret)
		ret = cache_folder(&cache_stage, &stage);
	if (ret)
		return ret;
	src = cache_temp(stage, "monitor");
	obj = strf("%s/obj", src);
	ret = mkdir_p(obj) ? fail(OUT_BROKEN, "can't make %s", obj) : compile_copy(b->m, b->from, src, obj);
	if (!ret)
		ret = keep_program(b->m, obj, b->asked_for, program);
	if (ret == -OUT_BUILD_ERROR)
		b->m->log = log_of(b->m);
	rm_rf(src);
	return ret;
}

/* -- what is given -- */

#define PROGRAM "monitor" /* unless a monitor.conf says otherwise */

static int load_interface(struct monitor *m, const char *from, const struct assignment *a)
{
	_cleanup_free_ char *conf = strf("%s/monitor.conf", from);
	int ret = interface_check(a->path, &a->interface);

	if (!ret && path_is_folder(from) && path_exists(conf))
		ret = interface_load(conf, &m->interface, &m->program);
	interface_copy(&m->interface, &a->interface);
	if (!ret && (!*m->program || *m->program == '-' || strpbrk(m->program, "/=")))
		ret = fail(OUT_USAGE, "%s: program = %s: want a file's name", conf, m->program);
	return ret;
}

static int make_key(struct monitor *m, const char *from)
{
	struct sources s = { .hash = hash_new("monitor-6") };
	int ret;

	hash_add_str(s.hash, "program", m->program);
	ret = take_sources(&s, from);
	hash_hex(s.hash, m->key);
	return ret;
}

int monitor_prepare(const char *given, const struct assignment *a, struct monitor *m)
{
	_cleanup_free_ char *from = path_in_root(given && *given ? given : REFERENCE);
	struct building b = { .m = m, .from = from };
	int ret;

	*m = (struct monitor){ .name = xstrdup(given && *given ? given : REFERENCE),
			       .program = xstrdup(PROGRAM) };
	if (!path_exists(from))
		return fail(OUT_USAGE, "MONITOR=%s: there is no such file or folder", m->name);
	ret = load_interface(m, from, a);
	if (!ret)
		ret = make_key(m, from);
	if (ret)
		return ret;
	ui_stage_begin("monitor");
	b.asked_for = strcmp(m->program, PROGRAM) != 0;
	ret = cache_get(&programs, m->key, build, &b, &m->entry);
	ui_stage_end(ret ? "failed" : cache_made(m->entry) ? "built" : "reused");
	if (ret)
		return fail_prefix("the monitor %s", m->name);
	m->path = strf("%s/monitor", cache_path(m->entry));
	return 0;
}

void monitor_free(struct monitor *m)
{
	cache_release(m->entry);
	free(m->name);
	free(m->path);
	free(m->program);
	free(m->log);
	interface_free(&m->interface);
	*m = (struct monitor){ 0 };
}

void monitor_env(const struct monitor *m, const char *where, struct strv *env)
{
	strv_addf(env, "NESTLAB_MONITOR=%s", where);
	interface_env(&m->interface, env);
}
