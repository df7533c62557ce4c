// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

/* In memory first: the file appears whole, or not at all. */
static int write_ktap(const struct run_result *r, const char *run_dir, const char *path)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int err;

	(void)run_dir;
	if (!f)
		return fail(OUT_BROKEN, "cannot write %s: out of memory", path);
	report_ktap(r, f);
	fclose(f);
	err = file_write(path, text, len, 0644);
	free(text);
	return err ? fail(OUT_BROKEN, "cannot write %s: %s", path, strerror(-err)) : 0;
}

static int write_json(const struct run_result *r, const char *run_dir, const char *path)
{
	(void)run_dir;
	return report_json(r, path);
}

static int write_manifest(const struct run_result *r, const char *run_dir, const char *path)
{
	(void)run_dir;
	return report_manifest(r, path);
}

static int write_junit(const struct run_result *r, const char *run_dir, const char *path)
{
	(void)run_dir;
	return report_junit(r, path);
}

/* results.json first: every other one can be made from it again. */
static const struct {
	const char *name;
	int (*write)(const struct run_result *r, const char *run_dir, const char *path);
} files[] = {
	{ "results.json", write_json }, { "manifest.json", write_manifest },
	{ "report.ktap", write_ktap },	{ "junit.xml", write_junit },
	{ "report.html", report_html },
};

int report_all(const struct run_result *r, const char *run_dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = strf("%s/%s", run_dir, files[i].name);
		int err = files[i].write(r, run_dir, path);

		if (err)
			return err;
	}
	return 0;
}
