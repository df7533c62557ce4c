// SPDX-License-Identifier: GPL-2.0-only
#include "intake/ports.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "intake/own.h"
#include "intake/words.h"

#define PORT_MAX 0xffff
#define PORTS_MAX 64 /* that are remembered */

struct ports {
	unsigned long v[PORTS_MAX];
	const char *called[PORTS_MAX]; /* by a name of its source's, or NULL */
	size_t n;
};

static bool has_port(const struct ports *p, unsigned long port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == port)
			return true;
	return false;
}

static void add_port(struct ports *p, unsigned long port, const char *called)
{
	if (!port || port > PORT_MAX || p->n == PORTS_MAX || has_port(p, port))
		return;
	p->called[p->n] = called;
	p->v[p->n++] = port;
}

/* ---- names of numbers: "#define STRING_PORT (0xE7)", "PORT_OPEN = 0xEB," ---- */

struct name {
	char *text;
	unsigned long number;
};

struct names {
	struct name *v;
	size_t n, room;
};

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i].text);
	free(names->v);
}

static const struct name *find_name(const struct names *names, const char *word, size_t len)
{
	for (size_t i = 0; i < names->n; i++)
		if (strlen(names->v[i].text) == len && !strncmp(names->v[i].text, word, len))
			return &names->v[i];
	return NULL;
}

static bool is_hex(const char *word)
{
	return !strncasecmp(word, "0x", 2);
}

/* The number that stands behind a name, and nothing but "=", "(" or blanks between; 0: none does. */
static unsigned long number_behind(const char *at)
{
	at += strspn(at, " \t=(");
	return isdigit((unsigned char)*at) ? strtoul(at, NULL, 0) : 0;
}

static void add_name(struct names *names, const char *word, size_t len)
{
	unsigned long number = number_behind(word + len);

	if (!number || number > PORT_MAX || isdigit((unsigned char)*word) ||
	    find_name(names, word, len))
		return;
	if (names->n == names->room) {
		names->room = names->room * 2 + 16;
		names->v = xrealloc(names->v, names->room, sizeof(*names->v));
	}
	names->v[names->n++] = (struct name){ .text = xstrndup(word, len), .number = number };
}

static void find_names(struct names *names, const char *line)
{
	bool defines = word_is_in(line, "define", strlen("define"));

	for (size_t len; (len = word_next(&line)); line += len)
		if (defines || line[len + strspn(line + len, " \t")] == '=')
			add_name(names, line, len);
}

/* ---- where ports stand ---- */

/* "port", "PORT_OPEN", "io.port"; not "support". */
static const char *find_port_word(const char *line)
{
	for (const char *at = line; (at = strcasestr(at, "port")); at++)
		if (at == line || !isalpha((unsigned char)at[-1]))
			return at;
	return NULL;
}

struct search {
	struct ports *ports;
	const struct names *names;
	bool switched; /* the last switch is over ports */
};

static void add_word(const struct search *s, const char *word, size_t len)
{
	const struct name *name = find_name(s->names, word, len);

	if (name)
		add_port(s->ports, name->number, name->text);
	else if (is_hex(word))
		add_port(s->ports, strtoul(word, NULL, 16), NULL);
}

static void add_words(const struct search *s, const char *line, const char *port)
{
	const char *at = port;

	while (at > line && (at[-1] == '_' || isalnum((unsigned char)at[-1])))
		at--;
	for (size_t len; (len = word_next(&at)); at += len)
		add_word(s, at, len);
}

static void add_case(const struct search *s, const char *at)
{
	size_t len = word_next(&at);

	if (s->switched && isdigit((unsigned char)*at))
		add_port(s->ports, strtoul(at, NULL, 0), NULL);
	else if (s->switched || is_hex(at))
		add_word(s, at, len);
}

/* "io.port == 0xE1", "#define STRING_PORT 0xE7", "case 0xEA:", "case TEXT:" of a switch over ports. */
static void find_in_line(struct search *s, const char *line)
{
	const char *port = find_port_word(line), *at = strstr(line, "case ");

	if (strstr(line, "switch"))
		s->switched = port;
	if (at && (!port || at < port))
		add_case(s, at + strlen("case "));
	if (port)
		add_words(s, line, port);
	if (port && strstr(port, "=="))
		add_port(s->ports, number_behind(strstr(port, "==")), NULL);
}

static void split_code(struct strv *lines, const struct strv *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		_cleanup_buf_ struct buf code = { 0 };

		own_put_text_code(texts->v[i], &code);
		strv_split(lines, buf_str(&code), "\n");
	}
}

static void find_ports(struct ports *ports, struct names *names, const struct strv *texts)
{
	struct search s = { .ports = ports, .names = names };
	_cleanup_strv_ struct strv lines = { 0 };

	split_code(&lines, texts);
	for (size_t i = 0; i < lines.n; i++)
		find_names(names, lines.v[i]);
	for (size_t i = 0; i < lines.n; i++)
		find_in_line(&s, lines.v[i]);
}

/* ---- the assignment's ---- */

/* "name=0xe9"; 0: it is not among them. */
static unsigned long port_of(const struct strv *ports, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < ports->n; i++)
		if (!strncmp(ports->v[i], name, len) && ports->v[i][len] == '=')
			return strtoul(ports->v[i] + len + 1, NULL, 0);
	return 0;
}

static void add_wanted(struct ports *p, const struct strv *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		add_port(p, strtoul(strchr(ports->v[i], '=') + 1, NULL, 0), NULL);
}

/* Those of p that others lack: "0xe1, 0xe2 (TEXT_PORT)". */
static void put_lacked(struct buf *b, const struct ports *p, const struct ports *others)
{
	for (size_t i = 0; i < p->n; i++)
		if (!has_port(others, p->v[i]))
			buf_printf(b, "%s%#lx%s%s%s", b->len ? ", " : "", p->v[i],
				   p->called[i] ? " (" : "", p->called[i] ? p->called[i] : "",
				   p->called[i] ? ")" : "");
}

/* Calls that open files are another exercise's: its ports have such words in their names. */
static bool is_of_files(const char *name)
{
	return name && (strcasestr(name, "open") || strcasestr(name, "close") ||
			strcasestr(name, "seek") || strcasestr(name, "file"));
}

/* Returns its place among his own; own->n: there is none. */
static size_t find_file_port(const struct ports *own, const struct ports *theirs)
{
	size_t i = 0;

	while (i < own->n && !(is_of_files(own->called[i]) && has_port(theirs, own->v[i])))
		i++;
	return i;
}

static char *compare(const struct monitor_interface *wanted, const struct ports *own)
{
	unsigned long ask = port_of(&wanted->ports, "translate");
	unsigned long hva = port_of(&wanted->ports, "hva");
	_cleanup_buf_ struct buf missing = { 0 }, strange = { 0 };
	struct ports theirs = { 0 };
	size_t file;

	add_wanted(&theirs, &wanted->ports);
	for (size_t i = 0; i < MONITOR_MODES; i++)
		add_wanted(&theirs, &wanted->mode_ports[i]);
	put_lacked(&missing, &theirs, own);
	put_lacked(&strange, own, &theirs);
	if (missing.len && strange.len)
		return strf("its source names ports %s, and not %s, as the assignment has them: which is which? Say it in a monitor.conf beside it",
			    buf_str(&strange), buf_str(&missing));
	file = find_file_port(own, &theirs);
	if (file < own->n)
		return strf("its source calls port %#lx %s, and the assignment has another use for that port: say in a monitor.conf beside it which "
			    "port is what", own->v[file], own->called[file]);
	if (has_port(own, ask) && !has_port(own, hva))
		return strf("its source names port %#lx, by which an address is asked for, and not %#lx, by which it is told: say in a monitor.conf beside "
			    "it how its guest gets the answer (translate_at, or hva)", ask, hva);
	return NULL;
}

char *ports_elsewhere(const struct monitor_interface *wanted, const struct strv *texts)
{
	struct ports own = { 0 };
	struct names names = { 0 };
	char *why;

	find_ports(&own, &names, texts);
	why = compare(wanted, &own);
	free_names(&names);
	return why;
}
