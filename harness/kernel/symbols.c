// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/symbols.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "kernel/sandbox.h"

#define DEADLINE_S 60

struct lookup {
	const struct kframe *frame;
	char section[64];
	uint64_t address;
	bool found;
	struct strv *lines; /* of all functions that were inlined there, innermost first */
};

static int run(const char *dir, const char *const args[], void (*on_line)(const char *, void *),
	       void *ctx)
{
	struct sandbox s = { .src = dir };
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = "looking up a report's lines",
			  .on_line = on_line,
			  .ctx = ctx,
			  .deadline_s = DEADLINE_S,
			  .quiet_stderr = true };
	bool enclosed = sandbox_works();

	sandbox_command(&s, enclosed, args, &argv);
	p.cwd = enclosed ? NULL : dir;
	p.argv = argv.v;
	return proc_run(&p);
}

/* "0000000000000010 l     F .text	0000000000000030 symbol" */
bool symbols_take_entry(const char *line, const struct kframe *f, char section[64],
			uint64_t *address)
{
	_cleanup_free_ char *copy = xstrdup(line);
	char *tab = strchr(copy, '\t'), *end, *sec;
	uint64_t value, size;

	if (!tab)
		return false;
	*tab = '\0';
	value = strtoull(copy, &end, 16);
	sec = strrchr(copy, ' ');
	if (end == copy || !sec || strlen(sec + 1) >= 64)
		return false;
	size = strtoull(tab + 1, &end, 16);
	/*
	 * Static functions of one name differ in size; the kernel rounds sizes up to where the next
	 * symbol begins.
	 */
	if (end == tab + 1 || strcmp(str_strip(end), f->symbol) || f->offset > f->size ||
	    f->size < size || f->size - size > 64)
		return false;
	strcpy(section, sec + 1);
	/* What a stack holds is the address behind the call. */
	*address = value + f->offset - !!f->offset;
	return true;
}

static void on_symbol(const char *line, void *ctx)
{
	struct lookup *l = ctx;

	if (!l->found)
		l->found = symbols_take_entry(line, l->frame, l->section, &l->address);
}

/* "/src/obj/../arch/x86/kvm/x86.c:12 (discriminator 3)" is arch/x86/kvm/x86.c:12. */
char *symbols_path(const char *line)
{
	const char *start = line;
	size_t n = strcspn(line, " ");

	for (const char *up = strstr(line, "../"); up && up < line + n; up = strstr(up + 3, "../"))
		start = up + 3;
	return xstrndup(start, n - (size_t)(start - line));
}

static bool is_place(const char *path)
{
	return path[0] != '?' && strchr(path, ':') && !strstr(path, ":?") && !strstr(path, ":0");
}

/* A helper in a header (atomic64_inc()) is not where people look for the fault. */
static bool is_header(const char *path)
{
	return strstr(path, ".h:") != NULL;
}

static void on_place(const char *line, void *ctx)
{
	struct lookup *l = ctx;
	_cleanup_free_ char *path = symbols_path(line);

	if (is_place(path))
		strv_add(l->lines, path);
}

/* "kvm_amd" is in kvm-amd.ko: modules' names have no dashes. NULL: it is not one of those kept. */
static char *module_file(const char *dir, const char *module)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (!*module || dir_list(dir, ".ko", &names))
		return NULL;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *name = xstrndup(names.v[i], strlen(names.v[i]) - 3);

		for (char *c = name; *c; c++)
			if (*c == '-')
				*c = '_';
		if (!strcmp(name, module))
			return xstrdup(names.v[i]);
	}
	return NULL;
}

static void look_up(const char *dir, const struct kframe *f, struct strv *found)
{
	_cleanup_free_ char *file = module_file(dir, f->module), *address = NULL;
	struct lookup l = { .frame = f, .lines = found };
	const char *table[] = { "objdump", "-t", file, NULL };
	const char *line[] = { "addr2line", "-i", "-e", file, "-j", l.section, NULL, NULL };

	if (!file || run(dir, table, on_symbol, &l) || !l.found)
		return;
	address = strf("0x%" PRIx64, l.address);
	line[6] = address;
	(void)run(dir, line, on_place, &l);
}

void symbols_inlined(const char *dir, const struct kframe *f, struct strv *lines)
{
	_cleanup_free_ char *said = xstrdup(fail_text());
	enum outcome outcome = fail_outcome();

	if (dir)
		look_up(dir, f, lines);
	/* What is to be told of the run is not what became of this. */
	fail_clear();
	if (*said)
		fail(outcome, "%s", said);
}

/* The innermost one outside of headers, or the innermost one. */
static char *pick(const struct strv *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		if (!is_header(lines->v[i]))
			return xstrdup(lines->v[i]);
	return lines->n ? xstrdup(lines->v[0]) : NULL;
}

void symbols_lines(const char *dir, const struct kframe *frames, size_t n, char **places)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_strv_ struct strv lines = { 0 };

		symbols_inlined(dir, &frames[i], &lines);
		places[i] = pick(&lines);
	}
}
