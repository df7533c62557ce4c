// SPDX-License-Identifier: GPL-2.0-only
/* Whose is a line: his, or upstream's of another age. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "intake/own.h"
#include "intake/peers.h"

/*
 * Who adds a feature takes few lines away. Files of another age lack lines of the base in number:
 * more than this, and a good part of all that differs.
 */
#define STRAY_LINES 20
#define STRAY_PART 5
#define EXACT_LINES 3 /* that differ for no reason that can be seen, and mean nothing */
#define CHANGED_PERCENT 60 /* of a line's words, and it is the same line, changed */
#define HEAD_PERCENT 75
#define AGE_PART 4 /* of what lies between him and the base, and neighbours are of his age */
#define REST_LINES 40 /* that no neighbour has: his own, and not another age's */

struct marking {
	struct own_file *files;
	size_t n;
	const struct strv *seeds;
	const struct wordset *words;
	struct wordset any, global, local; /* names that his own lines bring in */
	bool grown;
};

/* ---- a line's words ---- */

/* A name that no base has. */
static bool is_new_name(const struct marking *m, const char *word, size_t len)
{
	return len >= OWN_NAME_MIN && !isdigit((unsigned char)*word) &&
	       !wordset_has(m->words, word_key(word, len));
}

/* ---- growing ---- */

static uint64_t in_function(uint64_t word, size_t file, size_t func)
{
	return (word ^ (file * 100003 + func)) * 1099511628211ULL | 1;
}

static void bring_in(struct marking *m, size_t file, const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);
	const char *at = code;

	for (size_t len; (len = word_next(&at)); at += len) {
		uint64_t key = word_key(at, len);

		if (!is_new_name(m, at, len))
			continue;
		wordset_add(&m->any, key);
		if (!l->func || l->head)
			wordset_add(&m->global, key);
		else
			wordset_add(&m->local, in_function(key, file, l->func));
	}
}

static void make_own(struct marking *m, size_t file, struct own_line *l)
{
	if (l->own)
		return;
	l->own = true;
	m->grown = true;
	bring_in(m, file, l);
}

/* A local name means nothing in another function, but what declares it outside may be meant. */
static bool is_meant(const struct marking *m, size_t file, const struct own_line *l, uint64_t key)
{
	if (wordset_has(&m->global, key))
		return true;
	return !l->func || l->head ? wordset_has(&m->any, key)
				   : wordset_has(&m->local, in_function(key, file, l->func));
}

static bool speaks_of_his(const struct marking *m, size_t file, const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);
	const char *at = code;

	for (size_t len; (len = word_next(&at)); at += len)
		if (is_new_name(m, at, len) && is_meant(m, file, l, word_key(at, len)))
			return true;
	return false;
}

/* Upstream has names with "vcpu_info" in them, too: such a name must be new; a number need not. */
static bool is_seed(const struct marking *m, const char *word, size_t len)
{
	_cleanup_free_ char *copy = xstrndup(word, len);

	return words_have_seed(copy, m->seeds) &&
	       (isdigit((unsigned char)*word) || !wordset_has(m->words, word_key(word, len)));
}

static bool has_seed(const struct marking *m, const struct own_line *l)
{
	_cleanup_free_ char *line = xstrndup(l->at, l->len);
	const char *at = line;

	if (l->known || !words_have_seed(line, m->seeds))
		return false;
	for (size_t len; (len = word_next(&at)); at += len)
		if (is_seed(m, at, len))
			return true;
	return false;
}

static void grow_lines(struct marking *m, size_t file)
{
	struct own_text *t = &m->files[file].after;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].apart && !t->v[i].own && !t->v[i].known &&
		    (has_seed(m, &t->v[i]) || speaks_of_his(m, file, &t->v[i])))
			make_own(m, file, &t->v[i]);
}

/* The length of the name in "u64 cycles;" or "u64 cycles = 0;"; 0: it declares none. */
static size_t name_declared(const char *code, const char **name)
{
	const char *at = code, *end = code + strcspn(code, "=;[(");
	size_t words = 0, len, last = 0;

	if (!*end || *end == '(')
		return 0;
	for (; (len = word_next(&at)) && at < end; at += len) {
		*name = at;
		last = len;
		words++;
	}
	return words > 1 ? last : 0;
}

/* The same of a function's own. */
static size_t declared_name(const char *code, const char **name)
{
	return isspace((unsigned char)*code) ? name_declared(code, name) : 0;
}

static bool own_use(const struct own_text *t, size_t from, size_t to, const char *name, size_t len)
{
	for (size_t i = from; i < to; i++) {
		_cleanup_free_ char *code = t->v[i].own ? own_code_of(&t->v[i]) : NULL;

		if (code && word_is_in(code, name, len))
			return true;
	}
	return false;
}

/* Other functions may have a variable of this name, too: its declaration here is his by its use. */
static void grow_declarations(struct marking *m, size_t file, size_t from, size_t to)
{
	struct own_file *f = &m->files[file];

	for (size_t i = from; i < to; i++) {
		struct own_line *l = &f->after.v[i];
		_cleanup_free_ char *code = NULL;
		const char *name;
		size_t len;

		if (!l->apart || l->own || l->shared || l->known)
			continue;
		code = own_code_of(l);
		len = declared_name(code, &name);
		if (len && own_use(&f->after, from, to, name, len))
			make_own(m, file, l);
	}
}

/* ---- what neighbours have ---- */

/* All neighbours have it: upstream's. */
static bool all_share(const struct own_file *f, const struct own_line *l)
{
	return f->neighbours >= PEERS_ENOUGH && l->shared >= f->neighbours;
}

static bool most_share(const struct own_file *f, const struct own_line *l)
{
	return f->neighbours >= PEERS_ENOUGH && l->shared * 4 >= f->neighbours * 3;
}

/* ---- whole functions ---- */

/* Neither a base nor all neighbours have it. */
static bool is_unheard(const struct own_file *f, const struct own_line *l)
{
	return l->apart && !l->own && !l->known && !l->comment && !all_share(f, l) &&
	       own_is_telling(l);
}

/*
 * A function that is new is his with each line of it, by his own name, as most of it is his, or as
 * no base has its like. One that has its name from another age is none by that; the base's own name
 * may be his wrapper's.
 */
static void grow_function(struct marking *m, size_t file, size_t from, size_t to)
{
	struct own_text *t = &m->files[file].after;
	size_t apart = 0, of = 0, his = 0;
	bool own = false, unheard = false, upstreams = false;

	for (size_t i = from; i < to; i++) {
		of += !!t->v[i].key;
		apart += t->v[i].key && t->v[i].apart;
		his += t->v[i].key && t->v[i].own;
		own |= t->v[i].head && t->v[i].own;
		upstreams |= t->v[i].head && t->v[i].known && !t->v[i].here;
		unheard |= is_unheard(&m->files[file], &t->v[i]);
	}
	own |= (his * 2 > of && !upstreams) || (his && unheard && apart == of);
	for (size_t i = from; own && apart * 3 > of * 2 && i < to; i++)
		if (t->v[i].apart)
			make_own(m, file, &t->v[i]);
}

typedef void grower(struct marking *m, size_t file, size_t from, size_t to);

static void grow_functions(struct marking *m, size_t file, grower *act)
{
	const struct own_text *t = &m->files[file].after;

	for (size_t from, to = 0; own_next_function(t, &from, &to);)
		act(m, file, from, to);
}

/* ---- a line that was changed ---- */

/* Has a line of t, from first on, most of its words? own_only: of his. */
static bool is_like_one(const struct own_line *l, const struct own_text *t, size_t first, size_t n,
			bool own_only)
{
	_cleanup_free_ char *line = xstrndup(l->at, l->len);
	/* A function's head is like any other's, but for its name. */
	unsigned int least = isalpha((unsigned char)*line) ? HEAD_PERCENT : CHANGED_PERCENT;

	for (size_t i = first; i < first + n; i++) {
		_cleanup_free_ char *other = xstrndup(t->v[i].at, t->v[i].len);

		if ((!own_only || t->v[i].own) && words_common(line, other) >= least)
			return true;
	}
	return false;
}

/* "if (x) {" for the base's "if (x)": he put more into that block. */
static bool has_other_braces(const struct own_file *f, const struct own_hunk *h,
			     const struct own_line *l)
{
	_cleanup_free_ char *line = xstrndup(l->at, l->len);

	for (size_t i = h->at; i < h->at + h->removed; i++) {
		_cleanup_free_ char *old = xstrndup(f->before.v[i].at, f->before.v[i].len);
		const char *a = line, *b = old;
		size_t n;

		while ((n = word_next(&a)) && n == word_next(&b) && !strncmp(a, b, n)) {
			a += n;
			b += n;
		}
		if (a != line && !word_next(&a) && !word_next(&b) && line[strcspn(line, "{}")])
			return true;
	}
	return false;
}

/* ---- what stands beside his own ---- */

static size_t next_own(const struct own_text *t, size_t i, size_t end)
{
	while (i < end && !t->v[i].own)
		i++;
	return i;
}

static long depth_of(const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);

	return own_open_braces(code);
}

/* The blocks that he opened are his, up to their ends. Returns where his own ends. */
static size_t grow_blocks(struct marking *m, size_t file, size_t from, size_t end)
{
	struct own_text *t = &m->files[file].after;
	size_t behind = from;
	long depth = 0;

	for (size_t i = from; i < end; i++) {
		if (!t->v[i].own && depth <= 0)
			continue;
		make_own(m, file, &t->v[i]);
		depth = own_depth_behind(&t->v[i], depth);
		behind = i + 1;
	}
	return behind;
}

/* A "break;" behind his own is his, unless what follows tells of somebody else. */
static void grow_behind(struct marking *m, size_t file, size_t from, size_t end)
{
	struct own_text *t = &m->files[file].after;

	for (size_t i = from; i < end; i++)
		if (own_is_telling(&t->v[i]))
			return;
	for (size_t i = from; i < end; i++)
		make_own(m, file, &t->v[i]);
}

/* An "int ret;" before his own is his in the same way. */
static void grow_before(struct marking *m, size_t file, size_t from, size_t own)
{
	struct own_text *t = &m->files[file].after;

	for (size_t i = from; i < own; i++)
		if (own_is_telling(&t->v[i]) || t->v[i].func != t->v[own].func || t->v[i].comment)
			return;
	for (size_t i = from; i < own; i++)
		make_own(m, file, &t->v[i]);
}

/* Between two lines of his what all neighbours have is upstream's, where upstream has its like. */
static void grow_between(struct marking *m, size_t file, const struct own_hunk *h, size_t from,
			 size_t to)
{
	struct own_file *f = &m->files[file];

	for (size_t i = from; i < to; i++)
		if (!all_share(f, &f->after.v[i]) ||
		    !is_like_one(&f->after.v[i], &f->before, h->at, h->removed, false))
			make_own(m, file, &f->after.v[i]);
}

static void grow_hunk(struct marking *m, size_t file, const struct own_hunk *h)
{
	struct own_file *f = &m->files[file];
	size_t end = h->first + h->added, own = next_own(&f->after, h->first, end);

	if (own == end)
		return;
	for (size_t i = h->first; i < end; i++) {
		struct own_line *l = &f->after.v[i];

		if ((!l->known && l->key && !all_share(f, l)) || has_other_braces(f, h, l))
			make_own(m, file, l);
	}
	own = next_own(&f->after, h->first, end);
	grow_before(m, file, h->first, own);
	for (size_t at = own, next; (next = next_own(&f->after, at + 1, end)) < end; at = next)
		grow_between(m, file, h, at + 1, next);
	grow_behind(m, file, grow_blocks(m, file, own, end), end);
}

/* A line that says something, of another age; one that the base has elsewhere is a copy of it. */
static bool is_upstreams(const struct own_file *f, const struct own_line *l)
{
	return own_is_telling(l) && !l->here && (l->known || most_share(f, l));
}

/* What stands in a block that he opened, and nobody else has, is his: behind upstream's, too. */
static void grow_open_block(struct marking *m, size_t file, size_t from, size_t to)
{
	struct own_file *f = &m->files[file];
	long depth = 0;

	for (size_t i = from; i < to; i++) {
		struct own_line *l = &f->after.v[i];

		if (depth > 0 && l->apart && l->key && !is_upstreams(f, l))
			make_own(m, file, l);
		if (depth > 0 || l->own)
			depth = own_depth_behind(l, depth);
	}
}

/* Lines from to before to are one comment: somebody's as a whole. Did it grow? */
static bool own_comment(struct own_text *t, size_t from, size_t to)
{
	bool own = false, grown = false;

	for (size_t i = from; i < to; i++)
		own |= t->v[i].own;
	for (size_t i = from; own && i < to; i++) {
		grown |= t->v[i].apart && !t->v[i].own;
		t->v[i].own |= t->v[i].apart;
	}
	return grown;
}

static bool own_comments(struct own_text *t)
{
	bool grown = false;

	for (size_t i = 0, from; i < t->n; i++) {
		from = i;
		while (t->v[from].comment && i + 1 < t->n &&
		       t->v[i + 1].comment == t->v[from].comment)
			i++;
		if (t->v[from].comment)
			grown |= own_comment(t, from, i + 1);
	}
	return grown;
}

static void grow_file(struct marking *m, size_t file)
{
	grow_lines(m, file);
	grow_functions(m, file, grow_open_block);
	grow_functions(m, file, grow_declarations);
	m->grown |= own_comments(&m->files[file].after);
	for (size_t i = 0; i < m->files[file].n; i++)
		grow_hunk(m, file, &m->files[file].v[i]);
}

/* What is left in a function tells whose it is only when no more of his lines are found there. */
static void grow(struct marking *m)
{
	do {
		do {
			m->grown = false;
			for (size_t i = 0; i < m->n; i++)
				grow_file(m, i);
		} while (m->grown);
		for (size_t i = 0; i < m->n; i++)
			grow_functions(m, i, grow_function);
	} while (m->grown);
}

/* ---- what he took away ---- */

static bool has_own(const struct own_text *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (t->v[i].own && t->v[i].key)
			return true;
	return false;
}

static bool hunk_has_own(const struct own_file *f, const struct own_hunk *h)
{
	return has_own(&f->after, h->first, h->first + h->added);
}

/* Did he work on the function that his line i is in? */
static bool works_in(const struct own_file *f, size_t i)
{
	const struct own_text *t = &f->after;
	size_t from = i, to = i;

	while (from && t->v[from - 1].func == t->v[i].func)
		from--;
	while (to < t->n && t->v[to].func == t->v[i].func)
		to++;
	return t->v[i].func && has_own(t, from, to);
}

static bool is_beside_own(const struct own_file *f, const struct own_hunk *h)
{
	return h->first && h->first <= f->after.n && works_in(f, h->first - 1);
}

/* Has another line in the place of what is gone: upstream's at that age. */
static bool has_telling(const struct own_file *f, const struct own_hunk *h)
{
	for (size_t i = h->first; i < h->first + h->added; i++)
		if (own_is_telling(&f->after.v[i]))
			return true;
	return false;
}

/* A line of his own stands for it. */
static bool is_replaced(const struct own_file *f, const struct own_hunk *h,
			const struct own_line *l)
{
	return hunk_has_own(f, h) && is_like_one(l, &f->after, h->first, h->added, true);
}

/* A function that is not there in his age, and is no part of his work. */
static bool loses_function(const struct own_file *f, const struct own_hunk *h)
{
	for (size_t i = h->at; i < h->at + h->removed; i++) {
		const struct own_line *l = &f->before.v[i];

		if (isalpha((unsigned char)*l->at) && memchr(l->at, '(', l->len) &&
		    !memchr(l->at, ';', l->len) && !l->here && !is_replaced(f, h, l))
			return true;
	}
	return false;
}

/* Upstream's of his age stands for it: "f(code, vcpu);" for "f(vcpu);". */
static bool stands_otherwise(const struct own_file *f, const struct own_hunk *h,
			     const struct own_line *l)
{
	_cleanup_free_ char *line = xstrndup(l->at, l->len);

	for (size_t i = h->first; i < h->first + h->added; i++) {
		_cleanup_free_ char *his = xstrndup(f->after.v[i].at, f->after.v[i].len);

		if (!f->after.v[i].own && f->after.v[i].known &&
		    words_common(line, his) >= CHANGED_PERCENT)
			return true;
	}
	return false;
}

/* Upstream's comments may stay: nothing depends on them. */
static bool is_taken_away(const struct own_file *f, const struct own_hunk *h,
			  const struct own_line *l)
{
	if (l->comment || l->here || !own_is_telling(l) || loses_function(f, h) ||
	    stands_otherwise(f, h, l))
		return false;
	if (!hunk_has_own(f, h))
		return most_share(f, l) && !has_telling(f, h) && is_beside_own(f, h);
	return f->neighbours >= PEERS_ENOUGH ? l->shared > f->neighbours / 4 : l->known;
}

/* Does the statement go on in the next line: "if (a &&", "if (a)"? */
static bool goes_on(const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);
	const char *end = code + strlen(code);

	while (end > code && isspace((unsigned char)end[-1]))
		end--;
	return end > code && !strchr(";{}:", end[-1]) && *code != '#';
}

/* Of a statement all lines go, or none. */
static void settle_statement(struct own_file *f, size_t from, size_t to)
{
	size_t telling = 0, own = 0;

	for (size_t i = from; i < to; i++) {
		telling += own_is_telling(&f->before.v[i]);
		own += f->before.v[i].own && own_is_telling(&f->before.v[i]);
	}
	for (size_t i = from; telling && i < to; i++)
		f->before.v[i].own = own * 2 > telling;
}

static void settle_statements(struct own_file *f, const struct own_hunk *h)
{
	size_t end = h->at + h->removed;

	for (size_t i = h->at, from; i < end; i++) {
		from = i;
		while (i + 1 < end && goes_on(&f->before.v[i]))
			i++;
		settle_statement(f, from, i + 1);
	}
}

/* A brace or a "break;" goes with what was taken away around it. */
static void take_small(struct own_file *f, const struct own_hunk *h)
{
	bool all = hunk_has_own(f, h);

	for (size_t i = h->at; i < h->at + h->removed; i++)
		all &= f->before.v[i].own || !own_is_telling(&f->before.v[i]);
	for (size_t i = h->at; all && i < h->at + h->removed; i++)
		f->before.v[i].own = true;
}

/* ---- a block's end that stands in another place ---- */

static long depth_taken(const struct own_file *f, size_t from, size_t to)
{
	long depth = 0;

	for (size_t j = 0; j < f->n; j++)
		for (size_t i = f->v[j].at; f->v[j].first >= from && f->v[j].first < to &&
					    i < f->v[j].at + f->v[j].removed; i++)
			depth += f->before.v[i].own ? depth_of(&f->before.v[i]) : 0;
	return depth;
}

/* He put "if (...) {" before upstream's lines: the brace behind them is his, too. */
static void close_blocks(struct own_file *f, size_t from, size_t to)
{
	long open = -depth_taken(f, from, to), here = 0;

	for (size_t i = from; i < to; i++)
		open += f->after.v[i].own ? depth_of(&f->after.v[i]) : 0;
	for (size_t i = from; open > 0 && i < to; i++) {
		struct own_line *l = &f->after.v[i];

		if (here > 0 && l->apart && !l->own && !own_is_telling(l)) {
			l->own = true;
			open += depth_of(l);
		}
		here += l->own ? depth_of(l) : 0;
	}
}

static void each_function(struct own_file *f,
			  void (*act)(struct own_file *f, size_t from, size_t to))
{
	for (size_t from, to = 0; own_next_function(&f->after, &from, &to);)
		act(f, from, to);
}

/* Does a line use it that stays, from here to the function's end, or (outside) to the file's? */
static bool is_used_behind(const struct own_text *t, size_t i, bool outside, const char *name,
			   size_t len)
{
	for (; i < t->n && (outside || *t->v[i].at != '}'); i++) {
		_cleanup_free_ char *code = t->v[i].own ? NULL : own_code_of(&t->v[i]);

		if (code && word_is_in(code, name, len))
			return true;
	}
	return false;
}

/* His age had no such variable, and what upstream does with it now stays. */
static void keep_declarations(struct own_file *f, const struct own_hunk *h)
{
	for (size_t i = h->at; i < h->at + h->removed; i++) {
		const struct own_line *l = &f->before.v[i];
		_cleanup_free_ char *code = l->own ? own_code_of(l) : NULL;
		const char *name = NULL;
		size_t len = code ? name_declared(code, &name) : 0;

		if (len && !own_use(&f->after, h->first, h->first + h->added, name, len) &&
		    is_used_behind(&f->before, i + 1, isalpha((unsigned char)*code), name, len))
			f->before.v[i].own = false;
	}
}

/* Is each line of it his that says something, and its head? */
static bool is_all_his(const struct own_text *t, size_t from, size_t to)
{
	bool head = false;

	for (size_t i = from; i < to; i++) {
		if (!t->v[i].own && own_is_telling(&t->v[i]))
			return false;
		head |= t->v[i].head && t->v[i].own;
	}
	return head;
}

/* Does no line of it stand anywhere in his file that says something? */
static bool is_all_gone(const struct own_text *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!t->v[i].apart && own_is_telling(&t->v[i]))
			return false;
	return true;
}

/*
 * He wrote the base's function anew, with other names for all: of the base's no line stays. (Of one
 * that has got another name, for his to call it, most do.)
 */
static void take_rewritten(struct own_file *f)
{
	_cleanup_free_ uint64_t *his = own_function_names(&f->after);
	_cleanup_free_ uint64_t *there = own_function_names(&f->before);
	struct wordset anew = { 0 };

	for (size_t from, to = 0; own_next_function(&f->after, &from, &to);)
		if (his[f->after.v[from].func] && is_all_his(&f->after, from, to))
			wordset_add(&anew, his[f->after.v[from].func]);
	for (size_t from, to = 0; own_next_function(&f->before, &from, &to);) {
		uint64_t name = there[f->before.v[from].func];

		if (!name || !wordset_has(&anew, name) || !is_all_gone(&f->before, from, to))
			continue;
		for (size_t i = from; i < to; i++)
			f->before.v[i].own |= f->before.v[i].apart;
	}
	wordset_free(&anew);
}

/* replaced: only that for which a line of his stands. */
static void mark_taken(struct own_file *f, bool replaced)
{
	for (size_t j = 0; j < f->n; j++) {
		const struct own_hunk *h = &f->v[j];

		for (size_t i = h->at; i < h->at + h->removed; i++) {
			struct own_line *l = &f->before.v[i];

			l->own = is_replaced(f, h, l) || (!replaced && is_taken_away(f, h, l));
		}
		settle_statements(f, h);
		take_small(f, h);
	}
	take_rewritten(f);
	for (size_t j = 0; j < f->n; j++)
		keep_declarations(f, &f->v[j]);
	each_function(f, close_blocks);
}

/* ---- is there drift? ---- */

struct tally {
	size_t changed;
	size_t own;
	size_t lost;	/* lines of the base that he did not take away */
	size_t foreign; /* lines that tell of another age: a base has them, or most neighbours */
	size_t known;	/* those of them that a base has */
	size_t rest;	/* lines that nobody has, and that nothing leads to */
	size_t doubtful; /* that some neighbours have, and not all, and no base */
};

static bool is_foreign(const struct own_file *f, const struct own_line *l)
{
	return l->known || most_share(f, l);
}

static bool is_doubtful(const struct own_file *f, const struct own_line *l)
{
	return !l->known && l->shared && !all_share(f, l) && own_is_telling(l);
}

static void count(const struct own_file *f, struct tally *t)
{
	for (size_t i = 0; i < f->before.n; i++) {
		const struct own_line *l = &f->before.v[i];

		t->changed += l->apart && l->key;
		t->lost += l->apart && l->key && !l->own && !l->here;
	}
	for (size_t i = 0; i < f->after.n; i++) {
		const struct own_line *l = &f->after.v[i];

		if (!l->apart || !l->key)
			continue;
		t->changed++;
		t->own += l->own;
		if (!l->own && !l->here && is_foreign(f, l) && own_is_telling(l)) {
			t->foreign++;
			t->known += l->known;
		}
		t->rest += !l->own && !is_foreign(f, l);
		t->doubtful += !l->own && is_doubtful(f, l);
	}
}

static void own_all(struct own_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->v[i].own |= t->v[i].apart;
}

static bool have_neighbours(const struct own_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (files[i].neighbours < PEERS_ENOUGH)
			return false;
	return true;
}

static void mark_sure(struct own_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->v[i].sure = t->v[i].own;
}

static size_t count_own(const struct own_text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->v[i].own;
	return n;
}

bool own_only_sure(struct own_file *files, size_t n)
{
	bool more = false;

	for (size_t i = 0; i < n; i++) {
		struct own_file *f = &files[i];
		size_t before = count_own(&f->before) + count_own(&f->after);

		for (size_t j = 0; j < f->after.n; j++)
			f->after.v[j].own &= f->after.v[j].sure;
		mark_taken(f, true);
		more |= count_own(&f->before) + count_own(&f->after) != before;
	}
	return more;
}

/* Is it of a variable that upstream's function had at his age, and the base's has not? */
static bool uses_left_out(const struct own_text *t, size_t from, size_t to,
			  const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);

	for (size_t i = from; i < to; i++) {
		const struct own_line *d = &t->v[i];
		_cleanup_free_ char *line = d->apart && !d->own ? own_code_of(d) : NULL;
		const char *name = NULL;
		size_t len = line ? name_declared(line, &name) : 0;

		if (len && word_is_in(code, name, len))
			return true;
	}
	return false;
}

/*
 * Neighbours of his age have upstream's lines: what none of them has, and little, is his. Where he
 * worked some of them may have copied; a header that some of a class need comes from no upstream.
 */
static void own_rest_between(struct own_file *f, size_t from, size_t to)
{
	bool works = f->after.v[from].func && has_own(&f->after, from, to);

	for (size_t i = from; i < to; i++) {
		struct own_line *l = &f->after.v[i];

		if (l->apart && l->key && !is_foreign(f, l))
			l->own |= works || !l->shared || str_starts(l->at, "#include");
	}
	for (size_t i = from; f->after.v[from].func && i < to; i++) {
		struct own_line *l = &f->after.v[i];

		if (l->own && !l->sure && l->apart)
			l->own = !uses_left_out(&f->after, from, to, l);
	}
}

static void own_rest(struct own_file *f)
{
	for (size_t i = 0, from; i < f->after.n; i++) {
		from = i;
		while (i + 1 < f->after.n && f->after.v[i + 1].func == f->after.v[from].func)
			i++;
		own_rest_between(f, from, i + 1);
	}
	own_comments(&f->after);
	mark_taken(f, false);
}

/*
 * Two changes and little else must lie between him and his neighbours, or it is their age's lines
 * that he has not, and his own age's that they have not.
 */
static bool is_of_age(const struct own_file *f)
{
	struct tally t = { 0 };

	count(f, &t);
	return f->third <= t.own * 2 + STRAY_LINES + (t.changed - t.own) / AGE_PART;
}

/* ---- may some of it be missing? ---- */

static bool has_new_name(const struct marking *m, const char *code)
{
	for (size_t len; (len = word_next(&code)); code += len)
		if (is_new_name(m, code, len))
			return true;
	return false;
}

/*
 * Nobody's, as far as is known, and not taken for his. In words of upstream's, and where the base
 * has something else, it is upstream's of his age.
 */
static bool may_be_missing(const struct marking *m, const struct own_file *f,
			   const struct own_hunk *h, const struct own_line *l)
{
	_cleanup_free_ char *code = NULL;

	if (!l->apart || !l->key || l->own || is_foreign(f, l))
		return false;
	code = own_code_of(l);
	if (!code[strspn(code, " \t\n")])
		return false;
	return !h->removed || hunk_has_own(f, h) || has_new_name(m, code);
}

/* In functions of which other lines are his. */
static size_t count_near(const struct marking *m, const struct own_file *f)
{
	size_t near = 0;

	for (size_t j = 0; j < f->n; j++) {
		const struct own_hunk *h = &f->v[j];

		for (size_t i = h->first; i < h->first + h->added; i++)
			near += may_be_missing(m, f, h, &f->after.v[i]) && works_in(f, i);
	}
	return near;
}

/*
 * Files of another age lack lines of the base. Where they lack none, what neighbours share was
 * handed out to them, or copied: it tells of no age.
 */
static void count_all(const struct own_file *files, size_t n, struct tally *t)
{
	for (size_t i = 0; i < n; i++)
		count(&files[i], t);
	if (t->lost <= EXACT_LINES)
		t->foreign = t->known;
}

static void conclude(struct own_file *files, size_t n, struct own_sum *sum)
{
	bool neighbours = have_neighbours(files, n);
	struct tally t = { 0 };
	size_t limit;

	count_all(files, n, &t);
	/* Neighbours know upstream's few lines from his, once it is known what is his. */
	limit = neighbours && t.own ? EXACT_LINES : STRAY_LINES;
	sum->drift = (t.lost > STRAY_LINES && t.lost * STRAY_PART > t.changed) ||
		     t.foreign > limit;
	sum->exact = t.lost + t.foreign <= EXACT_LINES;
	sum->left_out = t.lost + t.foreign;
	/* Where nothing tells of another age, all that differs is his. */
	sum->unexplained = sum->exact ? 0 : t.rest;
	for (size_t i = 0; !sum->drift && i < n; i++) {
		own_all(&files[i].before);
		own_all(&files[i].after);
	}
	if (!sum->drift || t.rest > REST_LINES || !neighbours)
		return;
	sum->unexplained = t.doubtful;
	for (size_t i = 0; i < n; i++)
		if (is_of_age(&files[i]))
			own_rest(&files[i]);
		else
			sum->unexplained += t.rest;
}

void own_mark(struct own_file *files, size_t n, const struct strv *seeds,
	      const struct wordset *words, struct own_sum *sum)
{
	struct marking m = { .files = files, .n = n, .seeds = seeds, .words = words };

	*sum = (struct own_sum){ 0 };
	grow(&m);
	for (size_t i = 0; i < n; i++) {
		mark_sure(&files[i].after);
		mark_taken(&files[i], false);
	}
	conclude(files, n, sum);
	for (size_t i = 0; !sum->exact && i < n; i++)
		sum->near += count_near(&m, &files[i]);
	wordset_free(&m.any);
	wordset_free(&m.global);
	wordset_free(&m.local);
}
