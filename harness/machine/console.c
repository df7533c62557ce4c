// SPDX-License-Identifier: GPL-2.0-only
#include "machine/console.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"

#define MAX_LINE 4096
#define MAX_CRASH_LINES 120
#define MAX_FINDINGS 50
#define MAX_REPORT_LINES 200

void console_init(struct console *c)
{
	*c = (struct console){ .fd = -1 };
}

int console_log_to(struct console *c, const char *path)
{
	close_p(&c->fd);
	c->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (c->fd < 0)
		return fail(OUT_BROKEN, "can't write the console log %s: %s", path, strerror(errno));
	return 0;
}

static void make_printable(char *line)
{
	for (; *line; line++)
		if (!isprint((unsigned char)*line) && *line != '\t')
			*line = '?';
}

static void begin_report(struct console *c, const struct oops_family *f)
{
	c->reports = xrealloc(c->reports, c->n_reports + 1, sizeof(*c->reports));
	c->reports[c->n_reports++] = (struct console_report){ .family = f };
	c->in_report = true;
}

/*
 * A report's own text may name other families ("WARNING: CPU: 0"): it goes on to its end, or to its
 * bound.
 */
static void collect_report(struct console *c, const struct oops_family *f, const char *line)
{
	struct console_report *r;

	if (!c->in_report && f && !f->deadly && c->n_reports < MAX_FINDINGS)
		begin_report(c, f);
	if (!c->in_report)
		return;
	r = &c->reports[c->n_reports - 1];
	strv_add(&r->text, line);
	if (!r->family->end || r->text.n >= MAX_REPORT_LINES ||
	    (r->text.n > 1 && strstr(line, r->family->end)))
		c->in_report = false;
}

static void look_for_crash(struct console *c, const char *line)
{
	const struct oops_family *f = oops_match(line);

	collect_report(c, f, line);

	if (f && !f->deadly && c->findings.n < MAX_FINDINGS)
		strv_add(&c->findings, line);
	if (f && f->deadly && !c->crash) {
		c->crash = f;
		c->crash_ns = now_ns();
		snprintf(c->crash_line, sizeof(c->crash_line), "%s", line);
	}
	if (c->crash && c->crash_text.n < MAX_CRASH_LINES)
		strv_add(&c->crash_text, line);
}

static void take_line(struct console *c, char *line)
{
	size_t n = strlen(line);

	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		line[--n] = '\0';
	make_printable(line);
	if (c->await && strstr(line, c->await)) {
		c->await_seen = true;
		snprintf(c->await_line, sizeof(c->await_line), "%s", line);
	}
	look_for_crash(c, line);
}

void console_feed(struct console *c, const void *data, size_t len)
{
	size_t start = 0;
	char *nl;

	c->bytes += len;
	if (c->fd >= 0 && write(c->fd, data, len) < 0)
		close_p(&c->fd);
	buf_add(&c->line, data, len);
	/* Only whole lines are looked at, or "ODEBUG:" cut in two would read as "BUG:". */
	while ((nl = memchr(c->line.data + start, '\n', c->line.len - start))) {
		*nl = '\0';
		take_line(c, c->line.data + start);
		start = (size_t)(nl - c->line.data) + 1;
	}
	buf_drop(&c->line, start);
	if (c->line.len > MAX_LINE) {
		take_line(c, c->line.data);
		buf_drop(&c->line, c->line.len);
	}
}

void console_await(struct console *c, const char *text)
{
	c->await = text;
	c->await_seen = false;
}

void console_free(struct console *c)
{
	close_p(&c->fd);
	buf_free(&c->line);
	strv_free(&c->crash_text);
	strv_free(&c->findings);
	for (size_t i = 0; i < c->n_reports; i++)
		strv_free(&c->reports[i].text);
	free(c->reports);
	console_init(c);
}
