// SPDX-License-Identifier: GPL-2.0-only
#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xfffdU

/* By number of bytes: what the first byte looks like, and the first code point that needs so many.
 */
static const struct {
	unsigned char mask, lead;
	uint32_t first;
} utf8_forms[] = {
	{ 0x80, 0x00, 0 },
	{ 0xe0, 0xc0, 0x80 },
	{ 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

static bool is_scalar(uint32_t cp)
{
	return cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

/* Bytes of the character at s when it has form i, else 0. Stops at the terminating NUL. */
static size_t decode_form(const unsigned char *s, size_t i, uint32_t *cp)
{
	if ((s[0] & utf8_forms[i].mask) != utf8_forms[i].lead)
		return 0;
	*cp = s[0] & (unsigned char)~utf8_forms[i].mask;
	for (size_t k = 1; k <= i; k++) {
		if ((s[k] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[k] & 0x3f);
	}
	return *cp >= utf8_forms[i].first && is_scalar(*cp) ? i + 1 : 0;
}

/* Decode one character; a byte that belongs to none counts as one U+FFFD. */
static size_t next_char(const char *s, uint32_t *cp)
{
	for (size_t i = 0; i < ARRAY_SIZE(utf8_forms); i++) {
		size_t n = decode_form((const unsigned char *)s, i, cp);

		if (n)
			return n;
	}
	*cp = REPLACEMENT;
	return 1;
}

static void put_utf8(struct buf *b, uint32_t cp)
{
	size_t last = cp < 0x80 ? 0 : cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
	unsigned char c[4];

	for (size_t i = last; i > 0; i--, cp >>= 6)
		c[i] = 0x80 | (cp & 0x3f);
	c[0] = (unsigned char)(utf8_forms[last].lead | cp);
	buf_add(b, c, last + 1);
}

static bool xml_can_hold(uint32_t cp)
{
	return cp == '\t' || cp == '\n' || cp == '\r' ||
	       (cp >= 0x20 && cp != 0xfffe && cp != 0xffff);
}

static void put_xml(struct buf *b, uint32_t cp)
{
	put_utf8(b, xml_can_hold(cp) ? cp : REPLACEMENT);
}

/* Characters that turn the direction of the text behind them: a line could show another order than
 * it has. */
static bool turns_direction(uint32_t cp)
{
	return cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x202a && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069);
}

static void put_line(struct buf *b, uint32_t cp)
{
	if (cp == '\n')
		buf_puts(b, "\\n");
	else if (cp == '\t')
		buf_puts(b, "\\t");
	else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		buf_printf(b, "\\x%02x", (unsigned int)cp);
	else if (turns_direction(cp) || cp == 0x2028 || cp == 0x2029)
		buf_printf(b, "\\u%04x", (unsigned int)cp);
	else
		put_utf8(b, cp);
}

/* KTAP has no escape, and its reader in the kernel's tree ends a name at each #. */
static void put_tap(struct buf *b, uint32_t cp)
{
	if (cp != '#')
		put_line(b, cp);
}

static void put_html(struct buf *b, uint32_t cp)
{
	static const char *const entities[128] = {
		['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
		['"'] = "&quot;", ['\''] = "&#39;", ['\t'] = "\t",
	};

	if (cp < ARRAY_SIZE(entities) && entities[cp])
		buf_puts(b, entities[cp]);
	else if (cp == 0xfffe || cp == 0xffff)
		put_utf8(b, REPLACEMENT);
	else
		put_line(b, cp);
}

static void (*const put[TEXT_FORM_COUNT])(struct buf *b, uint32_t cp) = {
	[TEXT_UTF8] = put_utf8, [TEXT_XML] = put_xml,	[TEXT_LINE] = put_line,
	[TEXT_TAP] = put_tap,	[TEXT_HTML] = put_html,
};

void text_add(struct buf *b, enum text_form form, const char *s)
{
	uint32_t cp;

	for (size_t n; s && *s; s += n) {
		n = next_char(s, &cp);
		put[form](b, cp);
	}
}

char *text_form(enum text_form form, const char *s)
{
	_cleanup_buf_ struct buf b = { 0 };

	text_add(&b, form, s);
	return xstrdup(buf_str(&b));
}

size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

void text_add_count(struct buf *b, uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_puts(b, ",");
		buf_add(b, digits + i, 1);
	}
}

char *text_count(uint64_t n)
{
	_cleanup_buf_ struct buf b = { 0 };

	text_add_count(&b, n);
	return xstrdup(buf_str(&b));
}

char *text_rounded(double n)
{
	if (!isfinite(n) || n >= 1e18)
		return xstrdup("?");
	return text_count(n > 0 ? (uint64_t)llround(n) : 0);
}

char *text_number(double n)
{
	double size = fabs(n);
	_cleanup_free_ char *count = NULL;

	if (!isfinite(n) || size >= 1e18)
		return strf("%.4g", n);
	if (size < 1000 && size > floor(size))
		return strf("%.4g", n);
	count = text_rounded(size);
	return strf("%s%s", n < 0 ? "-" : "", count);
}

char *text_bytes(uint64_t n)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double d = (double)n / 1024;
	size_t u = 0;

	if (n < 1024)
		return strf("%u bytes", (unsigned int)n);
	for (; d >= 1023.5 && u + 1 < ARRAY_SIZE(units); u++)
		d /= 1024;
	return strf(d < 9.95 ? "%.1f %s" : "%.0f %s", d, units[u]);
}

char *text_seconds(double seconds)
{
	unsigned long long whole;

	if (!isfinite(seconds) || seconds < 0 || seconds > 1e12)
		return xstrdup("?");
	if (seconds < 10)
		return strf("%.2f s", seconds);
	if (seconds < 99.95)
		return strf("%.1f s", seconds);
	whole = (unsigned long long)llround(seconds);
	return strf("%llu min %02llu s", whole / 60, whole % 60);
}
