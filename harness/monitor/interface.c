// SPDX-License-Identifier: GPL-2.0-only
#include "monitor/interface.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/outcome.h"

static const char *const mode_names[] = {
	[MODE_REAL] = "real", [MODE_PROTECTED] = "protected", [MODE_PAGED] = "paged",
	[MODE_LONG] = "long", [MONITOR_MODES] = NULL,
};
static const char *const port_names[] = { "serial",	"print32",   "exits",	  "exits_text",
					  "exits_in",	"exits_out", "string", "translate",
					  "translate_at", "hva",	     NULL };
static const char *const promise_names[] = { "counts", "sizes", "interrupts", "short-writes",
					     NULL };

struct conf_file {
	char *program;
	struct monitor_interface interface;
};

#define MODE_PORTS(section, mode)                                                                  \
	{                                                                                          \
		section, "*", CONF_LINES,                                                          \
			offsetof(struct conf_file, interface.mode_ports[mode]), 0, 0               \
	}

static const struct conf_key keys[] = {
	{ "monitor", "program", CONF_STR, offsetof(struct conf_file, program), 0, 0 },
	{ "monitor", "memory", CONF_U32, offsetof(struct conf_file, interface.memory), 4096,
	  1u << 30 },
	{ "monitor", "wrong", CONF_STR, offsetof(struct conf_file, interface.wrong), 0, 0 },
	{ "monitor", "invalid", CONF_STR, offsetof(struct conf_file, interface.invalid), 0, 0 },
	{ "monitor", "promises", CONF_STR, offsetof(struct conf_file, interface.promises), 0, 0 },
	{ "options", "*", CONF_LINES, offsetof(struct conf_file, interface.options), 0, 0 },
	{ "ports", "*", CONF_LINES, offsetof(struct conf_file, interface.ports), 0, 0 },
	MODE_PORTS("ports.real", MODE_REAL),
	MODE_PORTS("ports.protected", MODE_PROTECTED),
	MODE_PORTS("ports.paged", MODE_PAGED),
	MODE_PORTS("ports.long", MODE_LONG),
	{ "texts", "*", CONF_LINES, offsetof(struct conf_file, interface.texts), 0, 0 },
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

/* none: a mode does without a port that the others have. */
static int check_ports(const char *path, const char *section, const struct strv *ports, bool none)
{
	int ret = check_names(path, section, ports, port_names);

	for (size_t i = 0; !ret && i < ports->n; i++) {
		const char *value = strchr(ports->v[i], '=') + 1;
		uint64_t n;

		if (none && !strcmp(value, "none"))
			continue;
		if (!parse_u64(value, &n) || !n || n > UINT16_MAX)
			ret = fail(OUT_USAGE, "%s: [%s] '%s': want a number from 1 to 0xffff%s",
				   path, section, ports->v[i], none ? ", or none" : "");
	}
	return ret;
}

static int check_promises(const char *path, const char *promises)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, promises ? promises : "", " ");
	for (size_t i = 0; i < words.n; i++)
		if (!is_one_of(words.v[i], promise_names))
			return fail(OUT_USAGE, "%s: [monitor] promises: '%s' is none of counts, "
				    "sizes, interrupts, short-writes", path, words.v[i]);
	return 0;
}

int interface_check(const char *path, const struct monitor_interface *f)
{
	int ret = check_names(path, "options", &f->options, mode_names);

	if (!ret)
		ret = check_names(path, "texts", &f->texts, mode_names);
	if (!ret)
		ret = check_ports(path, "ports", &f->ports, false);
	for (size_t i = 0; !ret && i < MONITOR_MODES; i++) {
		_cleanup_free_ char *section = strf("ports.%s", mode_names[i]);

		ret = check_ports(path, section, &f->mode_ports[i], true);
	}
	return ret ? ret : check_promises(path, f->promises);
}

static void copy_lines(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		strv_add(to, from->v[i]);
}

/* What stands behind "name=", or NULL. name may have a value behind it, too. */
static const char *value_of(const struct strv *items, const char *name)
{
	size_t len = strcspn(name, "=");

	for (size_t i = 0; i < items->n; i++)
		if (!strncmp(items->v[i], name, len) && items->v[i][len] == '=')
			return items->v[i] + len + 1;
	return NULL;
}

static void copy_missing(struct strv *to, const struct strv *from)
{
	size_t own = to->n;

	for (size_t i = 0; i < from->n; i++)
		if (!value_of(&(const struct strv){ to->v, own }, from->v[i]))
			strv_add(to, from->v[i]);
}

/* A mode's own ports belong to those of all modes: the one's with the other's were nobody's. */
static void copy_ports(struct monitor_interface *to, const struct monitor_interface *from)
{
	bool own = to->ports.n;

	if (!own)
		copy_lines(&to->ports, &from->ports);
	for (size_t i = 0; !own && i < MONITOR_MODES; i++)
		if (!to->mode_ports[i].n)
			copy_lines(&to->mode_ports[i], &from->mode_ports[i]);
}

static void copy_text(char **to, const char *from)
{
	if (!*to)
		str_set(to, from);
}

void interface_copy(struct monitor_interface *to, const struct monitor_interface *from)
{
	if (!to->options.n)
		copy_lines(&to->options, &from->options);
	copy_missing(&to->texts, &from->texts);
	copy_ports(to, from);
	if (!to->memory)
		to->memory = from->memory;
	copy_text(&to->wrong, from->wrong);
	copy_text(&to->invalid, from->invalid);
	copy_text(&to->promises, from->promises);
}

/* ---- what is not offered ---- */

static bool is_none(const char *value)
{
	return value && !strcmp(value, "none");
}

/* Two of the services can be had by one port or by two. */
static bool has_service(const struct strv *ports, const char *name)
{
	bool exits = value_of(ports, "exits_in") && value_of(ports, "exits_out");
	bool address = value_of(ports, "translate_at");

	return value_of(ports, name) || (str_starts(name, "exits_text") && exits) ||
	       ((str_starts(name, "translate") || str_starts(name, "hva")) && address);
}

static char *find_lack(const char *kind, const struct strv *own, const struct strv *wanted,
		       bool (*has)(const struct strv *own, const char *name))
{
	for (size_t i = 0; own->n && i < wanted->n; i++)
		if (!has(own, wanted->v[i]))
			return strf("%s %.*s", kind, (int)strcspn(wanted->v[i], "="), wanted->v[i]);
	return NULL;
}

static bool has_option(const struct strv *own, const char *name)
{
	return value_of(own, name);
}

/* Says text none where the assignment wants one, or where it wants to know. */
static bool has_text(const struct strv *own, const char *name)
{
	return !is_none(value_of(own, name)) || is_none(strchr(name, '=') + 1);
}

char *interface_lacks(const struct monitor_interface *own, const struct monitor_interface *wanted)
{
	char *lack = find_lack("option", &own->options, &wanted->options, has_option);

	if (!lack)
		lack = find_lack("port", &own->ports, &wanted->ports, has_service);
	if (!lack)
		lack = find_lack("text", &own->texts, &wanted->texts, has_text);
	for (size_t i = 0; !lack && i < MONITOR_MODES; i++)
		for (size_t k = 0; !lack && k < own->mode_ports[i].n; k++)
			if (is_none(strchr(own->mode_ports[i].v[k], '=') + 1))
				lack = strf("in mode %s port %.*s", mode_names[i], (int)strcspn(own->mode_ports[i].v[k], "="),
					    own->mode_ports[i].v[k]);
	return lack;
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
	strv_free(&f->texts);
	for (size_t i = 0; i < MONITOR_MODES; i++)
		strv_free(&f->mode_ports[i]);
	free(f->wrong);
	free(f->invalid);
	free(f->promises);
	*f = (struct monitor_interface){ 0 };
}

/* prefix NESTLAB_PORT_ and "serial=0xe9": NESTLAB_PORT_SERIAL=0xe9 */
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
	add_items(env, "NESTLAB_PORT_REAL_", &f->mode_ports[MODE_REAL]);
	add_items(env, "NESTLAB_PORT_PROTECTED_", &f->mode_ports[MODE_PROTECTED]);
	add_items(env, "NESTLAB_PORT_PAGED_", &f->mode_ports[MODE_PAGED]);
	add_items(env, "NESTLAB_PORT_LONG_", &f->mode_ports[MODE_LONG]);
	add_items(env, "NESTLAB_TEXT_", &f->texts);
	if (f->memory)
		strv_addf(env, "NESTLAB_MEMORY=%u", f->memory);
	if (f->wrong)
		strv_addf(env, "NESTLAB_WORDS_WRONG=%s", f->wrong);
	if (f->invalid)
		strv_addf(env, "NESTLAB_WORDS_INVALID=%s", f->invalid);
	if (f->promises)
		strv_addf(env, "NESTLAB_PROMISES=%s", f->promises);
}
