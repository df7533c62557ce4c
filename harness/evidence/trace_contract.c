// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/trace.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"

/*
 * A start position's bound. The patterns of the default contract need a few dozen; a message made
 * to run one of a user's patterns away is refused instead.
 */
#define MATCH_LIMIT 2000
#define HEAP_LIMIT_KIB 1024

/* Not followed by more of a word: "12ab" is no number, "rax2" no register. */
#define WORD_END "(?![0-9A-Za-z_])"

static const struct {
	const char *name, *pattern;
} placeholders[] = {
	{ "<number>", "(?<value>-?(?:0x[0-9a-f]+|[0-9]+))" WORD_END },
	{ "<value>", "(?<value>-?(?:0x)?[0-9a-f]+)" WORD_END },
	{ "<reg>", "(?<![0-9A-Za-z])(?<reg>r(?:ax|bx|cx|dx|si|di|bp|sp|ip|flags|8|9|1[0-5])|"
		   "eflags)" WORD_END },
	{ "<index>", "(?<index>[0-9]{1,2})" WORD_END },
};

const char *const trace_reg_names[VREG_COUNT] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8",
	"r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags",
};

/* enum kvm_reg of the kernel's kvm_host.h. */
static const enum trace_reg kvm_order[] = {
	VREG_RAX, VREG_RCX, VREG_RDX, VREG_RBX, VREG_RSP, VREG_RBP, VREG_RSI, VREG_RDI, VREG_R8,
	VREG_R9,  VREG_R10, VREG_R11, VREG_R12, VREG_R13, VREG_R14, VREG_R15, VREG_RIP,
};

#define FIELD_FROM_MATCH FIELD_COUNT /* the <reg> or <index> of the match says which */
#define FIELD_IGNORE (FIELD_COUNT + 1)

struct pattern {
	int field;
	pcre2_code *code;
	int value, reg, index; /* numbers of the groups; negative: the pattern has none */
};

enum base { BASE_AUTO, BASE_DEC, BASE_HEX };

struct trace_contract {
	struct pattern *v;
	size_t n;
	enum base number_base, register_base;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

/* --- compiling --- */

static void expand(struct buf *out, const char *text)
{
	while (*text) {
		size_t i;

		for (i = 0; i < ARRAY_SIZE(placeholders); i++)
			if (str_starts(text, placeholders[i].name))
				break;
		if (i < ARRAY_SIZE(placeholders)) {
			buf_puts(out, placeholders[i].pattern);
			text += strlen(placeholders[i].name);
		} else {
			buf_add(out, text++, 1);
		}
	}
}

static int group(const pcre2_code *code, const char *name)
{
	return pcre2_substring_number_from_name(code, (PCRE2_SPTR)name);
}

static int refuse_pattern(const char *where, const char *key, const char *text, const char *why)
{
	return fail(OUT_USAGE, "%s: the trace pattern '%s = %s' %s", where, key, text, why);
}

static int check_groups(const char *where, const char *key, const char *text,
			const struct pattern *p)
{
	if (p->field == FIELD_IGNORE)
		return 0;
	if (p->value < 0)
		return refuse_pattern(where, key, text, "has no <number> or <value>");
	if (p->field == FIELD_FROM_MATCH && p->reg < 0 && p->index < 0)
		return refuse_pattern(where, key, text, "has no <reg> or <index>");
	return 0;
}

static int compile(const char *where, const char *key, const char *text, struct pattern *p)
{
	_cleanup_buf_ struct buf full = { 0 };
	char message[160], why[256];
	PCRE2_SIZE offset;
	int error;

	expand(&full, text);
	p->code = pcre2_compile((PCRE2_SPTR)buf_str(&full), full.len,
				PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &error,
				&offset, NULL);
	if (!p->code) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
		snprintf(why, sizeof(why), "is no regular expression: %s", message);
		return refuse_pattern(where, key, text, why);
	}
	p->value = group(p->code, "value");
	p->reg = group(p->code, "reg");
	p->index = group(p->code, "index");
	return check_groups(where, key, text, p);
}

static int add_pattern(struct trace_contract *c, const char *where, const char *key,
		       const char *text, int field)
{
	c->v = xrealloc(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = (struct pattern){ .field = field };
	return compile(where, key, text, &c->v[c->n - 1]);
}

static int add_patterns(struct trace_contract *c, const char *where, const char *key,
			const struct strv *texts, int field)
{
	int ret = 0;

	for (size_t i = 0; i < texts->n && !ret; i++)
		ret = add_pattern(c, where, key, texts->v[i], field);
	return ret;
}

static int register_by_name(const char *name, size_t len)
{
	if (len == 6 && !strncasecmp(name, "eflags", len))
		return VREG_RFLAGS;
	for (int r = 0; r < VREG_COUNT; r++)
		if (strlen(trace_reg_names[r]) == len &&
		    !strncasecmp(trace_reg_names[r], name, len))
			return r;
	return -1;
}

static int add_named(struct trace_contract *c, const char *where, const struct strv *named)
{
	int ret = 0;

	for (size_t i = 0; i < named->n && !ret; i++) {
		size_t len = strcspn(named->v[i], "=");
		_cleanup_free_ char *name = xstrndup(named->v[i], len);
		int reg = register_by_name(name, len);

		if (reg < 0 || !named->v[i][len])
			return fail(OUT_USAGE, "%s: '%s' is no register (rax ... r15, rip, rflags)",
				    where, name);
		ret = add_pattern(c, where, name, named->v[i] + len + 1, reg);
	}
	return ret;
}

static int set_base(const char *where, const char *key, const char *text, enum base *base)
{
	static const char *const names[] = { "auto", "dec", "hex" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!text || !strcmp(text, names[i])) {
			*base = (enum base)i;
			return 0;
		}
	return fail(OUT_USAGE, "%s: %s = %s: want auto, dec or hex", where, key, text);
}

static int compile_all(struct trace_contract *c, const char *where, const struct trace_spelling *s)
{
	const struct {
		const char *key;
		const struct strv *texts;
		int field;
	} lists[] = {
		{ "ignore", &s->ignore, FIELD_IGNORE },
		{ "vcpu_id", &s->vcpu_id, FIELD_VCPU_ID },
		{ "pid", &s->pid, FIELD_PID },
		{ "num_exits", &s->num_exits, FIELD_NUM_EXITS },
		{ "register", &s->registers, FIELD_FROM_MATCH },
	};
	int ret = add_named(c, where, &s->named);

	for (size_t i = 0; i < ARRAY_SIZE(lists) && !ret; i++)
		ret = add_patterns(c, where, lists[i].key, lists[i].texts, lists[i].field);
	if (!ret)
		ret = set_base(where, "number_base", s->number_base, &c->number_base);
	if (!ret)
		ret = set_base(where, "register_base", s->register_base, &c->register_base);
	return ret;
}

/* The match data must hold every pattern's groups. */
static void make_match_data(struct trace_contract *c)
{
	uint32_t most = 0, groups;

	for (size_t i = 0; i < c->n; i++) {
		pcre2_pattern_info(c->v[i].code, PCRE2_INFO_CAPTURECOUNT, &groups);
		most = groups > most ? groups : most;
	}
	c->match = pcre2_match_data_create(most + 1, NULL);
	c->limits = pcre2_match_context_create(NULL);
	if (!c->match || !c->limits)
		abort();
	pcre2_set_match_limit(c->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(c->limits, HEAP_LIMIT_KIB);
}

int trace_contract_new(const char *where, const struct trace_spelling *s,
		       struct trace_contract **out)
{
	struct trace_contract *c = xcalloc(1, sizeof(*c));
	int ret = compile_all(c, where, s);

	if (ret) {
		trace_contract_free(c);
		return ret;
	}
	make_match_data(c);
	*out = c;
	return 0;
}

void trace_contract_free(struct trace_contract *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		pcre2_code_free(c->v[i].code);
	pcre2_match_data_free(c->match);
	pcre2_match_context_free(c->limits);
	free(c->v);
	free(c);
}

/* --- matching --- */

struct scan {
	const struct trace_contract *c;
	const char *text;
	size_t len;
	struct trace_hit *hits;
	size_t n, max;
	bool *gave_up;
};

/* Where this pattern matches next at or after from; false when nowhere. */
static bool match_at(struct scan *s, const struct pattern *p, size_t from)
{
	int rc = pcre2_match(p->code, (PCRE2_SPTR)s->text, s->len, from, 0, s->c->match,
			     s->c->limits);

	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		*s->gave_up = true;
	return rc > 0;
}

/* A group's text in the last match; len 0 when it took no part. */
static const char *group_text(const struct scan *s, int number, size_t *len)
{
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->c->match);

	*len = 0;
	if (number < 0 || o[2 * number] == PCRE2_UNSET)
		return NULL;
	*len = o[2 * number + 1] - o[2 * number];
	return s->text + o[2 * number];
}

static int field_of_match(const struct scan *s, const struct pattern *p)
{
	const char *text;
	size_t len, index = 0;

	if (p->field != FIELD_FROM_MATCH)
		return p->field;
	text = group_text(s, p->reg, &len);
	if (text)
		return register_by_name(text, len);
	text = group_text(s, p->index, &len);
	for (size_t i = 0; i < len; i++)
		index = index * 10 + (size_t)(text[i] - '0');
	return text && index < ARRAY_SIZE(kvm_order) ? (int)kvm_order[index] : -1;
}

/* A number belongs to the pattern that found it first. */
static bool is_taken(const struct scan *s, size_t offset)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->hits[i].offset == offset)
			return true;
	return false;
}

static void add_hit(struct scan *s, int field, const char *text, size_t len)
{
	size_t offset = (size_t)(text - s->text);
	struct trace_hit *h;

	if (field < 0 || s->n == s->max || is_taken(s, offset))
		return;
	h = &s->hits[s->n++];
	*h = (struct trace_hit){ .field = field, .offset = offset };
	if (len < sizeof(h->text))
		memcpy(h->text, text, len);
}

/* All matches of one pattern; returns whether there was any. */
static bool scan_pattern(struct scan *s, const struct pattern *p)
{
	size_t from = 0, len;
	bool any = false;

	while (from < s->len && s->n < s->max && match_at(s, p, from)) {
		const char *value = group_text(s, p->value, &len);
		size_t end = pcre2_get_ovector_pointer(s->c->match)[1];

		if (value)
			add_hit(s, field_of_match(s, p), value, len);
		any = true;
		from = end > from ? end : from + 1;
	}
	return any;
}

static bool is_ignored(const struct trace_contract *c, const struct trace_line *l, bool *gave_up)
{
	struct scan s = { .c = c,
			  .text = l->function,
			  .gave_up = gave_up,
			  .len = (size_t)(l->message + l->message_len - l->function) };

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].field == FIELD_IGNORE && match_at(&s, &c->v[i], 0))
			return true;
	return false;
}

static int by_offset(const void *a, const void *b)
{
	const struct trace_hit *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

size_t trace_contract_match(const struct trace_contract *c, const struct trace_line *l,
			    struct trace_hit *hits, size_t max, bool *gave_up)
{
	struct scan s = { .c = c,
			  .text = l->message,
			  .len = l->message_len,
			  .hits = hits,
			  .max = max,
			  .gave_up = gave_up };
	bool found[FIELD_COUNT] = { false };

	*gave_up = false;
	if (is_ignored(c, l, gave_up))
		return 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct pattern *p = &c->v[i];

		if (p->field == FIELD_IGNORE || (p->field < FIELD_COUNT && found[p->field]))
			continue;
		if (scan_pattern(&s, p) && p->field < FIELD_COUNT)
			found[p->field] = true;
	}
	if (s.n)
		qsort(hits, s.n, sizeof(*hits), by_offset);
	return s.n;
}

/* --- values --- */

static bool parse_in_base(const char *text, bool hex, uint64_t *value)
{
	bool negative = *text == '-';
	const char *digits = text + negative;
	char *end;

	if (!isxdigit((unsigned char)*digits))
		return false;
	errno = 0;
	*value = strtoull(digits, &end,
			  hex || str_starts(digits, "0x") || str_starts(digits, "0X") ? 16 : 10);
	if (errno || *end || (negative && *value > (uint64_t)INT64_MAX + 1))
		return false;
	*value = negative ? -*value : *value;
	return true;
}

bool trace_id_value(const struct trace_contract *c, const char *text, int64_t *value)
{
	uint64_t n;

	if (!parse_in_base(text, c->number_base == BASE_HEX, &n))
		return false;
	*value = (int64_t)n;
	return (*value < 0) == (*text == '-') || !n;
}

bool trace_register_value(const struct trace_contract *c, const char *text, bool hex_hint,
			  uint64_t *value)
{
	bool hex = c->register_base == BASE_HEX || (c->register_base == BASE_AUTO && hex_hint);

	return parse_in_base(text, hex, value);
}

/* Letters, or zeros in front, as %lx and %016lx print without 0x. */
bool trace_looks_hex(const char *text)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return false;
	return strpbrk(text, "abcdefABCDEF") || (text[0] == '0' && text[1]);
}
