// SPDX-License-Identifier: GPL-2.0-only
#include "intake/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t word_next(const char **at)
{
	size_t n = 0;

	while (**at && !isalnum((unsigned char)**at) && **at != '_')
		(*at)++;
	while (isalnum((unsigned char)(*at)[n]) || (*at)[n] == '_')
		n++;
	return n;
}

bool word_is_in(const char *text, const char *word, size_t len)
{
	for (size_t n; (n = word_next(&text)); text += n)
		if (n == len && !strncmp(text, word, n))
			return true;
	return false;
}

static bool is_of_c(const char *word, size_t len)
{
	static const char *const words[] = { "static", "void", "int", "struct", "return", "if", "else", "const", "u32",
					     "u64", "bool", "union", "unsigned", "long", "inline" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (len == strlen(words[i]) && !strncmp(word, words[i], len))
			return true;
	return false;
}

unsigned int words_common(const char *line, const char *other)
{
	unsigned int common = 0, of = 0;

	for (size_t len; (len = word_next(&line)); line += len) {
		if (is_of_c(line, len))
			continue;
		of++;
		common += word_is_in(other, line, len);
	}
	return of > 1 ? common * 100 / of : 0;
}

/* "KVM_HC_VCPU_INFO" and "sys_vcpu_info" end with it; "vcpu_info_cache" is Xen's. */
static bool ends_a_word(const char *text, const char *seed, size_t len)
{
	for (size_t n; (n = word_next(&text)); text += n)
		if (n >= len && !strncasecmp(text + n - len, seed, len))
			return true;
	return false;
}

/* 548 is no part of 0x1548. */
static bool has_one_seed(const char *text, const char *seed)
{
	size_t len = strlen(seed);

	if (strspn(seed, "0123456789") == len)
		return word_is_in(text, seed, len);
	if (isdigit((unsigned char)*seed))
		return strcasestr(text, seed);
	return ends_a_word(text, seed, len);
}

bool words_have_seed(const char *text, const struct strv *seeds)
{
	for (size_t i = 0; i < seeds->n; i++)
		if (has_one_seed(text, seeds->v[i]))
			return true;
	return false;
}

/* ---- addresses ---- */

/* "example.org" right before end: its last part has letters only, and more than one ("main.c/x"). */
static bool ends_host(const char *text, const char *end)
{
	const char *at = end;

	while (at > text && isalpha((unsigned char)at[-1]))
		at--;
	return end - at > 1 && at > text + 1 && at[-1] == '.' && isalnum((unsigned char)at[-2]);
}

static bool follows_user(const char *text, const char *end)
{
	while (end > text && (isalnum((unsigned char)end[-1]) || strchr(".-", end[-1])))
		end--;
	return end > text && end[-1] == '@';
}

/* "It is on GitHub, user ann" is an address, too. */
static bool names_a_host(const char *text)
{
	static const char *const hosts[] = { "github", "gitlab", "bitbucket", "dropbox", "onedrive", "google drive" };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		if (strcasestr(text, hosts[i]))
			return true;
	return false;
}

bool words_have_address(const char *text)
{
	if (strstr(text, "://") || strcasestr(text, "www.") || names_a_host(text))
		return true;
	for (const char *at = text; (at = strpbrk(at, "/:")); at++)
		if (ends_host(text, at) && (*at == '/' || follows_user(text, at)))
			return true;
	return false;
}

bool words_have_source(const char *text)
{
	for (const char *at = text; (at = strchr(at, '.')); at++)
		if (at > text && isalnum((unsigned char)at[-1]) && strchr("chS", at[1]) && at[1] &&
		    !isalnum((unsigned char)at[2]) && at[2] != '.')
			return true;
	return false;
}

/* ---- a set: a table with open places, never more than half full ---- */

/* FNV-1a. */
uint64_t word_key(const char *word, size_t len)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)word[i]) * 1099511628211ULL;
	return h ? h : 1;
}

static uint64_t *place_of(const struct wordset *s, uint64_t key)
{
	size_t i = (size_t)((key ^ key >> 32) & (s->room - 1));

	while (s->v[i] && s->v[i] != key)
		i = (i + 1) & (s->room - 1);
	return &s->v[i];
}

static void make_room(struct wordset *s)
{
	struct wordset larger = { .room = s->room ? s->room * 2 : 1024, .n = s->n };

	larger.v = xcalloc(larger.room, sizeof(*larger.v));
	for (size_t i = 0; i < s->room; i++)
		if (s->v[i])
			*place_of(&larger, s->v[i]) = s->v[i];
	free(s->v);
	*s = larger;
}

void wordset_add(struct wordset *s, uint64_t key)
{
	uint64_t *place;

	if (s->n * 2 >= s->room)
		make_room(s);
	place = place_of(s, key);
	s->n += !*place;
	*place = key;
}

bool wordset_has(const struct wordset *s, uint64_t key)
{
	return s->room && *place_of(s, key);
}

void wordset_add_text(struct wordset *s, const char *text)
{
	for (size_t n; (n = word_next(&text)); text += n)
		wordset_add(s, word_key(text, n));
}

void wordset_free(struct wordset *s)
{
	free(s->v);
	*s = (struct wordset){ 0 };
}
