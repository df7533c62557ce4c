/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user sees while the lab works: one line a stage, with elapsed time, redrawn in place on
 * a terminal and printed once when finished elsewhere. Everything here goes to standard error, so
 * that standard output holds the report alone.
 */
#ifndef NESTLAB_CORE_UI_H
#define NESTLAB_CORE_UI_H

#include <stdbool.h>
#include <stdint.h>

/* verbose: V=1. plain: no escapes, no redrawing (set by itself when stderr is no terminal). */
void ui_init(bool verbose);
bool ui_verbose(void);

/*
 * One stage at a time: begin, any number of progress calls, end. The name is short ("host kernel").
 * total 0: unknown. ui_stage_end()'s word says how it went: "built", "reused", "restored".
 */
void ui_stage_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ui_stage_progress(uint64_t done, uint64_t total, const char *unit);
void ui_stage_end(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ui_stage_abort(void); /* the stage failed; its error comes elsewhere */
void ui_tick(void);	   /* redraw the elapsed time; cheap, call it from wait loops */

void ui_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));  /* always shown */
void ui_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* with V=1 only */

/* A finished stage, for manifest.json and the closing summary. */
struct ui_stage {
	char name[64];
	char word[96];
	double seconds;
};
const struct ui_stage *ui_stages(unsigned int *n);

#endif
