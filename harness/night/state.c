// SPDX-License-Identifier: GPL-2.0-only
#include "night/state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/outcome.h"
#include "history/diff.h"
#include "report/shape.h"
#include "run/identity.h"

#define FILE_NAME "night.json"
#define OLD_S (20 * 3600) /* the next one is due */

static const struct field fields[] = {
	FIELD(struct night_state, FIELD_STRING, hash),
	FIELD(struct night_state, FIELD_STRING, judge),
	FIELD(struct night_state, FIELD_STRING, started),
	FIELD(struct night_state, FIELD_STRING, seed),
	FIELD(struct night_state, FIELD_SECONDS, used_s),
	FIELD(struct night_state, FIELD_BOOL, done),
};
static const struct shape shape = { SHAPE(struct night_state, fields) };

static char *judge_of_now(void)
{
	struct run_result *r = result_new("");
	_cleanup_buf_ struct buf b = { 0 };

	identity_fill(r);
	for (size_t i = 0; i < r->n_manifest; i++)
		buf_printf(&b, "%s%s", i ? " " : "", r->manifest[i].value);
	result_free(r);
	return xstrdup(buf_str(&b));
}

void night_state_begin(struct night_state *s, const char *hash)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	*s = (struct night_state){ .hash = xstrdup(hash), .judge = judge_of_now() };
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	s->started = xstrdup(text);
	strftime(text, sizeof(text), "%Y%m%d", &tm);
	s->seed = xstrdup(text);
}

void night_state_free(struct night_state *s)
{
	free(s->hash);
	free(s->judge);
	free(s->started);
	free(s->seed);
	*s = (struct night_state){ 0 };
}

int night_state_save(const struct night_state *s, const char *dir)
{
	_cleanup_free_ char *path = strf("%s/" FILE_NAME, dir);
	json_t *j = shape_save(&shape, s);
	char *text = json_dumps(j, JSON_INDENT(2));
	int err = file_write(path, text, strlen(text), 0644);

	json_decref(j);
	free(text);
	return err ? fail(OUT_BROKEN, "can't write %s: %s", path, strerror(-err)) : 0;
}

/* A clock that was set back makes none old. */
static bool is_old(const struct night_state *s)
{
	struct tm tm = { 0 };
	const char *end = strptime(s->started, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return !end || *end || time(NULL) - timegm(&tm) > OLD_S;
}

static bool load(const char *dir, struct night_state *s)
{
	_cleanup_free_ char *path = strf("%s/" FILE_NAME, dir);
	const struct where w = { .key = path };
	json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	bool ok = j && !shape_load(&shape, s, j, &w);

	json_decref(j);
	fail_clear();
	return ok;
}

bool night_state_find(const char *results, const char *hash, struct night_state *s, char **dir)
{
	_cleanup_free_ char *judge = judge_of_now(), *newest = NULL;
	_cleanup_strv_ struct strv names = { 0 };

	dir_list(results, NIGHT_SUFFIX, &names);
	if (!names.n)
		return false;
	newest = strf("%s/%s", results, names.v[names.n - 1]);
	if (load(newest, s) && !s->done && !is_old(s) && !strcmp(s->hash, hash) &&
	    !strcmp(s->judge, judge)) {
		*dir = newest;
		newest = NULL;
		return true;
	}
	night_state_free(s);
	return false;
}
