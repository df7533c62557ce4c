// SPDX-License-Identifier: GPL-2.0-only
#include "intake/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake/words.h"

/* One that is not found twice with different values. */
struct found {
	uint32_t value;
	bool several;
};

static void find(struct found *f, uint32_t value)
{
	f->several |= f->value && f->value != value;
	f->value = value;
}

static uint32_t settled(const struct found *f)
{
	return f->several ? 0 : f->value;
}

static void look_at(const char *line, struct found *hypercall, struct found *syscall,
		    struct strv *told)
{
	char name[64], abi[16];
	unsigned int value;

	if (sscanf(line, "+#define KVM_HC_%63[A-Za-z0-9_] %u", name, &value) == 2) {
		find(hypercall, value);
		strv_addf(told, "it defines hypercall %u: KVM_HC_%s", value, name);
	} else if (sscanf(line, "+%u %15s %63s", &value, abi, name) == 3 && value &&
		   (!strcmp(abi, "common") || !strcmp(abi, "64"))) {
		find(syscall, value);
		strv_addf(told, "it defines system call %u: %s", value, name);
	}
}

/* "0x4FFFFFFFu", or the same in decimal digits. */
static uint32_t leaf_of(const char *word, size_t len)
{
	_cleanup_free_ char *digits = xstrndup(word, len);
	char *end;
	unsigned long value = strtoul(digits, &end, 0);

	if (end == digits || strspn(end, "uUlL") != strlen(end) || value < NUMBERS_LEAVES ||
	    value > NUMBERS_LEAVES + 15)
		return 0;
	return 1u << (value - NUMBERS_LEAVES);
}

static uint32_t leaves_in(const char *line)
{
	uint32_t leaves = 0;

	for (size_t len; (len = word_next(&line)); line += len)
		leaves |= leaf_of(line, len);
	return leaves;
}

static void put_leaves(struct buf *out, uint32_t leaves)
{
	for (uint32_t i = 0; i < 16; i++)
		if (leaves & 1u << i)
			buf_printf(out, " %#x", NUMBERS_LEAVES + i);
}

char *numbers_elsewhere(const struct numbers *found, const uint32_t *leaves, size_t n)
{
	_cleanup_buf_ struct buf out = { 0 };
	uint32_t wanted = 0;

	for (size_t i = 0; i < n; i++)
		if (leaves[i] >= NUMBERS_LEAVES && leaves[i] - NUMBERS_LEAVES < 16)
			wanted |= 1u << (leaves[i] - NUMBERS_LEAVES);
	if (!wanted || !(found->leaves & ~wanted) || !(wanted & ~found->leaves))
		return NULL;
	buf_puts(&out, "it answers CPUID leaf");
	put_leaves(&out, found->leaves);
	buf_puts(&out, ", and not");
	put_leaves(&out, wanted & ~found->leaves);
	return xstrdup(buf_str(&out));
}

void numbers_find(const char *patch, struct numbers *n)
{
	struct found hypercall = { 0 }, syscall = { 0 };

	*n = (struct numbers){ 0 };
	for (const char *at = patch; *at;) {
		size_t len = strcspn(at, "\n");
		_cleanup_free_ char *line = *at == '+' ? xstrndup(at, len) : NULL;

		if (line && !str_starts(line, "+++ ")) {
			look_at(line, &hypercall, &syscall, &n->told);
			n->leaves |= leaves_in(line + 1);
		}
		at += len + (at[len] == '\n');
	}
	n->hypercall = settled(&hypercall);
	n->syscall = settled(&syscall);
}

/* "hypercall = 13": its number is another one now. */
static bool put_number(struct buf *out, const char *line, const char *key, uint32_t value)
{
	const char *behind = line + strlen(key);

	if (!value || !str_starts(line, key) || behind[strspn(behind, " \t")] != '=')
		return false;
	buf_printf(out, "%s = %u\n", key, value);
	return true;
}

char *numbers_put(const struct numbers *n, const char *conf, const char *name)
{
	_cleanup_buf_ struct buf out = { 0 };
	bool is_variant = strstr(conf, "\nvariant_of");

	for (const char *at = conf; *at;) {
		size_t len = strcspn(at, "\n");
		_cleanup_free_ char *line = xstrndup(at, len);

		if (!put_number(&out, line, "hypercall", n->hypercall) &&
		    !put_number(&out, line, "syscall", n->syscall))
			buf_printf(&out, "%s\n", line);
		if (!is_variant && !strcmp(line, "[assignment]"))
			buf_printf(&out, "variant_of = %s\n", name);
		at += len + (at[len] == '\n');
	}
	return xstrdup(buf_str(&out));
}
