// SPDX-License-Identifier: GPL-2.0-only
#include "gdb/program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/util.h"
#include "kernel/sandbox.h"

#define TURN_MS 50
#define GRACE_MS 3000 /* from SIGTERM to SIGKILL */

int gdb_program_check(void)
{
	return sandbox_has_program("gdb") ? 0 : fail(OUT_BROKEN, "gdb is not installed: `make gdb` installs it, or apt-get install gdb");
}

/* A script inside of a stranger's module is not run. */
static void start(const char *script, char *const *args, pid_t parent)
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
	strv_add(&argv, script);
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

int gdb_program_start(struct gdb_program *g, const char *script, char *const *args)
{
	pid_t parent = getpid();

	leave_keys(true);
	g->pid = fork();
	if (!g->pid)
		start(script, args, parent);
	if (g->pid > 0)
		return 0;
	g->pid = 0;
	leave_keys(false);
	return fail(OUT_BROKEN, "can't start gdb: %s", strerror(errno));
}

bool gdb_program_ended(struct gdb_program *g)
{
	if (g->pid && waitpid(g->pid, &g->status, WNOHANG) == g->pid) {
		g->pid = 0;
		leave_keys(false);
	}
	return !g->pid;
}

void gdb_program_interrupt(const struct gdb_program *g)
{
	if (g->pid)
		kill(g->pid, SIGINT);
}

void gdb_program_stop(struct gdb_program *g)
{
	uint64_t until = now_ns() + GRACE_MS * NSEC_PER_MSEC;

	if (g->pid)
		kill(g->pid, SIGTERM);
	while (!gdb_program_ended(g) && now_ns() < until)
		usleep(TURN_MS * 1000);
	if (g->pid)
		kill(g->pid, SIGKILL);
	while (!gdb_program_ended(g))
		usleep(TURN_MS * 1000);
}

int gdb_program_code(const struct gdb_program *g)
{
	return WIFEXITED(g->status) ? WEXITSTATUS(g->status) : 128 + WTERMSIG(g->status);
}
