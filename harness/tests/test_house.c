// SPDX-License-Identifier: GPL-2.0-only
/*
 * The house, as config/guides/design.md lists it: each folder of the harness stands there, and uses
 * only what stands above it.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/util.h"

#include <cmocka.h>

#define LIST "config/guides/design.md"
#define FIRST "\ncore/ "

/* The list's words in its first column: "machine/", then "  libvirt/" in it. */
static void take_line(struct strv *house, const char *line)
{
	static char room[64];
	bool inner = line[0] == ' ';
	size_t n;

	for (line += strspn(line, " "); (n = strcspn(line, " /")) && line[n] == '/'; line += n + 1 + (line[n + 1] == ' '))
		if (inner) {
			strv_addf(house, "%s/%.*s", room, (int)n, line);
		} else {
			snprintf(room, sizeof(room), "%.*s", (int)n, line);
			strv_add(house, room);
		}
}

static void read_house(struct strv *house)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	char *list, *end;

	assert_int_equal(file_read(LIST, &b), 0);
	list = strstr(buf_str(&b), FIRST);
	assert_non_null(list);
	end = strstr(list, "\n```");
	assert_non_null(end);
	*end = '\0';
	strv_split(&lines, list, "\n");
	for (size_t i = 0; i < lines.n; i++)
		take_line(house, lines.v[i]);
}

static size_t place_of(const struct strv *house, const char *folder, size_t n)
{
	for (size_t i = 0; i < house->n; i++)
		if (strlen(house->v[i]) == n && !strncmp(house->v[i], folder, n))
			return i;
	return house->n;
}

/* 1: what it includes stands below it. */
static size_t look_at_line(const struct strv *house, size_t own, const char *path, const char *line)
{
	static const char include[] = "#include \"";
	const char *name, *slash;
	size_t theirs;

	if (!str_starts(line, include))
		return 0;
	name = line + strlen(include);
	slash = memrchr(name, '/', strcspn(name, "\""));
	theirs = slash ? place_of(house, name, (size_t)(slash - name)) : house->n;
	if (theirs == house->n || theirs <= own)
		return 0;
	print_error("%s: %s: %s/ stands below %s/\n", path, line, house->v[theirs], house->v[own]);
	return 1;
}

static size_t look_at_file(const struct strv *house, size_t own, const char *path)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	size_t wrong = 0;

	assert_int_equal(file_read(path, &b), 0);
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 0; i < lines.n; i++)
		wrong += look_at_line(house, own, path, lines.v[i]);
	return wrong;
}

static size_t look_at_suffix(const struct strv *house, size_t own, const char *suffix)
{
	_cleanup_free_ char *dir = strf("harness/%s", house->v[own]);
	_cleanup_strv_ struct strv names = { 0 };
	size_t wrong = 0;

	assert_int_equal(dir_list(dir, suffix, &names), 0);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", dir, names.v[i]);

		wrong += look_at_file(house, own, path);
	}
	return wrong;
}

static void test_only_what_stands_above(void **state)
{
	_cleanup_strv_ struct strv house = { 0 };
	size_t wrong = 0;

	(void)state;
	read_house(&house);
	for (size_t i = 0; i < house.n; i++)
		wrong += look_at_suffix(&house, i, ".c") + look_at_suffix(&house, i, ".h");
	assert_int_equal(wrong, 0);
}

/* Of others: what tests, and what runs in another program. */
static void test_each_folder_is_told(void **state)
{
	static const char *const others[] = { "tests", "tcg-plugin" };
	_cleanup_strv_ struct strv house = { 0 };
	DIR *d = opendir("harness");

	(void)state;
	assert_non_null(d);
	read_house(&house);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		strv_add(&house, others[i]);
	for (struct dirent *e; (e = readdir(d));) {
		_cleanup_free_ char *path = strf("harness/%s", e->d_name);
		struct stat st;

		if (e->d_name[0] == '.' || stat(path, &st) || !S_ISDIR(st.st_mode))
			continue;
		if (!strv_has(&house, e->d_name))
			print_error("%s/ is not in " LIST "\n", path);
		assert_true(strv_has(&house, e->d_name));
	}
	closedir(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_stands_above),
		cmocka_unit_test(test_each_folder_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
