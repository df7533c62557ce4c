// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/paths.h"
#include "report/text.h"
#include "verbs/verb.h"

static int verb_cache(int argc, char **argv);

static const struct verb cache = {
	.name = "cache",
	.usage = "[run | sizes | export FILE [DAYS] | import FILE]",
	.summary = "where kernels, images and states are kept (run: the running lab's sockets; sizes: what there is; "
		   "export: what was used within DAYS, 1 of them, to an archive; import: from one)",
	.order = 41,
	.run = verb_cache,
};
VERB(cache);

static int tell_sizes(void)
{
	_cleanup_free_ struct cache_use *all = NULL;
	_cleanup_free_ char *other = text_bytes(cache_other_bytes()), *sum = NULL;
	uint64_t bytes = 0;
	size_t n;

	cache_uses(&all, &n);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *size = text_bytes(all[i].bytes), *bound = NULL;

		bound = all[i].kind->keep_entries ? strf(" of %u", all[i].kind->keep_entries) : NULL;
		printf("%-13s %5zu%-9s %10s  %s\n", all[i].kind->folder, all[i].entries, bound ? bound : "", size, all[i].kind->what);
		bytes += all[i].bytes;
	}
	sum = text_bytes(bytes);
	printf("%-27s  %10s  in %s\n", "together", sum, path_cache());
	printf("%-27s  %10s  what compilers, git and libvirt keep there\n", "besides", other);
	return 0;
}

/* What was used by now and then is of no use to a class or a CI that begins. */
#define EXPORT_DAYS 1
#define EXPORT_DAYS_MAX 36500

static int export_to(const char *file, uint64_t days)
{
	struct cache_moved moved;
	int ret = cache_export(file, (unsigned int)days, &moved);

	if (!ret)
		printf("%zu entries in %s; `nestlab cache import FILE` takes them in\n", moved.entries, file);
	return ret;
}

static int import_from(const char *file)
{
	struct cache_moved moved;
	int ret = cache_import(file, &moved);

	if (!ret)
		printf("%zu entries taken into %s, %zu passed over that were there or not whole\n", moved.entries, path_cache(), moved.passed);
	return ret;
}

static int move(int argc, char **argv)
{
	uint64_t days = EXPORT_DAYS;
	bool out = !strcmp(argv[1], "export");

	if (argc == 4 && (!out || !parse_u64(argv[3], &days) || days > EXPORT_DAYS_MAX))
		return verb_usage(&cache);
	return out ? export_to(argv[2], days) : import_from(argv[2]);
}

static int verb_cache(int argc, char **argv)
{
	bool moves = argc > 1 && (!strcmp(argv[1], "export") || !strcmp(argv[1], "import"));

	if (moves && (argc == 3 || argc == 4))
		return move(argc, argv);
	if (argc == 2 && !strcmp(argv[1], "sizes"))
		return tell_sizes();
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "run")))
		return verb_usage(&cache);
	puts(argc == 2 ? path_run() : path_cache());
	return 0;
}
