// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/commits.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kernel/git.h"

#define DEADLINE_S 120

static struct git git_in(const struct commits *c)
{
	return (struct git){ .what = "asking git for commits", .dir = c->repo, .deadline_s = DEADLINE_S };
}

/* The first line that git prints; NULL when it failed or said nothing. The caller owns it. */
static char *ask(const struct commits *c, const char *const args[])
{
	struct git g = git_in(c);
	_cleanup_buf_ struct buf out = { 0 };
	char *line;

	if (git_run(&g, args, &out) || !out.len)
		return NULL;
	line = out.data;
	line[strcspn(line, "\n")] = '\0';
	return xstrdup(line);
}

static char *resolve(const struct commits *c, const char *name)
{
	_cleanup_free_ char *commit = strf("%s^{commit}", name);
	const char *args[] = { "rev-parse", "--verify", "--quiet", "--end-of-options", commit, NULL };

	return ask(c, args);
}

static int check_order(const struct commits *c, const char *good, const char *bad)
{
	const char *args[] = { "merge-base", "--is-ancestor", c->good.v[0], c->bad, NULL };
	struct git g = git_in(c);

	if (!strcmp(c->good.v[0], c->bad))
		return fail(OUT_USAGE, "%s and %s are one commit of %s: there is nothing between them", good, bad, c->repo);
	if (!git_run(&g, args, NULL))
		return 0;
	return fail(OUT_USAGE, "%s is no ancestor of %s in %s: want a good commit, then a bad one that came after it", good, bad,
		    c->repo);
}

int commits_begin(struct commits *c, const char *repo, const char *good, const char *bad)
{
	char *first;

	*c = (struct commits){ .repo = xstrdup(repo) };
	first = resolve(c, good);
	c->bad = resolve(c, bad);
	if (first)
		strv_add(&c->good, first);
	free(first);
	if (!c->good.n || !c->bad)
		return fail(OUT_USAGE, "%s: %s has no such commit, or is no git repository", c->good.n ? bad : good, repo);
	return check_order(c, good, bad);
}

void commits_free(struct commits *c)
{
	free(c->repo);
	free(c->bad);
	strv_free(&c->good);
	strv_free(&c->skipped);
}

/* Those that may be the first bad one, the most telling first: "ID (dist=3)" a line. */
static int list(const struct commits *c, struct strv *all)
{
	struct git g = git_in(c);
	const char *args[5 + 64] = { "rev-list", "--bisect-all", c->bad, "--not" };
	_cleanup_buf_ struct buf out = { 0 };
	size_t n = 4;

	/* Each one that was found good has the earlier ones behind it. */
	for (size_t i = c->good.n; i && n < ARRAY_SIZE(args) - 1; i--)
		args[n++] = c->good.v[i - 1];
	if (git_run(&g, args, &out))
		return fail(OUT_BROKEN, "git can't list the commits of %s between %s and %s", c->repo, c->good.v[0], c->bad);
	strv_split(all, buf_str(&out), "\n");
	for (size_t i = 0; i < all->n; i++)
		all->v[i][strcspn(all->v[i], " ")] = '\0';
	return 0;
}

int commits_next(const struct commits *c, char **next, size_t *left)
{
	_cleanup_strv_ struct strv all = { 0 };
	int ret = list(c, &all);

	*next = NULL;
	for (size_t i = 0; !ret && !*next && i < all.n; i++)
		if (strcmp(all.v[i], c->bad) && !strv_has(&c->skipped, all.v[i]))
			*next = xstrdup(all.v[i]);
	if (left)
		*left = all.n;
	return ret;
}

/* What lies between a skipped one and the bad one is not known apart. */
int commits_left(const struct commits *c, struct strv *left)
{
	return list(c, left);
}

char *commits_name(const struct commits *c, const char *commit)
{
	const char *args[] = { "log", "-1", "--abbrev=12", "--format=%h (\"%s\")", commit, NULL };
	char *name = ask(c, args);

	return name ? name : xstrdup(commit);
}
