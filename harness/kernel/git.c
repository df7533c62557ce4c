// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/git.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"

/*
 * Set by a hook or `git rebase --exec` that runs us, these would turn our git to the caller's
 * repository. Nothing in this program wants them, so they go from our own environment.
 */
static void forget_callers_git(void)
{
	static const char *const names[] = {
		"GIT_DIR",
		"GIT_WORK_TREE",
		"GIT_INDEX_FILE",
		"GIT_COMMON_DIR",
		"GIT_PREFIX",
		"GIT_OBJECT_DIRECTORY",
		"GIT_CONFIG_COUNT",
		"GIT_CONFIG_PARAMETERS",
		"GIT_ALTERNATE_OBJECT_DIRECTORIES",
		"GIT_NAMESPACE",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

static void make_env(const struct git *g, struct strv *env)
{
	forget_callers_git();
	strv_add(env, "LC_ALL=C");
	strv_add(env, "GIT_TERMINAL_PROMPT=0");
	strv_add(env, "GIT_OPTIONAL_LOCKS=0");
	if (g->index)
		strv_addf(env, "GIT_INDEX_FILE=%s", g->index);
	if (g->objects) {
		strv_addf(env, "GIT_OBJECT_DIRECTORY=%s", g->objects);
		strv_addf(env, "GIT_ALTERNATE_OBJECT_DIRECTORIES=%s", g->borrowed);
	}
}

static void make_argv(const struct git *g, const char *const args[], struct strv *argv)
{
	static const char *const safe[] = { "git", "-c", "core.fsmonitor=false", "-c",
					    "core.hooksPath=/dev/null", "-c", "safe.directory=*",
					    "-c", "gc.auto=0", "-C" };

	for (size_t i = 0; i < ARRAY_SIZE(safe); i++)
		strv_add(argv, safe[i]);
	strv_add(argv, g->dir);
	if (g->work)
		strv_addf(argv, "--work-tree=%s", g->work);
	for (size_t i = 0; args[i]; i++)
		strv_add(argv, args[i]);
}

int git_run(const struct git *g, const char *const args[], struct buf *out)
{
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct proc p = { .what = g->what,
			  .deadline_s = g->deadline_s,
			  .limits = g->limits,
			  .input = g->input,
			  .out = out,
			  .quiet_stderr = true };

	make_argv(g, args, &argv);
	make_env(g, &env);
	p.argv = argv.v;
	p.env = env.v;
	return proc_run(&p);
}

/* What git says first is the cause; advice follows it. */
static const char *first_complaint(const struct strv *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		if (str_starts(lines->v[i], "fatal: ") || str_starts(lines->v[i], "error: "))
			return lines->v[i] + strlen("fatal: ");
	return lines->n ? lines->v[lines->n - 1] : "it said nothing";
}

int git_check(const struct git *g, const char *const args[])
{
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 }, lines = { 0 };
	_cleanup_buf_ struct buf said = { 0 };
	struct proc p = { .what = g->what,
			  .deadline_s = g->deadline_s,
			  .out = &said,
			  .log_path = "/dev/null" /* joins both outputs */ };
	int ret;

	make_argv(g, args, &argv);
	make_env(g, &env);
	p.argv = argv.v;
	p.env = env.v;
	ret = proc_run(&p);
	if (ret <= 0)
		return ret;
	strv_split(&lines, buf_str(&said), "\n");
	return fail(OUT_BROKEN, "%s: git %s in %s: %s", g->what, args[0], g->dir,
		    first_complaint(&lines));
}

/* No line around those that are changed; at is behind the hunk's "@@ -". */
static bool is_bare_hunk(const char *at)
{
	bool takes_away = false;

	/* A small file that is changed as a whole has none either. */
	if (strtoul(at, NULL, 10) <= 1)
		return false;
	at += strcspn(at, "\n");
	for (; *at && strchr("+-\\", at[1]) && at[1]; at += 1 + strcspn(at + 1, "\n"))
		takes_away |= at[1] == '-';
	return takes_away && (!*at || (at[1] != ' ' && at[1] != '\n'));
}

bool git_patch_is_bare(const char *patch)
{
	for (const char *at = patch; (at = strstr(at, "\n@@ -")); at++) {
		const char *range = at + strlen("\n@@ -");
		size_t digits = strspn(range, "0123456789");

		if (*range != '0' && (str_starts(range + digits, ",0 +") || is_bare_hunk(range)))
			return true;
	}
	return false;
}

int git_apply(const struct git *g, const char *patch, struct buf *out)
{
	static const char *const plain[] = { "git", "apply", "-v", "-p1", "--whitespace=nowarn" };
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	_cleanup_free_ char *copy = xstrdup(g->dir);
	struct proc p = { .what = g->what,
			  .cwd = g->dir,
			  .input = patch,
			  .out = out,
			  .log_path = "/dev/null" /* joins both outputs */ };

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		strv_add(&argv, plain[i]);
	if (g->any_space)
		strv_add(&argv, "--ignore-whitespace");
	if (g->loosely)
		strv_add(&argv, "-C1");
	/* Without, git puts such lines at the file's end, and says nothing. */
	if (git_patch_is_bare(patch))
		strv_add(&argv, "--unidiff-zero");
	strv_add(&argv, "-");
	p.argv = argv.v;
	make_env(g, &env);
	/* In a repository, git apply silently leaves out what lies outside of it. */
	strv_addf(&env, "GIT_CEILING_DIRECTORIES=%s", dirname(copy));
	strv_add(&env, "GIT_CONFIG_GLOBAL=/dev/null");
	strv_add(&env, "GIT_CONFIG_NOSYSTEM=1");
	p.env = env.v;
	return proc_run(&p);
}
