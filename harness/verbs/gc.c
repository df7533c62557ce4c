// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "plan/knobs.h"
#include "report/text.h"
#include "verbs/verb.h"

static int verb_gc(int argc, char **argv);

static const struct verb gc = {
	.name = "gc",
	.usage = "[--dry-run] [SIZE]",
	.summary = "make room in the cache: what is beyond its bounds, or all entries' SIZE (\"20G\"), goes",
	.order = 42,
	.settings = "CACHE_MB",
	.run = verb_gc,
};
VERB(gc);

/* "20G", "500M", "1048576" */
static int parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	_cleanup_free_ char *number = xstrdup(text);
	size_t n = strlen(number);
	const char *unit = n ? strchr(units, number[n - 1]) : NULL;
	unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;

	if (unit)
		number[n - 1] = '\0';
	if (!parse_u64(number, bytes) || !*bytes || *bytes > UINT64_MAX >> shift)
		return fail(OUT_USAGE, "nestlab gc %s: want a size as 20G or 500M", text);
	*bytes <<= shift;
	return 0;
}

static void tell(void *ctx, const struct cache_kind *k, const char *name, uint64_t bytes)
{
	_cleanup_free_ char *size = text_bytes(bytes);

	++*(size_t *)ctx;
	printf("%-12s %10s  %s\n", k->folder, size, name);
}

static int collect(uint64_t max_bytes, bool dry_run)
{
	_cleanup_free_ char *size = NULL;
	size_t n = 0;

	size = text_bytes(cache_collect(max_bytes, dry_run, tell, &n));
	if (!n)
		printf("nothing of %s has to go\n", path_cache());
	else if (dry_run)
		printf("%zu would go, about %s\n", n, size);
	else
		printf("%zu gone, %s of room made\n", n, size);
	return 0;
}

/* Without a size: to CACHE_MB. */
static int collect_as_set(bool dry_run)
{
	struct knobs k;
	int ret = knobs_load(&k);

	if (!ret)
		ret = collect((uint64_t)k.cache_mb << 20, dry_run);
	knobs_free(&k);
	return ret;
}

static int verb_gc(int argc, char **argv)
{
	uint64_t max_bytes = 0;
	bool dry_run = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--dry-run")) {
			dry_run = true;
		} else if (max_bytes || argv[i][0] == '-') {
			return verb_usage(&gc);
		} else {
			int ret = parse_size(argv[i], &max_bytes);

			if (ret)
				return ret;
		}
	}
	return max_bytes ? collect(max_bytes, dry_run) : collect_as_set(dry_run);
}
