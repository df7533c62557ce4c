// SPDX-License-Identifier: GPL-2.0-only
#include "gdb/session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "gdb/running.h"
#include "gdb/script.h"
#include "kernel/sandbox.h"
#include "lab/bringup.h"
#include "machine/libvirt/stub.h"
#include "machine/loop.h"

#define MODULES_MAX 8
#define TURN_MS 50
#define GRACE_MS 3000 /* from SIGTERM to SIGKILL; for a word with the stub */

/* ---- what runs in L1, and is it what we have? ---- */

struct loaded {
	struct running_module modules[MODULES_MAX];
	const char *files[MODULES_MAX]; /* their names; in `stored` */
	const char *stored[MODULES_MAX];
	size_t n;
	struct strv paths; /* in the kernel's tree */
};

static void free_loaded(struct loaded *l)
{
	for (size_t i = 0; i < l->n; i++)
		running_free(&l->modules[i]);
	strv_free(&l->paths);
}

/* The checkout may have changed since the lab was brought up. */
static int check_id(const struct running_module *m, const char *stored)
{
	char id[MODELF_ID_HEX];

	if (modelf_id(stored, id) && !strcmp(id, m->id))
		return 0;
	return fail(OUT_BROKEN, "L1 runs another %s (build id %.12s) than this checkout builds now for its plan: bring the lab up again, with `nestlab lab-down` and `lab-up`",
		    m->name, m->id);
}

static int ask_one(struct level *l1, const char *stored, struct loaded *l)
{
	struct running_module *m = &l->modules[l->n];
	int ret;

	if (l->n == MODULES_MAX)
		return fail(OUT_BROKEN, "L1 loads more than %d modules", MODULES_MAX);
	l->stored[l->n] = stored;
	l->files[l->n++] = path_last(stored);
	ret = running_ask(l1, stored, m);
	return ret ? ret : check_id(m, stored);
}

/* As paths in the kernel's tree. */
static const struct strv *modules_of(const struct plan *plan)
{
	return &kernel_conf_of(&plan->kernel, KERNEL_HOST)->role[KERNEL_HOST].modules;
}

static int ask(struct level *l1, const struct plan *plan, const struct kernel_build *b,
	       struct loaded *l)
{
	const struct strv *named = modules_of(plan);
	int ret = 0;

	for (size_t i = 0; !ret && i < b->modules.n && i < named->n; i++) {
		if (!bringup_loads(&plan->lane, b->modules.v[i]))
			continue;
		strv_add(&l->paths, named->v[i]);
		ret = ask_one(l1, b->modules.v[i], l);
	}
	return ret;
}

/* Without its names one can still debug the modules. */
static const char *image_of(struct level *l1, const struct debuginfo *d)
{
	char runs[MODELF_ID_HEX], ours[MODELF_ID_HEX];

	if (d->image && !running_kernel(l1, runs) && modelf_id(d->image, ours) &&
	    !strcmp(runs, ours))
		return d->image;
	ui_note("the kernel's own functions have no names in gdb: no image of this very kernel is left");
	fail_clear();
	return NULL;
}

/* ---- its first commands ---- */

static int put_script(struct session *s, const struct buf *b)
{
	int err;

	s->script = strf("%s/gdb.commands", path_run());
	err = file_write(s->script, buf_str(b), b->len, 0600);
	return err ? fail(OUT_BROKEN, "can't write %s: %s", s->script, strerror(-err)) : 0;
}

static int write_script(struct session *s, const struct loaded *l)
{
	_cleanup_free_ char *stub = stub_path();
	const struct script script = { .stub = stub, .sources = s->info.sources,
				       .built_in = DEBUGINFO_SOURCES,
				       .image = image_of(s->level, &s->info),
				       .symbols = s->info.dir, .modules = l->modules,
				       .files = l->files, .n = l->n };
	_cleanup_buf_ struct buf b = { 0 };

	script_write(&script, &b);
	return put_script(s, &b);
}

int gdb_session_prepare(struct session *s, const struct plan *plan)
{
	struct kernel_build b = { 0 };
	struct loaded l = { 0 };
	int ret = kernel_build(&plan->kernel, KERNEL_HOST, &b);

	if (!ret)
		ret = ask(s->level, plan, &b, &l);
	if (!ret)
		ret = debuginfo_get(&plan->kernel, &b, &l.paths, &s->info);
	if (!ret)
		ret = write_script(s, &l);
	free_loaded(&l);
	kernel_build_free(&b);
	return ret;
}

int gdb_session_check(const struct lane *l)
{
	if (l->machine || !lane_emulates(l))
		return fail(OUT_USAGE, "lane %s has no gdb: QEMU's stub stops an L1 whose CPU QEMU emulates (LANE=tcg-svm)", l->name);
	if (!sandbox_has_program("gdb"))
		return fail(OUT_BROKEN, "gdb is not installed: `make gdb` installs it, or apt-get install gdb");
	return 0;
}

int gdb_session_begin(struct session *s, struct level *l1, const struct lane *lane)
{
	int ret = gdb_session_check(lane);

	*s = (struct session){ .level = l1, .lock = -1 };
	if (ret)
		return ret;
	s->lock = stub_lock();
	return s->lock < 0 ? s->lock : 0;
}

/* ---- gdb itself ---- */

/* A script inside of a stranger's module is not run. */
static void start(const struct session *s, char *const *args, pid_t parent)
{
	_cleanup_strv_ struct strv argv = { 0 };

	proc_child_setup();
	if (getppid() != parent)
		_exit(127);
	strv_add(&argv, "gdb");
	strv_add(&argv, "-q");
	strv_add(&argv, "-iex");
	strv_add(&argv, "set auto-load off");
	strv_add(&argv, "-x");
	strv_add(&argv, s->script);
	for (; args && *args; args++)
		strv_add(&argv, *args);
	proc_close_fds();
	execvp(argv.v[0], argv.v);
	_exit(127);
}

/* ^C is gdb's: it stops L1 by it. */
static void leave_keys(bool to_gdb)
{
	if (!to_gdb) {
		signal(SIGQUIT, SIG_DFL);
		proc_catch_signals();
		return;
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

/* Whoever waits for something in L1 would do so in vain, where gdb left it stopped. */
static void go_on(void)
{
	_cleanup_free_ char *stub = stub_path();

	leave_keys(false);
	(void)stub_let_go(stub, GRACE_MS); /* stub_close() tells */
}

bool gdb_session_ended(struct session *s)
{
	if (s->pid && waitpid(s->pid, &s->status, WNOHANG) == s->pid) {
		s->pid = 0;
		go_on();
	}
	return !s->pid;
}

void gdb_session_interrupt(const struct session *s)
{
	if (s->pid)
		kill(s->pid, SIGINT);
}

int gdb_session_start(struct session *s, char *const *args)
{
	pid_t parent = getpid();
	int ret = stub_open(s->level);

	if (ret)
		return ret;
	leave_keys(true);
	s->pid = fork();
	if (!s->pid)
		start(s, args, parent);
	if (s->pid > 0)
		return 0;
	s->pid = 0;
	leave_keys(false);
	return fail(OUT_BROKEN, "can't start gdb: %s", strerror(errno));
}

static void stop(struct session *s)
{
	uint64_t until = now_ns() + GRACE_MS * NSEC_PER_MSEC;

	if (s->pid)
		kill(s->pid, SIGTERM);
	while (!gdb_session_ended(s) && now_ns() < until)
		usleep(TURN_MS * 1000);
	if (s->pid)
		kill(s->pid, SIGKILL);
	while (!gdb_session_ended(s))
		usleep(TURN_MS * 1000);
}

static int let_go(struct level *l)
{
	if (l->stopped)
		return fail(OUT_BROKEN, "%s ended while gdb was at it (its `kill` does that, and so does a panic): `nestlab lab-down` takes away what is left", l->name);
	return stub_close(l);
}

int gdb_session_wait(struct session *s)
{
	int ret = 0, end;

	while (!ret && !gdb_session_ended(s))
		ret = loop_step(TURN_MS);
	if (ret)
		stop(s);
	end = let_go(s->level);
	if (ret || end)
		return ret ? ret : end;
	return WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 128 + WTERMSIG(s->status);
}

void gdb_session_end(struct session *s)
{
	if (s->script)
		(void)unlink(s->script);
	free(s->script);
	debuginfo_free(&s->info);
	close_p(&s->lock);
	*s = (struct session){ .lock = -1 };
}
