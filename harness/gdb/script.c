// SPDX-License-Identifier: GPL-2.0-only
#include "gdb/script.h"

#include <inttypes.h>
#include <string.h>

/*
 * Sections that hold what has a name: code and variables. What is used while a module is loaded is
 * gone, and its place is somebody else's.
 */
static bool is_wanted(const char *name)
{
	static const char *const kinds[] = { ".text", ".data", ".rodata", ".bss", ".noinstr" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(name, kinds[i]))
			return true;
	return false;
}

#define SILENT " | cat >/dev/null" /* gdb repeats each address */

static uint64_t text_of(const struct running_module *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, ".text"))
			return m->v[i].address;
	return 0;
}

static void add_module(const struct script *s, size_t i, struct buf *b)
{
	const struct running_module *m = &s->modules[i];

	buf_printf(b, "pipe add-symbol-file %s/%s 0x%" PRIx64, s->symbols, s->files[i], text_of(m));
	for (size_t j = 0; j < m->n; j++)
		if (strcmp(m->v[j].name, ".text") && is_wanted(m->v[j].name))
			buf_printf(b, " -s %s 0x%" PRIx64, m->v[j].name, m->v[j].address);
	buf_puts(b, SILENT "\n");
}

/* Before it connects: gdb takes a CPU that happens to be in another mode for one of that mode. */
static void begin(const struct script *s, struct buf *b)
{
	buf_puts(b, "set confirm off\npipe set architecture i386:x86-64" SILENT "\n");
	buf_printf(b, "set substitute-path %s %s\n", s->built_in, s->sources);
	if (s->image)
		buf_printf(b, "file %s\n", s->image);
}

#define FORGET "pipe maintenance flush register-cache" SILENT "\n"

/*
 * gdb names the thread that steps back only where it takes the others to stand still. They do not,
 * so it is made to forget what it knew of them. What it makes of such steps may end in another
 * thread, of which it dies then: there the stub goes by whose registers it asked for last.
 */
static void name_thread(struct buf *b)
{
	static const char *const made_of_steps[] = { "nexti", "step", "next", "finish" };

	buf_puts(b, "define hook-reverse-stepi\nset scheduler-locking on\nend\n");
	buf_puts(b, "define hookpost-reverse-stepi\nset scheduler-locking replay\n" FORGET "end\n");
	for (size_t i = 0; i < ARRAY_SIZE(made_of_steps); i++)
		buf_printf(b, "define hook-reverse-%s\n" FORGET "end\n", made_of_steps[i]);
}

void script_write(const struct script *s, struct buf *b)
{
	begin(s, b);
	for (size_t i = 0; i < s->n; i++)
		add_module(s, i, b);
	if (s->backwards)
		name_thread(b);
	buf_printf(b, "set remotetimeout 60\ntarget remote %s\nset confirm on\n", s->stub);
}
