// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/make.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/why.h"

#define KEEP_ERRORS 3
#define NOT_THERE 127 /* a program that can't be run; make itself never ends so */

static unsigned int cpus(void)
{
	cpu_set_t set;

	/*
	 * What this process may run on, not what the machine has: a container or taskset may give
	 * less.
	 */
	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

/* kbuild's short lines: two spaces, a word in capitals, padding, a file. */
static bool is_step(const char *line)
{
	size_t n;

	if (!str_starts(line, "  "))
		return false;
	n = strspn(line + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	return n > 1 && line[2 + n] == ' ' && isupper((unsigned char)line[2]);
}

/*
 * Sources are named from obj/: "../arch/x86/kvm/x86.c:12:3: error". People know them without the
 * dots.
 */
static const char *without_dots(const char *line)
{
	return str_starts(line, "../") ? line + 3 : line;
}

void make_take_line(struct make *m, const char *line)
{
	if (is_step(line)) {
		m->steps++;
		ui_stage_progress(m->steps, m->known_steps, "steps");
		return;
	}
	if (*line && !why_line_echoes(line))
		str_set(&m->last, without_dots(line));
	if (m->errors.n < KEEP_ERRORS && why_line_tells(line))
		strv_add(&m->errors, without_dots(line));
}

static void on_line(const char *line, void *ctx)
{
	make_take_line(ctx, line);
}

void make_init(struct make *m, const struct worktree *w, const char *what, const char *log,
	       const char *ccache_dir)
{
	*m = (struct make){
		.what = what, .log = log, .tree = w, .enclosed = sandbox_works()
	};
	m->obj = strf("%s/" PATCH_RESERVED_DIR, w->inside);
	m->sandbox = (struct sandbox){ .src = w->inside,
				       .obj = m->obj,
				       .ccache = sandbox_has_program("ccache") ? ccache_dir : NULL,
				       .ccache_readonly = w->private };
	/* A compiler of KVM's largest file takes 0.2 GB, linking vmlinux 1.5. */
	m->of_stranger = (struct limits){ .memory = (4 + (size_t)cpus()) << 30,
					  .processes = 200 + 50 * cpus(),
					  .disk = (size_t)10 << 30,
					  .folder = w->obj };
	m->limits = w->private ? &m->of_stranger : NULL;
}

int make_command(struct make *m, unsigned int deadline_s, const char *const args[])
{
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = m->what,
			  .cwd = m->enclosed ? NULL : m->sandbox.src,
			  .space = m->tree ? m->tree->view.holder : 0,
			  .log_path = m->log,
			  .on_line = on_line,
			  .ctx = m,
			  .limits = m->limits,
			  .deadline_s = deadline_s };
	int ret;

	sandbox_command(&m->sandbox, m->enclosed, args, &argv);
	p.argv = argv.v;
	if (m->tree && worktree_begin(m->tree))
		return -OUT_BROKEN;
	ret = proc_run(&p);
	if (m->tree && ret >= 0) /* it ended by itself */
		worktree_end(m->tree);
	return ret;
}

int make_run(struct make *m, unsigned int deadline_s, const char *const args[])
{
	_cleanup_strv_ struct strv argv = { 0 };
	const char *cc = m->sandbox.ccache ? "ccache gcc" : "gcc";
	int ret;

	strv_add(&argv, "make");
	strv_addf(&argv, "-j%u", cpus());
	strv_add(&argv, "O=" PATCH_RESERVED_DIR);
	strv_add(&argv, "ARCH=x86_64");
	strv_addf(&argv, "CC=%s", cc);
	strv_addf(&argv, "HOSTCC=%s", cc);
	for (size_t i = 0; m->more && i < m->more->n; i++)
		strv_add(&argv, m->more->v[i]);
	for (size_t i = 0; args[i]; i++)
		strv_add(&argv, args[i]);
	ret = make_command(m, deadline_s, (const char *const *)argv.v);
	if (ret == NOT_THERE)
		return fail(OUT_BROKEN, "%s: can't run make: is it installed? `nestlab doctor` tells what is missing", m->what);
	return ret;
}

char *make_why(const struct make *m)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < m->errors.n; i++)
		buf_printf(&b, "%s%s", i ? "; " : "", m->errors.v[i]);
	if (!b.len)
		buf_puts(&b, m->last ? m->last : "make said nothing");
	return xstrdup(buf_str(&b));
}

void make_free(struct make *m)
{
	strv_free(&m->errors);
	free(m->last);
	free(m->obj);
	m->last = m->obj = NULL;
}
