// SPDX-License-Identifier: GPL-2.0-only
#include "intake/ports.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MAX 0xffff
#define PORTS_MAX 64 /* that are remembered */

struct ports {
	unsigned long v[PORTS_MAX];
	size_t n;
};

static bool has_port(const struct ports *p, unsigned long port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == port)
			return true;
	return false;
}

static void add_port(struct ports *p, unsigned long port)
{
	if (port && port <= PORT_MAX && p->n < PORTS_MAX && !has_port(p, port))
		p->v[p->n++] = port;
}

/* "io.port == 0xE1", "#define STRING_PORT 0xE7", "case 0xEA:": numbers behind one of these words. */
static void find_in_line(struct ports *p, char *line)
{
	const char *port = strcasestr(line, "port"), *at = strstr(line, "case ");

	if (strstr(line, "//"))
		*strstr(line, "//") = '\0';
	at = port && (!at || port < at) ? port : at;
	for (; at && (at = strcasestr(at, "0x")); at += strlen("0x"))
		if (!isalnum((unsigned char)at[-1]))
			add_port(p, strtoul(at, NULL, 16));
}

static void find_in_texts(struct ports *p, const struct strv *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		_cleanup_strv_ struct strv lines = { 0 };

		strv_split(&lines, texts->v[i], "\n");
		for (size_t k = 0; k < lines.n; k++)
			find_in_line(p, lines.v[k]);
	}
}

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
		add_port(p, strtoul(strchr(ports->v[i], '=') + 1, NULL, 0));
}

/* Those of p that others lack: "0xe1, 0xe2". */
static void put_lacked(struct buf *b, const struct ports *p, const struct ports *others)
{
	for (size_t i = 0; i < p->n; i++)
		if (!has_port(others, p->v[i]))
			buf_printf(b, "%s%#lx", b->len ? ", " : "", p->v[i]);
}

char *ports_elsewhere(const struct monitor_interface *wanted, const struct strv *texts)
{
	unsigned long ask = port_of(&wanted->ports, "translate");
	unsigned long hva = port_of(&wanted->ports, "hva");
	_cleanup_buf_ struct buf missing = { 0 }, strange = { 0 };
	struct ports own = { 0 }, theirs = { 0 };

	find_in_texts(&own, texts);
	add_wanted(&theirs, &wanted->ports);
	for (size_t i = 0; i < MONITOR_MODES; i++)
		add_wanted(&theirs, &wanted->mode_ports[i]);
	put_lacked(&missing, &theirs, &own);
	put_lacked(&strange, &own, &theirs);
	if (missing.len && strange.len)
		return strf("its source names ports %s, and not %s, as the assignment has them: which is which? Say it in a monitor.conf beside it",
			    buf_str(&strange), buf_str(&missing));
	if (has_port(&own, ask) && !has_port(&own, hva))
		return strf("its source names port %#lx, by which an address is asked for, and not %#lx, by which it is told: say in a monitor.conf beside "
			    "it how its guest gets the answer (translate_at, or hva)", ask, hva);
	return NULL;
}
