// SPDX-License-Identifier: GPL-2.0-only
#include "core/why.h"

#include <string.h>

#include "core/util.h"

#define LINES 3

/* Of the compiler, the assembler, the linker, make and the shell. */
static const char *const reasons[] = {
	": error: ",	       ": fatal error: ",      ": Error: ",   "undefined reference to ", "multiple definition of ",
	"ld: cannot find ",    "ld: cannot open ",     "No rule to make target", "  Stop.", ": not found",
	"No such file or directory", "Permission denied", "ERROR: modpost: ", ": can't open file ",
};

/*
 * What only says that there was a reason, or goes along with one. ("collect2: error: ld returned 1
 * exit status" was all that was shown.)
 */
static const char *const echoes[] = { "collect2: error:", "] Error ", ": warning: ", ": note: ", ": in function `", "make[", "make: Target " };

static bool has_one_of(const char *line, const char *const marks[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(line, marks[i]))
			return true;
	return false;
}

bool why_line_echoes(const char *line)
{
	/* make in a subdirectory says this as it says that another one failed. */
	return !strstr(line, "No rule to make target") && has_one_of(line, echoes, ARRAY_SIZE(echoes));
}

bool why_line_tells(const char *line)
{
	return !why_line_echoes(line) && has_one_of(line, reasons, ARRAY_SIZE(reasons));
}

char *why_build_failed(const char *log)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf why = { 0 };
	const char *last = NULL;
	size_t n = 0;

	strv_split(&lines, log, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		if (why_line_echoes(lines.v[i]))
			continue;
		last = lines.v[i];
		if (why_line_tells(lines.v[i]) && n < LINES)
			buf_printf(&why, "%s%s", n++ ? "; " : "", lines.v[i]);
	}
	if (n)
		return xstrdup(buf_str(&why));
	if (!last && lines.n)
		last = lines.v[lines.n - 1];
	return xstrdup(last ? last : "it said nothing");
}

/* A quarter of them stands before the line that says why. */
static size_t first_of_excerpt(const struct strv *lines, size_t most)
{
	size_t at = 0, last = lines->n > most ? lines->n - most : 0, before = most / 4;

	while (at < lines->n && !why_line_tells(lines->v[at]))
		at++;
	at = at > before ? at - before : 0;
	return at < last ? at : last;
}

void why_excerpt(const char *log, size_t most, struct strv *lines)
{
	_cleanup_strv_ struct strv all = { 0 };

	strv_split(&all, log, "\n");
	for (size_t i = first_of_excerpt(&all, most); i < all.n && lines->n < most; i++)
		strv_add(lines, all.v[i]);
}
