// SPDX-License-Identifier: GPL-2.0-only
#include "gdb/running.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"

#define ASK_S 10

char *running_name(const char *file)
{
	char *name = xstrdup(path_last(file)), *dot = strrchr(name, '.');

	if (dot)
		*dot = '\0';
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

static bool take_line(struct running_module *m, char *line)
{
	char *space = strchr(line, ' ');
	uint64_t address;

	if (!space || line[0] != '.')
		return false;
	*space = '\0';
	if (!parse_u64(space + 1, &address) || !address)
		return false;
	m->v = xrealloc(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = (struct running_section){ xstrdup(line), address };
	return true;
}

bool running_take(struct running_module *m, const char *text)
{
	_cleanup_strv_ struct strv lines = { 0 };
	bool found = false;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (!take_line(m, lines.v[i]))
			return false;
	for (size_t i = 0; i < m->n; i++)
		found |= !strcmp(m->v[i].name, ".text");
	return found;
}

/*
 * Those of code and data. The shell's own `read` takes a byte at a time, and the kernel gives such
 * a file at once or not.
 */
static int ask_sections(struct level *l, struct running_module *m)
{
	static const char script[] = "cd \"/sys/module/$1/sections\" && for f in .text* .noinstr* .data* .rodata* .bss*; do [ ! -e \"$f\" ] || echo \"$f $(cat \"$f\")\"; done";
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, (char *)"sh", m->name, NULL };
	_cleanup_buf_ struct buf out = { 0 }, err = { 0 };
	struct channel_status st = { 0 };
	int ret = channel_run(l->channel, argv, &out, &err, &st, level_ms(l, ASK_S));

	if (!ret && !running_take(m, buf_str(&out)))
		ret = fail(OUT_BROKEN, "%s does not say where the sections of its module %s lie: %s%s",
			   l->name, m->name, buf_str(&err), buf_str(&out));
	return ret;
}

static int ask_id(struct level *l, const char *path, char id[MODELF_ID_HEX])
{
	_cleanup_buf_ struct buf notes = { 0 };
	int ret = channel_get(l->channel, path, &notes, level_ms(l, ASK_S));

	id[0] = '\0';
	if (!ret)
		modelf_id_of_notes(notes.data, notes.len, id);
	return ret;
}

int running_ask(struct level *l, const char *file, struct running_module *m)
{
	_cleanup_free_ char *notes = NULL;
	int ret;

	*m = (struct running_module){ .name = running_name(file) };
	notes = strf("/sys/module/%s/notes/.note.gnu.build-id", m->name);
	ret = ask_sections(l, m);
	if (!ret)
		ret = ask_id(l, notes, m->id);
	if (!ret && !*m->id)
		ret = fail(OUT_BROKEN, "the module %s in %s has no build id, so nobody can say what it was built of", m->name, l->name);
	return ret;
}

int running_told(const char *text, const char *file, struct running_module *m)
{
	_cleanup_free_ char *begin = NULL;
	_cleanup_buf_ struct buf own = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	*m = (struct running_module){ .name = running_name(file) };
	begin = strf("%s/sections/", m->name);
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *section = lines.v[i] + strlen(begin), *colon = strchr(lines.v[i], ':');

		if (str_starts(lines.v[i], begin) && colon)
			buf_printf(&own, "%.*s %s\n", (int)(colon - section), section, colon + 1);
	}
	return running_take(m, buf_str(&own)) ? 0 : fail(OUT_BROKEN, "L1 did not tell where the sections of its module %s lie", m->name);
}

int running_kernel(struct level *l, char id[MODELF_ID_HEX])
{
	return ask_id(l, "/sys/kernel/notes", id);
}

void running_free(struct running_module *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].name);
	free(m->v);
	free(m->name);
	*m = (struct running_module){ 0 };
}
