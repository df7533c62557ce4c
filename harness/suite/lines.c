// SPDX-License-Identifier: GPL-2.0-only
#include "suite/lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MASKED_DIGITS 4
#define KSFT_SKIP 4
#define AUTOMAKE_SKIP 77

const char *const suite_verdict_names[SUITE_VERDICTS] = { "pass", "fail", "skip" };

/* Reading one program's lines. */
struct reading {
	struct suite_said *said;
	unsigned int at;     /* the line's number */
	struct strv parents; /* KTAP: names of the tests that this line is in, outermost first */
	bool has_plan;
	uint64_t planned;
	size_t seen;	  /* lines that the plan is about */
	const char *tell; /* what a failed program says of itself; NULL: nothing special */
	bool tell_next;
	bool spoke;   /* it said anything at all */
	bool refused; /* what should have run it told an error */
	bool lacks;   /* and that error is its age */
};

struct suite_format {
	const char *name;
	void (*line)(struct reading *r, const char *line);
	enum suite_verdict (*exit)(const struct reading *r, int code);
	void (*close)(struct reading *r); /* may be NULL */
};

/* ---- names ---- */

static bool is_number(const char *word, size_t n)
{
	bool digit = false;

	if (n > 2 && word[0] == '0' && tolower((unsigned char)word[1]) == 'x') {
		word += 2;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)word[i]))
			return false;
		digit |= isdigit((unsigned char)word[i]) != 0;
	}
	return digit && n >= MASKED_DIGITS;
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]))
		n++;
	return n;
}

char *suite_masked(const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };

	while (*text) {
		size_t n = word_length(text);

		if (n && is_number(text, n))
			buf_puts(&b, "N");
		else
			buf_add(&b, text, n ? n : 1);
		text += n ? n : 1;
	}
	return xstrdup(buf_str(&b));
}

const struct suite_line *suite_said_find(const struct suite_said *said, const char *name)
{
	for (size_t i = 0; i < said->n; i++)
		if (!strcmp(said->v[i].name, name))
			return &said->v[i];
	return NULL;
}

/* A name that is there already gets its number behind it. */
static char *unique(const struct suite_said *said, char *name)
{
	char *more = xstrdup(name);

	for (unsigned int i = 2; suite_said_find(said, more); i++) {
		free(more);
		more = strf("%s (%u)", name, i);
	}
	free(name);
	return more;
}

void suite_said_add(struct suite_said *said, const char *name, enum suite_verdict verdict,
		    const char *text, unsigned int at)
{
	char *own = unique(said, suite_masked(name));

	said->v = xrealloc(said->v, said->n + 1, sizeof(*said->v));
	said->v[said->n++] = (struct suite_line){
		.name = own, .verdict = verdict, .text = text ? xstrdup(text) : NULL, .at = at
	};
}

void suite_said_free(struct suite_said *said)
{
	for (size_t i = 0; i < said->n; i++) {
		free(said->v[i].name);
		free(said->v[i].text);
	}
	free(said->v);
	*said = (struct suite_said){ 0 };
}

/* ---- KTAP: "ok 3 name # SKIP why", "not ok 4 name", "1..7" ---- */

static size_t depth_of(const char *line)
{
	return strspn(line, " ") / 2;
}

/* "# Subtest: NAME", at the depth of the lines that are in it. */
static bool take_subtest(struct reading *r, const char *line)
{
	static const char mark[] = "# Subtest: ";
	size_t depth = depth_of(line);
	const char *text = line + strspn(line, " ");

	if (!str_starts(text, mark) || !depth)
		return false;
	strv_cut(&r->parents, depth - 1);
	strv_add(&r->parents, text + strlen(mark));
	return true;
}

static void take_plan(struct reading *r, const char *line)
{
	uint64_t n = 0;
	_cleanup_free_ char *number = xstrndup(line + 3, strspn(line + 3, "0123456789"));

	r->has_plan = parse_u64(number, &n);
	r->planned = n;
}

/* "parent/name", for a line at this depth. */
static char *full_name(const struct reading *r, size_t depth, const char *name)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < r->parents.n && i < depth; i++)
		buf_printf(&b, "%s/", r->parents.v[i]);
	buf_puts(&b, name);
	return xstrdup(buf_str(&b));
}

/* What is expected to fail, and does, proves nothing either way. */
static enum suite_verdict directed(const char *directive, enum suite_verdict plain,
				   const char **why)
{
	static const char *const words[] = { "SKIP", "XFAIL", "TODO" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncasecmp(directive, words[i], strlen(words[i]))) {
			*why = directive + strlen(words[i]);
			*why += strspn(*why, " :-");
			return SUITE_SKIP;
		}
	return plain;
}

/* rest: behind "ok" or "not ok". Without a name the directive's text is one. */
static void take_result(struct reading *r, const char *line, const char *rest, enum suite_verdict v)
{
	_cleanup_free_ char *copy = xstrdup(rest), *number = NULL, *name = NULL;
	char *text = str_strip(copy), *hash, *plain;
	const char *why = NULL;

	number = xstrndup(text, strspn(text, "0123456789"));
	text += strlen(number);
	text += strspn(text, " -");
	hash = str_starts(text, "# ") ? text : strstr(text, " # ");
	if (hash) {
		v = directed(hash + strspn(hash, " #"), v, &why);
		*hash = '\0';
	}
	plain = str_strip(text);
	if (!*plain)
		name = why && *why ? full_name(r, depth_of(line), why) : strf("line %s", number);
	else
		name = full_name(r, depth_of(line), plain);
	if (!*plain) /* it is the name */
		why = NULL;
	suite_said_add(r->said, name, v, v == SUITE_FAIL ? line : why, r->at);
	r->seen += !depth_of(line);
}

/*
 * A result behind something that was printed without a newline ("Diff too high: 3083808..not ok 2
 * ITIMER_PROF"): it has the number that is next. NULL: there is none.
 */
static const char *find_inside(const struct reading *r, const char *line)
{
	for (const char *p = line; *line != '#' && (p = strstr(p, "ok ")); p++)
		if (strtoul(p + 3, NULL, 10) == r->seen + 1)
			return p - line >= 4 && !strncmp(p - 4, "not ", 4) ? p - 4 : p;
	return NULL;
}

static void ktap_line(struct reading *r, const char *line)
{
	const char *text = line + strspn(line, " "), *inside;

	if (take_subtest(r, line))
		return;
	inside = str_starts(text, "ok ") || str_starts(text, "not ok ") ? NULL : find_inside(r, line);
	if (inside)
		line = text = inside;
	if (str_starts(line, "1.."))
		take_plan(r, line);
	else if (str_starts(text, "ok ") && isdigit((unsigned char)text[3]))
		take_result(r, line, text + 3, SUITE_PASS);
	else if (str_starts(text, "not ok "))
		take_result(r, line, text + 7, SUITE_FAIL);
	if (r->tell_next && *text)
		r->tell = text;
	r->tell_next = strstr(line, "Test Assertion Failure");
}

/* A program that stops in the middle, with an exit code of 0, has not passed. */
static void ktap_close(struct reading *r)
{
	_cleanup_free_ char *why = NULL;

	if (!r->has_plan || r->seen >= r->planned)
		return;
	why = strf("%llu lines were promised, %zu came", (unsigned long long)r->planned, r->seen);
	suite_said_add(r->said, SUITE_PLAN, SUITE_FAIL, why, 0);
}

static enum suite_verdict exit_ktap(const struct reading *r, int code)
{
	(void)r;
	if (code == KSFT_SKIP)
		return SUITE_SKIP;
	return code ? SUITE_FAIL : SUITE_PASS;
}

/* ---- kvm-unit-tests: "PASS: name", by QEMU, which exits with code << 1 | 1 ---- */

static void unit_tests_line(struct reading *r, const char *line)
{
	static const struct {
		const char *mark;
		enum suite_verdict verdict;
	} marks[] = {
		{ "PASS: ", SUITE_PASS }, { "FAIL: ", SUITE_FAIL },  { "XPASS: ", SUITE_FAIL },
		{ "SKIP: ", SUITE_SKIP }, { "XFAIL: ", SUITE_SKIP }, { "KFAIL: ", SUITE_SKIP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (str_starts(line, marks[i].mark))
			suite_said_add(r->said, line + strlen(marks[i].mark), marks[i].verdict,
				       marks[i].verdict == SUITE_PASS ? NULL : line, r->at);
	r->spoke |= *line != '\0';
	if (str_starts(line, "qemu-system-") && !strstr(line, ": warning: "))
		r->refused = true;
	/* It is told with a value that only a newer QEMU knows; so says their own runner, too. */
	r->lacks |= r->refused && strstr(line, ": Property '") && str_ends(line, "' not found");
	if (r->refused || strstr(line, "nhandled "))
		r->tell = line;
}

/* QEMU's own exit code after an error is 1, too, and no guest has run then. */
static enum suite_verdict exit_unit_tests(const struct reading *r, int code)
{
	if (r->lacks)
		return SUITE_SKIP;
	if (r->refused || !r->spoke)
		return SUITE_FAIL;
	switch (code) {
	case 1:
		return SUITE_PASS;
	case AUTOMAKE_SKIP:
	case AUTOMAKE_SKIP << 1 | 1:
		return SUITE_SKIP;
	default:
		return SUITE_FAIL;
	}
}

/* ---- nothing but the exit code ---- */

static void no_line(struct reading *r, const char *line)
{
	if (*line)
		r->tell = line;
}

static enum suite_verdict exit_plain(const struct reading *r, int code)
{
	if (code == AUTOMAKE_SKIP)
		return SUITE_SKIP;
	return exit_ktap(r, code);
}

static const struct suite_format formats[] = {
	{ "ktap", ktap_line, exit_ktap, ktap_close },
	{ "kvm-unit-tests", unit_tests_line, exit_unit_tests, NULL },
	{ "exit-code", no_line, exit_plain, NULL },
};

const struct suite_format *suite_format_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

/* ---- the whole ---- */

/* Of a guest that ends early the total says less than the line in front of it. */
static const char *last_line(const struct strv *text)
{
	const char *total = NULL;

	for (size_t i = text->n; i--;) {
		if (*text->v[i] && !str_starts(text->v[i], "SUMMARY: "))
			return text->v[i];
		if (*text->v[i])
			total = text->v[i];
	}
	return total ? total : "it said nothing";
}

static bool has_failed_line(const struct suite_said *said)
{
	for (size_t i = 0; i < said->n; i++)
		if (said->v[i].verdict == SUITE_FAIL)
			return true;
	return false;
}

/*
 * It is compared with the unpatched kernel's, so it is of the end alone: where lines have failed,
 * they are compared themselves, and how far a killed program came is a matter of time.
 */
static char *end_text(const struct reading *r, const struct suite_end *end, const struct strv *text)
{
	const char *tell = r->tell ? r->tell : has_failed_line(r->said) ? "" : last_line(text);

	if (end->killed)
		return strf("still running after its %u s (times the slowdown), killed", end->deadline_s);
	if (end->exit_code < 0)
		return strf("ended by signal %d%s%s", end->signal, *tell ? "; " : "", tell);
	return strf("exit code %d%s%s", end->exit_code, *tell ? "; " : "", tell);
}

/* "1..0 # SKIP why", or the last thing that was said. */
static const char *skip_text(const struct strv *text)
{
	const char *last = last_line(text), *why = NULL, *hash = strstr(last, "# ");

	if (hash && directed(hash + 2, SUITE_PASS, &why) == SUITE_SKIP && *why)
		return why;
	return last;
}

static void add_end(struct reading *r, const struct suite_format *f, const struct strv *text,
		    const struct suite_end *end)
{
	bool by_itself = !end->killed && end->exit_code >= 0;
	enum suite_verdict v = by_itself ? f->exit(r, end->exit_code) : SUITE_FAIL;
	_cleanup_free_ char *why = NULL;

	if (v == SUITE_FAIL)
		why = end_text(r, end, text);
	else if (v == SUITE_SKIP)
		why = xstrdup(skip_text(text));
	suite_said_add(r->said, SUITE_PROGRAM, v, why, 0);
}

void suite_read(const struct suite_format *f, const struct strv *text, const struct suite_end *end,
		struct suite_said *said)
{
	struct reading r = { .said = said };

	*said = (struct suite_said){ 0 };
	for (size_t i = 0; i < text->n; i++) {
		r.at = (unsigned int)i + 1;
		f->line(&r, text->v[i]);
	}
	if (f->close)
		f->close(&r);
	add_end(&r, f, text, end);
	strv_free(&r.parents);
}
