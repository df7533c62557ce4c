// SPDX-License-Identifier: GPL-2.0-only
#include "core/recent.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/util.h"

struct entry {
	char *path;
	struct timespec used;
};

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->used, *y = &((const struct entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

void recent_use(const char *entry)
{
	utimensat(AT_FDCWD, entry, NULL, 0);
}

void recent_keep(const char *folder, size_t entries)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ struct entry *e = NULL;

	if (dir_list(folder, NULL, &names) || names.n <= entries)
		return;
	e = xcalloc(names.n, sizeof(*e));
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;

		e[i].path = strf("%s/%s", folder, names.v[i]);
		if (!lstat(e[i].path, &st))
			e[i].used = st.st_mtim;
	}
	qsort(e, names.n, sizeof(*e), by_use);
	for (size_t i = 0; i < names.n; i++) {
		if (i < names.n - entries)
			rm_rf(e[i].path);
		free(e[i].path);
	}
}
