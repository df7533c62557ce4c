/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text from levels, traces and consoles is hostile: a kernel under test wrote it. Whatever goes
 * into a report goes through here, once, so that no format is broken by it and no terminal obeys
 * it.
 */
#ifndef NESTLAB_REPORT_TEXT_H
#define NESTLAB_REPORT_TEXT_H

#include <stdint.h>

#include "core/util.h"

/* Bytes that are no UTF-8 become U+FFFD everywhere: jansson and XML readers refuse them. */
enum text_form {
	TEXT_UTF8, /* nothing else is changed (JSON writers escape for themselves) */
	TEXT_XML,  /* characters that XML 1.0 cannot hold become U+FFFD too (libxml2 escapes the
		      rest) */
	TEXT_LINE, /* one line for eyes: control and direction characters become \n, \t, \x1b,
		      \u202e */
	TEXT_TAP,  /* TEXT_LINE without #, which begins a directive: a name in a KTAP line */
	TEXT_HTML, /* TEXT_LINE, with & < > " ' as entities: content or quoted attribute; tabs stay
		    */
	TEXT_FORM_COUNT
};

/* Append s (NULL: nothing) in this form. */
void text_add(struct buf *b, enum text_form form, const char *s);
/* The same as a string that the caller owns; NULL gives "". */
char *text_form(enum text_form form, const char *s);

/* Characters (code points) of valid UTF-8: near enough to columns for what reports hold. */
size_t text_width(const char *s);

/* "18,840" */
void text_add_count(struct buf *b, uint64_t n);
char *text_count(uint64_t n);
char *
text_rounded(double n); /* the same for the nearest whole number; "0" for less, "?" for none */
/* Of a measure: whole and large numbers as "18,840", others in four digits: "6.823". */
char *text_number(double n);
/* "17 bytes", "1.2 MiB", "340 MiB" */
char *text_bytes(uint64_t n);
/* "0.43 s", "12.3 s", "2 min 05 s" */
char *text_seconds(double seconds);

#endif
