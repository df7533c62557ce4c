// SPDX-License-Identifier: GPL-2.0-only
#include "reproduce/same.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"

#define SHORT 16 /* of a hash, for people */

const char *const part_names[PARTS] = {
	[PART_PRODUCT] = "made the same bit for bit",
	[PART_RECIPE] = "made of the same",
	[PART_INPUT] = "that go in",
	[PART_AROUND] = "around it",
};

static const struct {
	const char *word;
	enum part part;
} words[] = {
	{ "bzImage", PART_PRODUCT }, { "module", PART_PRODUCT },  { "initramfs", PART_PRODUCT },
	{ "kernel", PART_RECIPE },   { "image", PART_RECIPE },	  { "lab", PART_RECIPE },
	{ "source", PART_INPUT },    { "patch", PART_INPUT },	  { "config", PART_INPUT },
	{ "compiler", PART_INPUT },  { "assignment", PART_INPUT }, { "monitor", PART_INPUT },
	{ "emulator", PART_INPUT },  { "suite", PART_INPUT },	  { "suite's", PART_INPUT },
};

/* "compiler of nestlab" made none of what is judged. */
static enum part part_of(const char *key)
{
	size_t n = strcspn(key, " ");

	if (!strcmp(key, "compiler of nestlab"))
		return PART_AROUND;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == n && !strncmp(key, words[i].word, n))
			return words[i].part;
	return PART_AROUND;
}

static void add(struct same *s, const char *key, const char *was, const char *now)
{
	struct difference *d;

	if (was && now && !strcmp(was, now)) {
		s->equal[part_of(key)]++;
		return;
	}
	s->v = xrealloc(s->v, s->n + 1, sizeof(*s->v));
	d = &s->v[s->n++];
	*d = (struct difference){ .part = part_of(key), .key = xstrdup(key) };
	d->was = was ? xstrdup(was) : NULL;
	d->now = now ? xstrdup(now) : NULL;
}

static void compare_manifests(const struct run_result *was, const struct run_result *now,
			      struct same *s)
{
	for (size_t i = 0; i < was->n_manifest; i++)
		add(s, was->manifest[i].key, was->manifest[i].value,
		    result_manifest(now, was->manifest[i].key));
	for (size_t i = 0; i < now->n_manifest; i++)
		if (!result_manifest(was, now->manifest[i].key))
			add(s, now->manifest[i].key, NULL, now->manifest[i].value);
}

/* ---- verdicts ---- */

static void add_verdict(struct same *s, const char *test, const char *check,
			const enum outcome *was, const enum outcome *now)
{
	if (was && now && *was == *now)
		s->checks++;
	else
		strv_addf(&s->verdicts, "%s%s%s: %s, was %s", test, check ? ": " : "", check ? check : "",
			  now ? outcome_name(*now) : "not asked", was ? outcome_name(*was) : "not asked");
}

static void compare_checks(const struct test_result *was, const struct test_result *now,
			   struct same *s)
{
	for (size_t i = 0; i < was->n_checks; i++) {
		const struct check_result *c = &was->checks[i];
		const struct check_result *other = result_find_check(now, c->name);

		add_verdict(s, was->name, c->name, &c->verdict, other ? &other->verdict : NULL);
	}
	for (size_t i = 0; i < now->n_checks; i++)
		if (!result_find_check(was, now->checks[i].name))
			add_verdict(s, now->name, now->checks[i].name, NULL,
				    &now->checks[i].verdict);
}

static void compare_verdicts(const struct run_result *was, const struct run_result *now,
			     struct same *s)
{
	for (size_t i = 0; i < was->n_tests; i++) {
		const struct test_result *t = &was->tests[i];
		const struct test_result *other = result_find_test(now, t->name);

		if (other)
			compare_checks(t, other, s);
		if (!other || other->verdict != t->verdict)
			add_verdict(s, t->name, NULL, &t->verdict, other ? &other->verdict : NULL);
	}
	for (size_t i = 0; i < now->n_tests; i++)
		if (!result_find_test(was, now->tests[i].name))
			add_verdict(s, now->tests[i].name, NULL, NULL, &now->tests[i].verdict);
	if (was->verdict != now->verdict)
		add_verdict(s, "the run", NULL, &was->verdict, &now->verdict);
}

void same_compare(const struct run_result *was, const struct run_result *now, struct same *s)
{
	*s = (struct same){ 0 };
	compare_manifests(was, now, s);
	compare_verdicts(was, now, s);
}

void same_free(struct same *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].key);
		free(s->v[i].was);
		free(s->v[i].now);
	}
	free(s->v);
	strv_free(&s->verdicts);
}

bool same_is_reproduced(const struct same *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].part == PART_PRODUCT)
			return false;
	return s->equal[PART_PRODUCT] && !s->verdicts.n;
}

/* ---- for people ---- */

static bool is_hash(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static void put_value(struct buf *to, const char *value)
{
	if (!value)
		buf_puts(to, "none");
	else
		buf_printf(to, "%.*s", is_hash(value) ? SHORT : 200, value);
}

static size_t count(const struct same *s, enum part part)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].part == part;
	return n;
}

static void tell_difference(const struct difference *d, struct buf *to)
{
	buf_printf(to, "differs  %s: ", d->key);
	put_value(to, d->now);
	buf_puts(to, ", was ");
	put_value(to, d->was);
	buf_puts(to, "\n");
}

static void tell_why(const struct same *s, struct buf *to)
{
	if (!count(s, PART_PRODUCT))
		return;
	if (count(s, PART_INPUT))
		buf_puts(to, "why      of what goes in something differs, see above\n");
	else
		buf_puts(to, "why      all that goes in is the same: what makes it does not do the same twice\n");
}

void same_tell(const struct same *s, struct buf *to)
{
	for (unsigned int p = 0; p < PARTS; p++)
		if (s->equal[p])
			buf_printf(to, "equal    %zu %s\n", s->equal[p], part_names[p]);
	for (size_t i = 0; i < s->n; i++)
		tell_difference(&s->v[i], to);
	tell_why(s, to);
	buf_printf(to, "equal    %zu verdicts of checks\n", s->checks);
	for (size_t i = 0; i < s->verdicts.n; i++)
		buf_printf(to, "differs  %s\n", s->verdicts.v[i]);
}
