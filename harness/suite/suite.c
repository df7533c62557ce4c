// SPDX-License-Identifier: GPL-2.0-only
#include "suite/suite.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"

#define FOLDER "config/suites"
#define TIMEOUT_S 10
#define TIMEOUT_MAX_S 3600

#define KEY(section, key, type, field, max)                                                        \
	{                                                                                          \
		section, key, type, offsetof(struct suite, field), 0, max                          \
	}

static const struct conf_key keys[] = {
	KEY("suite", "title", CONF_STR, title, 0),
	KEY("suite", "format", CONF_STR, format_name, 0),
	{ "suite", "timeout", CONF_U32, offsetof(struct suite, timeout), 1, TIMEOUT_MAX_S },
	KEY("suite", "lanes", CONF_LIST, lanes, 0),
	KEY("suite", "wants_root", CONF_BOOL, wants_root, 0),
	KEY("kernel", "fragments", CONF_LIST, fragments, 0),
	KEY("source", "of_kernel", CONF_BOOL, of_kernel, 0),
	KEY("source", "knob", CONF_STR, knob, 0),
	KEY("source", "tarball", CONF_STR, source.source.tarball, 0),
	KEY("source", "sha256", CONF_STR, source.source.sha256, 0),
	KEY("source", "git", CONF_STR, source.source.git, 0),
	KEY("source", "ref", CONF_STR, source.source.ref, 0),
	KEY("source", "files", CONF_LIST, files, 0),
	KEY("build", "run", CONF_LINES, build, 0),
	KEY("build", "list", CONF_LINES, list, 0),
	KEY("timeouts", "*", CONF_LINES, timeouts, 0),
	KEY("without", "*", CONF_LINES, without, 0),
};

static int wrong(const struct suite *s, const char *why)
{
	return fail(OUT_USAGE, "%s: %s", s->path, why);
}

static int check_format(struct suite *s)
{
	s->format = s->format_name ? suite_format_find(s->format_name) : NULL;
	if (s->format)
		return 0;
	return fail(OUT_USAGE, "%s: format = %s: want one of " SUITE_FORMATS, s->path,
		    s->format_name ? s->format_name : "");
}

static int check_source(const struct suite *s)
{
	bool tarball = s->source.source.tarball, git = s->source.source.git;

	if (s->of_kernel + tarball + git != 1)
		return wrong(s, "[source] must name exactly one of of_kernel, tarball and git");
	if (tarball && !s->source.source.sha256)
		return wrong(s, "a tarball needs its sha256 beside it");
	if (git && !s->source.source.ref)
		return wrong(s, "git needs a ref beside it");
	if (git && (s->source.source.git[0] == '-' || s->source.source.ref[0] == '-'))
		return wrong(s, "git or ref begins with a dash");
	for (size_t i = 0; i < s->files.n; i++)
		if (s->files.v[i][0] == '/' || strstr(s->files.v[i], ".."))
			return wrong(s, "files = ...: want paths inside of the source");
	return 0;
}

static int check_timeouts(const struct suite *s)
{
	for (size_t i = 0; i < s->timeouts.n; i++) {
		uint64_t n;

		if (!parse_u64(strchr(s->timeouts.v[i], '=') + 1, &n) || !n || n > TIMEOUT_MAX_S)
			return fail(OUT_USAGE, "%s: [timeouts] '%s': want seconds, from 1 to %d",
				    s->path, s->timeouts.v[i], TIMEOUT_MAX_S);
	}
	return 0;
}

static int check(struct suite *s)
{
	int ret = check_format(s);

	if (!ret)
		ret = check_source(s);
	if (!ret)
		ret = check_timeouts(s);
	if (!ret && !s->list.n)
		ret = wrong(s, "[build] has no list, so it is not known which tests there are");
	if (!ret && !s->lanes.n)
		ret = wrong(s, "[suite] names no lanes");
	return ret;
}

int suite_load(const char *name, struct suite *s)
{
	_cleanup_free_ char *relative = strf(FOLDER "/%s.conf", name);
	int ret;

	*s = (struct suite){ .name = xstrdup(name),
			     .path = path_in_root(relative),
			     .timeout = TIMEOUT_S };
	s->source.path = xstrdup(s->path);
	s->source.source.whole = true;
	if (strchr(name, '/') || !path_exists(s->path))
		ret = near_fail_in("SUITE= names no suite by", name, FOLDER, NULL);
	else
		ret = conf_load(s->path, keys, ARRAY_SIZE(keys), s);
	if (!ret)
		ret = check(s);
	if (ret)
		suite_free(s);
	return ret;
}

void suite_free(struct suite *s)
{
	conf_free(keys, ARRAY_SIZE(keys), s);
	free(s->source.source.tree);
	free(s->source.path);
	free(s->name);
	free(s->path);
	*s = (struct suite){ 0 };
}

int suite_names(struct strv *names)
{
	_cleanup_free_ char *dir = path_in_root(FOLDER);

	if (dir_list(dir, ".conf", names))
		return fail(OUT_USAGE, "can't list the suites in %s", dir);
	for (size_t i = 0; i < names->n; i++)
		*strrchr(names->v[i], '.') = '\0';
	return 0;
}

int suite_check_lane(const struct suite *s, const char *lane)
{
	_cleanup_buf_ struct buf all = { 0 };

	if (strv_has(&s->lanes, lane))
		return 0;
	for (size_t i = 0; i < s->lanes.n; i++)
		buf_printf(&all, " %s", s->lanes.v[i]);
	return fail(OUT_USAGE, "suite %s does not run in lane %s; it does in:%s", s->name, lane,
		    buf_str(&all));
}

const char *suite_says(const struct strv *items, const char *test, const char *lane)
{
	_cleanup_free_ char *there = strf("%s/%s", lane, test);

	for (size_t i = 0; i < items->n; i++) {
		const char *equals = strchr(items->v[i], '=');
		_cleanup_free_ char *pattern =
			xstrndup(items->v[i], (size_t)(equals - items->v[i]));

		if (!fnmatch(pattern, test, 0) || !fnmatch(pattern, there, FNM_PATHNAME))
			return equals + 1;
	}
	return NULL;
}

bool suite_is_of(const struct suite *s, const char *path)
{
	for (size_t i = 0; s->of_kernel && i < s->files.n; i++)
		if (str_starts(s->files.v[i], "tools/") && str_starts(path, s->files.v[i]))
			return true;
	return false;
}

uint32_t suite_timeout(const struct suite *s, const char *test, const char *lane)
{
	const char *said = suite_says(&s->timeouts, test, lane);
	uint64_t n = s->timeout;

	if (said)
		parse_u64(said, &n);
	return (uint32_t)n;
}
