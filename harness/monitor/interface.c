// SPDX-License-Identifier: GPL-2.0-only
#include "monitor/interface.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/outcome.h"

static const char *const option_names[] = { "real", "protected", "paged", "long", NULL };
static const char *const port_names[] = { "serial", "print32",	 "exits", "exits_text",
					  "string", "translate", "hva",	  NULL };

struct conf_file {
	char *program;
	struct monitor_interface interface;
};

static const struct conf_key keys[] = {
	{ "monitor", "program", CONF_STR, offsetof(struct conf_file, program), 0, 0 },
	{ "monitor", "memory", CONF_U32, offsetof(struct conf_file, interface.memory), 4096,
	  1u << 30 },
	{ "monitor", "wrong", CONF_STR, offsetof(struct conf_file, interface.wrong), 0, 0 },
	{ "monitor", "invalid", CONF_STR, offsetof(struct conf_file, interface.invalid), 0, 0 },
	{ "options", "*", CONF_LINES, offsetof(struct conf_file, interface.options), 0, 0 },
	{ "ports", "*", CONF_LINES, offsetof(struct conf_file, interface.ports), 0, 0 },
};

/* Is "name=value" one of these names? */
static bool is_one_of(const char *item, const char *const names[])
{
	size_t len = strcspn(item, "=");

	for (size_t i = 0; names[i]; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], item, len))
			return true;
	return false;
}

static int check_names(const char *path, const char *section, const struct strv *items,
		       const char *const names[])
{
	_cleanup_buf_ struct buf all = { 0 };

	for (size_t i = 0; names[i]; i++)
		buf_printf(&all, " %s", names[i]);
	for (size_t i = 0; i < items->n; i++)
		if (!is_one_of(items->v[i], names))
			return fail(OUT_USAGE, "%s: [%s] '%s': want one of:%s", path, section,
				    items->v[i], buf_str(&all));
	return 0;
}

int interface_check(const char *path, const struct monitor_interface *f)
{
	int ret = check_names(path, "options", &f->options, option_names);

	if (!ret)
		ret = check_names(path, "ports", &f->ports, port_names);
	for (size_t i = 0; !ret && i < f->ports.n; i++) {
		const char *value = strchr(f->ports.v[i], '=') + 1;
		uint64_t n;

		if (!parse_u64(value, &n) || !n || n > UINT16_MAX)
			ret = fail(OUT_USAGE, "%s: [ports] '%s': want a number from 1 to 0xffff",
				   path, f->ports.v[i]);
	}
	return ret;
}

static void copy_lines(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		strv_add(to, from->v[i]);
}

void interface_copy(struct monitor_interface *to, const struct monitor_interface *from)
{
	if (!to->options.n)
		copy_lines(&to->options, &from->options);
	if (!to->ports.n)
		copy_lines(&to->ports, &from->ports);
	if (!to->memory)
		to->memory = from->memory;
	if (!to->wrong)
		str_set(&to->wrong, from->wrong);
	if (!to->invalid)
		str_set(&to->invalid, from->invalid);
}

int interface_load(const char *path, struct monitor_interface *f, char **program)
{
	struct conf_file file = { 0 };
	int ret = conf_load(path, keys, ARRAY_SIZE(keys), &file);

	if (!ret)
		ret = interface_check(path, &file.interface);
	if (ret) {
		conf_free(keys, ARRAY_SIZE(keys), &file);
		return ret;
	}
	if (file.program) {
		free(*program);
		*program = file.program;
	}
	*f = file.interface;
	return 0;
}

void interface_free(struct monitor_interface *f)
{
	strv_free(&f->options);
	strv_free(&f->ports);
	free(f->wrong);
	free(f->invalid);
	*f = (struct monitor_interface){ 0 };
}

/* "serial=0xe9" -> NESTLAB_PORT_SERIAL=0xe9 */
static void add_items(struct strv *env, const char *prefix, const struct strv *items)
{
	for (size_t i = 0; i < items->n; i++) {
		_cleanup_free_ char *item = strf("%s%s", prefix, items->v[i]);

		for (char *p = item; *p && *p != '='; p++)
			*p = (char)toupper((unsigned char)*p);
		strv_add(env, item);
	}
}

void interface_env(const struct monitor_interface *f, struct strv *env)
{
	add_items(env, "NESTLAB_OPTION_", &f->options);
	add_items(env, "NESTLAB_PORT_", &f->ports);
	if (f->memory)
		strv_addf(env, "NESTLAB_MEMORY=%u", f->memory);
	if (f->wrong)
		strv_addf(env, "NESTLAB_WORDS_WRONG=%s", f->wrong);
	if (f->invalid)
		strv_addf(env, "NESTLAB_WORDS_INVALID=%s", f->invalid);
}
