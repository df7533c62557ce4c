// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the README shows of a terminal is what comes out: each of its blocks that begins with "$ "
 * is a command and its output. Numbers differ from run to run, and so does where lines break.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

#define BLOCK "\n```\n$ "
#define DEADLINE_S 1500

/* Paths, to their lines' ends. */
static const char *past_path(const char *s)
{
	static const char *const paths[] = { "page: ", "results=" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (str_starts(s, paths[i]))
			return strchrnul(s, '\n');
	return NULL;
}

static void blur(const char *s, struct buf *to)
{
	while (*s) {
		const char *end = past_path(s);
		size_t digits = strspn(s, "0123456789"), blanks = strspn(s, " \n");

		if (end)
			s = end;
		else if (digits || blanks)
			buf_puts(to, digits ? "N" : " ");
		else
			buf_add(to, s, 1);
		s += end ? 0 : digits ? digits : blanks ? blanks : 1;
	}
}

static void compare(const char *name, uint64_t start, const char *shown, const char *came)
{
	_cleanup_buf_ struct buf a = { 0 }, b = { 0 };

	blur(shown, &a);
	blur(came, &b);
	if (!strcmp(str_strip(a.data), str_strip(b.data)))
		check_passed(name, start);
	else
		check_failed(name, start, "its output is not the README's (but for numbers, blanks and paths)");
}

/* text: "COMMAND\nOUTPUT". */
static void check_block(char *text)
{
	char *output = strchr(text, '\n');
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t start = now_ns();

	if (!output)
		return check_failed(text, start, "it shows no output");
	*output = '\0';
	check_shell("readme", text, DEADLINE_S, &out);
	compare(text, start, output + 1, buf_str(&out));
}

bool check_readme(void)
{
	_cleanup_buf_ struct buf b = { 0 };
	uint64_t start = now_ns();
	size_t n = 0;
	char *next;

	if (file_read("README.md", &b))
		return check_failed("README.md", start, "it can't be read"), false;
	buf_puts(&b, "");
	for (char *at = strstr(b.data, BLOCK); at; at = strstr(next, BLOCK), n++) {
		char *end = strstr(at + strlen(BLOCK), "\n```");

		next = end ? end + 1 : strchr(at, '\0');
		if (end)
			*end = '\0';
		check_block(at + strlen(BLOCK));
	}
	if (!n)
		check_failed("README.md", start, "it shows no command with its output");
	return n;
}
