// SPDX-License-Identifier: GPL-2.0-only
/* The beginning of trace.txt, read a piece at a time: a trace can be larger than memory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/html.h"
#include "report/text.h"

#define LINE_BYTES 1024

struct trace_view {
	struct buf *page;
	struct buf line;
	bool cut;	/* the line is longer than is shown */
	uint64_t lines; /* ended so far, shown or not */
};

static void end_line(struct trace_view *v)
{
	v->lines++;
	if (v->lines <= HTML_TRACE_LINES) {
		buf_printf(v->page, "<span id=\"t%llu\">", (unsigned long long)v->lines);
		html_text(v->page, buf_str(&v->line));
		buf_puts(v->page, v->cut ? " [...]</span>" : "</span>");
	}
	v->line.len = 0;
	v->cut = false;
}

static void take_part(struct trace_view *v, const char *part, size_t n)
{
	size_t room = LINE_BYTES - v->line.len;

	v->cut |= n > room;
	if (v->lines < HTML_TRACE_LINES)
		buf_add(&v->line, part, n < room ? n : room);
}

/* A NUL would hide the rest of its line; as a byte that is no UTF-8 it is shown as U+FFFD. */
static void show_nuls(char *chunk, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!chunk[i])
			chunk[i] = '\xff';
}

static void take_chunk(struct trace_view *v, char *chunk, size_t n)
{
	char *end;

	show_nuls(chunk, n);
	for (; (end = memchr(chunk, '\n', n)); n -= (size_t)(end + 1 - chunk), chunk = end + 1) {
		take_part(v, chunk, (size_t)(end - chunk));
		end_line(v);
	}
	take_part(v, chunk, n);
}

static void read_trace(struct trace_view *v, int fd)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		take_chunk(v, chunk, (size_t)n);
	if (v->line.len)
		end_line(v);
}

/* Only a plain file: a pipe or a device in its place would hold the report up. */
static int open_trace(const char *run_dir)
{
	_cleanup_free_ char *path = strf("%s/trace.txt", run_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void put_note(struct buf *b, uint64_t lines)
{
	_cleanup_free_ char *all = text_count(lines);
	_cleanup_free_ char *shown = text_count(HTML_TRACE_LINES);

	if (lines > HTML_TRACE_LINES)
		buf_printf(b, "<p>The first %s of %s lines; ", shown, all);
	else
		buf_printf(b, "<p>%s %s, also in ", all, lines == 1 ? "line" : "lines");
	buf_printf(b, "%s<a href=\"trace.txt\">trace.txt</a>.</p>\n",
		   lines > HTML_TRACE_LINES ? "all of them are in " : "");
}

void html_trace(struct buf *b, const char *run_dir)
{
	_cleanup_close_ int fd = open_trace(run_dir);
	_cleanup_buf_ struct buf text = { 0 };
	struct trace_view v = { .page = &text };

	buf_puts(b, "<section id=\"trace\">\n<h2>Trace of L1</h2>\n");
	if (fd >= 0)
		read_trace(&v, fd);
	buf_free(&v.line);
	if (v.lines) {
		put_note(b, v.lines);
		buf_puts(b, "<pre class=\"lines\" tabindex=\"0\" aria-label=\"Trace of L1\">");
		buf_add(b, text.data, text.len);
		buf_puts(b, "</pre>\n");
	} else {
		buf_printf(b, "<p>%s</p>\n",
			   fd < 0 ? "This run has no trace.txt." : "trace.txt is empty.");
	}
	buf_puts(b, "</section>\n");
}
