// SPDX-License-Identifier: GPL-2.0-only
/*
 * The beginning of trace.txt, and what the checks refer to behind it, read a piece at a time: a
 * trace can be larger than memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/html.h"
#include "report/text.h"

#define LINE_BYTES 1024
#define WINDOWS 200 /* of a tree that is ours there are less */
#define WINDOW_ABOVE 5
#define WINDOW_LINES 30

/* -- which lines are shown -- */

static void add_window(struct html_trace *v, uint64_t first, uint64_t last)
{
	v->windows = xrealloc(v->windows, v->n_windows + 1, sizeof(*v->windows));
	v->windows[v->n_windows++] = (struct html_window){ first, last };
}

static void add_references(struct html_trace *v, const struct test_result *t, bool bad)
{
	for (size_t i = 0; i < t->n_checks && v->n_windows < WINDOWS; i++) {
		const struct check_result *c = &t->checks[i];
		uint64_t first = c->ref.first;

		if (!c->ref.file || strcmp(c->ref.file, "trace.txt") != 0 || !first)
			continue;
		if ((c->verdict == OUT_FAIL || c->verdict == OUT_BROKEN) == bad)
			add_window(v, first > WINDOW_ABOVE ? first - WINDOW_ABOVE : 1,
				   first + WINDOW_LINES);
	}
}

static int by_first(const void *a, const void *b)
{
	const struct html_window *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* In order, and none touches the next. */
static void merge_windows(struct html_trace *v)
{
	size_t n = 0;

	qsort(v->windows, v->n_windows, sizeof(*v->windows), by_first);
	for (size_t i = 1; i < v->n_windows; i++) {
		struct html_window *last = &v->windows[n], *next = &v->windows[i];

		if (next->first > last->last + 1)
			v->windows[++n] = *next;
		else if (next->last > last->last)
			last->last = next->last;
	}
	v->n_windows = n + 1;
}

/* Those of checks that failed come first: there is room for so many. */
static void choose_windows(struct html_trace *v, const struct run_result *r)
{
	add_window(v, 1, HTML_TRACE_LINES);
	for (size_t i = 0; i < r->n_tests; i++)
		add_references(v, &r->tests[i], true);
	for (size_t i = 0; i < r->n_tests; i++)
		add_references(v, &r->tests[i], false);
	merge_windows(v);
}

bool html_trace_has(const struct html_trace *v, uint64_t line)
{
	for (size_t i = 0; i < v->n_windows; i++)
		if (line >= v->windows[i].first && line <= v->windows[i].last)
			return line <= v->lines;
	return false;
}

/* -- reading -- */

struct reading {
	struct html_trace *v;
	struct buf line;
	bool cut;      /* the line is longer than is shown */
	size_t window; /* the next one, or the one that is open */
	bool open;
};

static bool is_shown(const struct reading *s)
{
	const struct html_trace *v = s->v;

	return s->window < v->n_windows && v->lines + 1 >= v->windows[s->window].first;
}

/* Each has its own numbers: what lies between them is not there to be counted. */
static void open_window(struct reading *s)
{
	struct buf *b = &s->v->text;
	_cleanup_free_ char *from = text_count(s->v->lines);

	if (s->v->lines > 1)
		buf_printf(b, "<p class=\"soft\">From line %s:</p>\n", from);
	buf_printf(b,
		   "<pre class=\"lines\" style=\"counter-reset:l %llu\" tabindex=\"0\" role=\"group\" "
		   "aria-label=\"Trace of L1\">",
		   (unsigned long long)s->v->lines - 1);
	s->open = true;
}

static void close_window(struct reading *s)
{
	if (s->open)
		buf_puts(&s->v->text, "</pre>\n");
	s->open = false;
}

static void show_line(struct reading *s)
{
	struct buf *b = &s->v->text;

	if (!s->open)
		open_window(s);
	buf_printf(b, "<span id=\"t%llu\">", (unsigned long long)s->v->lines);
	html_text(b, buf_str(&s->line));
	buf_puts(b, s->cut ? " [...]</span>" : "</span>");
	if (s->v->lines == s->v->windows[s->window].last) {
		close_window(s);
		s->window++;
	}
}

static void end_line(struct reading *s)
{
	bool shown = is_shown(s);

	s->v->lines++;
	if (shown)
		show_line(s);
	s->line.len = 0;
	s->cut = false;
}

static void take_part(struct reading *s, const char *part, size_t n)
{
	size_t room = LINE_BYTES - s->line.len;

	s->cut |= n > room;
	if (is_shown(s))
		buf_add(&s->line, part, n < room ? n : room);
}

/* A NUL would hide the rest of its line; as a byte that is no UTF-8 it is shown as U+FFFD. */
static void show_nuls(char *chunk, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!chunk[i])
			chunk[i] = '\xff';
}

static void take_chunk(struct reading *s, char *chunk, size_t n)
{
	char *end;

	show_nuls(chunk, n);
	for (; (end = memchr(chunk, '\n', n)); n -= (size_t)(end + 1 - chunk), chunk = end + 1) {
		take_part(s, chunk, (size_t)(end - chunk));
		end_line(s);
	}
	take_part(s, chunk, n);
}

static void read_lines(struct html_trace *v, int fd)
{
	struct reading s = { .v = v };
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		take_chunk(&s, chunk, (size_t)n);
	if (s.line.len)
		end_line(&s);
	close_window(&s);
	buf_free(&s.line);
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

void html_trace_read(struct html_trace *v, const struct run_result *r, const char *run_dir)
{
	_cleanup_close_ int fd = open_trace(run_dir);

	*v = (struct html_trace){ .found = fd >= 0 };
	choose_windows(v, r);
	if (v->found)
		read_lines(v, fd);
}

void html_trace_free(struct html_trace *v)
{
	buf_free(&v->text);
	free(v->windows);
	*v = (struct html_trace){ 0 };
}

/* -- the section -- */

static void put_note(struct buf *b, uint64_t lines)
{
	_cleanup_free_ char *all = text_count(lines);
	_cleanup_free_ char *shown = text_count(HTML_TRACE_LINES);

	if (lines > HTML_TRACE_LINES)
		buf_printf(b, "<p>The first %s of %s lines, and those that checks refer to; ",
			   shown, all);
	else
		buf_printf(b, "<p>%s %s, also in ", all, lines == 1 ? "line" : "lines");
	buf_printf(b, "%s<a href=\"trace.txt\">trace.txt</a>.</p>\n",
		   lines > HTML_TRACE_LINES ? "all of them are in " : "");
}

void html_trace(struct buf *b, const struct html_trace *v)
{
	buf_puts(b, "<section id=\"trace\">\n<h2>Trace of L1</h2>\n");
	if (v->lines) {
		put_note(b, v->lines);
		buf_add(b, v->text.data, v->text.len);
	} else {
		buf_printf(b, "<p>%s</p>\n",
			   v->found ? "trace.txt is empty." : "This run has no trace.txt.");
	}
	buf_puts(b, "</section>\n");
}
