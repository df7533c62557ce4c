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

void script_write(const struct script *s, struct buf *b)
{
	begin(s, b);
	for (size_t i = 0; i < s->n; i++)
		add_module(s, i, b);
	buf_printf(b, "set remotetimeout 60\ntarget remote %s\nset confirm on\n", s->stub);
}

/* ---- what gdb finds by itself ---- */

/*
 * struct module_sect_attrs is the kernel's own: a group of attributes, their number, and then each
 * one's file and address.
 */
static const char types[] =
	"set $list = (unsigned long)&((struct module *)0)->list\n"
	"set $attrs = sizeof(struct attribute_group) + 8\n"
	"set $attr = sizeof(struct bin_attribute) + 8\n";

static const char walk[] =
	"define nestlab-section\n"
	"set $found = 0\n"
	"set $i = 0\n"
	"while $i < *(unsigned int *)($sects + $attrs - 8)\n"
	"set $a = $sects + $attrs + $i * $attr\n"
	"if $_streq(*(char **)$a, $arg0)\n"
	"set $found = *(unsigned long *)($a + $attr - 8)\n"
	"end\n"
	"set $i = $i + 1\n"
	"end\n"
	"end\n"
	"define nestlab-modules\n"
	"set $at = *(unsigned long *)&modules\n"
	"while $at && $at != (unsigned long)&modules\n"
	"set $m = (struct module *)($at - $list)\n"
	"set $sects = (unsigned long)$m->sect_attrs\n"
	"nestlab-add\n"
	"set $at = *(unsigned long *)$at\n"
	"end\n"
	"end\n"
	"document nestlab-modules\n"
	"Give the modules that are loaded by now their names.\n"
	"end\n";

static void add_if_loaded(const struct script *s, const char *file, struct buf *b)
{
	static const char *const sections[] = { ".text", ".data", ".bss", ".rodata" };
	_cleanup_free_ char *name = running_name(file);

	buf_printf(b, "if $_streq($m->name, \"%s\")\n", name);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		buf_printf(b, "nestlab-section \"%s\"\nset $s%zu = $found\n", sections[i], i);
	buf_printf(b, "pipe add-symbol-file %s/%s $s0", s->symbols, path_last(file));
	for (size_t i = 1; i < ARRAY_SIZE(sections); i++)
		buf_printf(b, " -s %s $s%zu", sections[i], i);
	buf_puts(b, SILENT "\nend\n");
}

void script_write_replay(const struct script *s, const struct strv *files, struct buf *b)
{
	begin(s, b);
	/* For its types, which each module has; at 0 it is in nobody's way. */
	buf_printf(b, "pipe add-symbol-file %s/%s 0" SILENT "\n%s", s->symbols, path_last(files->v[0]), types);
	buf_puts(b, walk);
	buf_puts(b, "define nestlab-add\n");
	for (size_t i = 0; i < files->n; i++)
		add_if_loaded(s, files->v[i], b);
	buf_printf(b, "end\nset remotetimeout unlimited\ntarget remote %s\nnestlab-modules\nset confirm on\n", s->stub);
}
