// SPDX-License-Identifier: GPL-2.0-only
#include "suite/known.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"

#define BLANKS " \t"

/* The next word; *p moves behind it and the blanks that follow. "" at the end. */
static char *next_word(const char **p)
{
	size_t n = strcspn(*p, BLANKS);
	char *word = xstrndup(*p, n);

	*p += n;
	*p += strspn(*p, BLANKS);
	return word;
}

static int take_line(const char *path, size_t number, const char *line, struct suite_known *k)
{
	char *test = next_word(&line), *lane = next_word(&line), *emulator = next_word(&line);
	char *slash = strchr(test, '/');

	k->v = xrealloc(k->v, k->n + 1, sizeof(*k->v));
	k->v[k->n].line = slash ? xstrdup(slash + 1) : NULL;
	if (slash)
		*slash = '\0';
	k->v[k->n].test = test;
	k->v[k->n].lane = lane;
	k->v[k->n].emulator = emulator;
	k->v[k->n++].reason = xstrdup(line);
	if (*line)
		return 0;
	return fail(OUT_USAGE, "%s:%zu: want TEST[/LINE], LANE, EMULATOR and a reason", path,
		    number);
}

int suite_known_read(const char *path, const char *text, struct suite_known *k)
{
	int ret = 0;

	for (size_t number = 1; !ret && *text; number++) {
		size_t n = strcspn(text, "\n");
		_cleanup_free_ char *copy = xstrndup(text, n);
		const char *line = str_strip(copy);

		if (*line && *line != '#')
			ret = take_line(path, number, line, k);
		text += n + (text[n] == '\n');
	}
	return ret;
}

int suite_known_load(const char *suite, const char *lane, const char *emulator,
		     struct suite_known *k)
{
	_cleanup_free_ char *relative = strf("config/suites/%s.known", suite),
			    *path = path_in_root(relative);
	_cleanup_buf_ struct buf text = { 0 };
	int err = file_read(path, &text);

	*k = (struct suite_known){ .lane = xstrdup(lane), .emulator = xstrdup(emulator) };
	if (err == -ENOENT)
		return 0;
	return err ? fail(OUT_USAGE, "can't read %s: %s", path, strerror(-err))
		   : suite_known_read(path, buf_str(&text), k);
}

void suite_known_free(struct suite_known *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->v[i].test);
		free(k->v[i].line);
		free(k->v[i].lane);
		free(k->v[i].emulator);
		free(k->v[i].reason);
	}
	free(k->v);
	free(k->lane);
	free(k->emulator);
	*k = (struct suite_known){ 0 };
}

const char *suite_known_why(const struct suite_known *k, const char *test, const char *line)
{
	for (size_t i = 0; i < k->n; i++)
		if (!fnmatch(k->v[i].test, test, 0) && !fnmatch(k->v[i].lane, k->lane, 0) &&
		    !fnmatch(k->v[i].emulator, k->emulator, 0) &&
		    (!line || !k->v[i].line || !fnmatch(k->v[i].line, line, 0)))
			return k->v[i].reason;
	return NULL;
}
