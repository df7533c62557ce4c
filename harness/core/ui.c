// SPDX-License-Identifier: GPL-2.0-only
#include "core/ui.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/util.h"

#define MAX_STAGES 64
#define REDRAW_NS (200 * NSEC_PER_MSEC)
#define PLAIN_PROGRESS_NS (30 * NSEC_PER_SEC)

static struct {
	bool verbose, plain, open, drawn;
	uint64_t started, redrawn;
	uint64_t done, total;
	const char *unit;
	struct ui_stage stages[MAX_STAGES];
	unsigned int n;
} ui;

void ui_init(bool verbose)
{
	ui.verbose = verbose;
	ui.plain = !isatty(STDERR_FILENO);
}

bool ui_verbose(void)
{
	return ui.verbose;
}

static struct ui_stage *current(void)
{
	return &ui.stages[ui.n < MAX_STAGES ? ui.n : MAX_STAGES - 1];
}

static double elapsed(void)
{
	return (double)(now_ns() - ui.started) / 1e9;
}

static void erase(void)
{
	if (ui.drawn)
		fputs("\r\033[K", stderr);
	ui.drawn = false;
}

static void print_progress(void)
{
	if (ui.total)
		fprintf(stderr, "  %" PRIu64 " of %" PRIu64 " %s", ui.done, ui.total, ui.unit);
	else if (ui.done)
		fprintf(stderr, "  %" PRIu64 " %s", ui.done, ui.unit);
}

static void draw(void)
{
	uint64_t now = now_ns();

	if (!ui.open || now - ui.redrawn < (ui.plain ? PLAIN_PROGRESS_NS : REDRAW_NS))
		return;
	ui.redrawn = now;
	erase();
	fprintf(stderr, "  %-30s %7.1f s", current()->name, elapsed());
	print_progress();
	if (ui.plain)
		fputs("  ...\n", stderr); /* a CI's log shows that the step lives */
	ui.drawn = !ui.plain;
	fflush(stderr);
}

void ui_stage_begin(const char *fmt, ...)
{
	va_list ap;

	if (ui.open)
		ui_stage_end("done");
	va_start(ap, fmt);
	vsnprintf(current()->name, sizeof(current()->name), fmt, ap);
	va_end(ap);
	ui.open = true;
	ui.started = now_ns();
	ui.redrawn = ui.plain ? ui.started : 0;
	ui.done = 0;
	ui.total = 0;
	draw();
}

void ui_stage_progress(uint64_t done, uint64_t total, const char *unit)
{
	ui.done = done;
	/* The count known from the last build may be short of this one's: never "12 of 10". */
	ui.total = total && done > total ? done : total;
	ui.unit = unit;
	draw();
}

void ui_tick(void)
{
	draw();
}

void ui_stage_end(const char *fmt, ...)
{
	struct ui_stage *s = current();
	va_list ap;

	if (!ui.open)
		return;
	va_start(ap, fmt);
	vsnprintf(s->word, sizeof(s->word), fmt, ap);
	va_end(ap);
	s->seconds = elapsed();
	erase();
	fprintf(stderr, "  %-30s %7.1f s  %s\n", s->name, s->seconds, s->word);
	fflush(stderr);
	ui.open = false;
	if (ui.n < MAX_STAGES)
		ui.n++;
}

void ui_stage_abort(void)
{
	if (!ui.open)
		return;
	erase();
	fprintf(stderr, "  %-30s %7.1f s  failed\n", current()->name, elapsed());
	ui.open = false;
}

static void say(const char *fmt, va_list ap)
{
	erase();
	fputs("  ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	ui.redrawn = ui.plain ? ui.redrawn : 0;
}

void ui_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void ui_debug(const char *fmt, ...)
{
	va_list ap;

	if (!ui.verbose)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

const struct ui_stage *ui_stages(unsigned int *n)
{
	*n = ui.n;
	return ui.stages;
}
