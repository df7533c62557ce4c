// SPDX-License-Identifier: GPL-2.0-only
#include "intake/merge.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/lines.h"
#include "intake/own.h"
#include "intake/words.h"
#include "kernel/git.h"

#define DEADLINE_S 60
#define LIKE_PERCENT 60 /* of a line's words, and the other one stands for it */
#define NOWHERE SIZE_MAX
#define CONFLICTS_MAX 127 /* git's exit status counts no further */

struct piece {
	const char *at;
	size_t len;
};

/* One place that both changed. */
struct clash {
	struct piece base, ancestor, his;
};

/* ---- lines ---- */

static size_t line_length(const char *at)
{
	size_t len = strcspn(at, "\n");

	return len + (at[len] == '\n');
}

static size_t count_lines(const struct piece *p)
{
	size_t n = 0;

	for (const char *at = p->at; at < p->at + p->len; at += line_length(at))
		n++;
	return n;
}

static struct piece drop_lines(struct piece p, size_t n)
{
	for (; n; n--) {
		size_t len = line_length(p.at);

		p.at += len;
		p.len -= len;
	}
	return p;
}

static struct piece drop_blank(struct piece p)
{
	while (p.len && !lines_key(p.at))
		p = drop_lines(p, 1);
	return p;
}

/* White space and blank lines apart. */
static bool is_same(const struct piece *x, const struct piece *y)
{
	struct piece a = drop_blank(*x), b = drop_blank(*y);

	while (a.len && b.len && lines_key(a.at) == lines_key(b.at)) {
		a = drop_blank(drop_lines(a, 1));
		b = drop_blank(drop_lines(b, 1));
	}
	return !a.len && !b.len;
}

/* ---- one place ---- */

static void put(struct buf *out, const struct piece *p)
{
	buf_add(out, p->at, p->len);
}

/* Lines of a piece, one by one. */
struct line_list {
	struct piece *v;
	size_t n;
};

static struct line_list list_lines(const struct piece *p)
{
	struct line_list l = { xcalloc(count_lines(p) + 1, sizeof(*l.v)), 0 };

	for (const char *at = p->at; at < p->at + p->len; at += line_length(at))
		l.v[l.n++] = (struct piece){ at, line_length(at) };
	return l;
}

/* What he did with a line: kept it, put it in, or put other braces around it. */
struct step {
	enum { STEP_KEPT, STEP_PUT_IN, STEP_BRACED } did;
	size_t was; /* the line of the ancestor that it is, or that stands behind it */
};

/* The line without braces at its ends: "if (x)" of "} else if (x) {" is none. */
static struct piece without_braces(struct piece p)
{
	while (p.len && strchr("} \t", *p.at)) {
		p.at++;
		p.len--;
	}
	while (p.len && strchr("{ \t\n", p.at[p.len - 1]))
		p.len--;
	return p;
}

static bool is_same_but_braces(const struct piece *a, const struct piece *b)
{
	struct piece x = without_braces(*a), y = without_braces(*b);

	return x.len && x.len == y.len && !memcmp(x.at, y.at, x.len);
}

/* False: he took something away. */
static bool find_steps(const struct line_list *his, const struct line_list *was, struct step *steps)
{
	size_t k = 0;

	for (size_t i = 0; i < his->n; i++) {
		steps[i] = (struct step){ STEP_PUT_IN, k };
		if (k == was->n)
			continue;
		if (lines_key(his->v[i].at) == lines_key(was->v[k].at))
			steps[i].did = STEP_KEPT;
		else if (is_same_but_braces(&his->v[i], &was->v[k]))
			steps[i].did = STEP_BRACED;
		k += steps[i].did != STEP_PUT_IN;
	}
	return k == was->n;
}

/* The base's line with his braces around it. */
static void put_braced(const struct piece *base, const struct piece *his, struct buf *out)
{
	struct piece inner = without_braces(*base), mine = without_braces(*his);
	size_t indent = strspn(base->at, " \t");

	buf_add(out, base->at, indent);
	buf_puts(out, memchr(his->at, '}', (size_t)(mine.at - his->at)) ? "} " : "");
	buf_add(out, inner.at, inner.len);
	buf_puts(out, memchr(mine.at + mine.len, '{', his->len - (size_t)(mine.at - his->at) - mine.len) ? " {\n" : "\n");
}

static size_t find_like(const struct line_list *base, const struct piece *line, size_t from)
{
	_cleanup_free_ char *text = xstrndup(line->at, line->len);

	for (size_t i = from; i < base->n; i++)
		if (lines_key(base->v[i].at) == lines_key(line->at))
			return i;
	for (size_t i = from; i < base->n; i++) {
		_cleanup_free_ char *other = xstrndup(base->v[i].at, base->v[i].len);

		if (words_common(text, other) >= LIKE_PERCENT)
			return i;
	}
	return NOWHERE;
}

/* Before which line of the base: it follows its neighbours of the ancestor. */
static size_t find_place(const struct line_list *base, const struct line_list *was, size_t k,
			 size_t from)
{
	size_t i;

	if (!k)
		return from;
	i = find_like(base, &was->v[k - 1], from ? from - 1 : 0);
	if (i != NOWHERE)
		return i + 1;
	if (k == was->n)
		return base->n;
	return find_like(base, &was->v[k], from);
}

static size_t place_of(const struct line_list *base, const struct line_list *was,
		       const struct step *s, size_t at)
{
	if (s->did == STEP_KEPT)
		return at;
	if (s->did == STEP_PUT_IN)
		return find_place(base, was, s->was, at);
	return find_like(base, &was->v[s->was], at);
}

/*
 * He only put lines in, and upstream changed what stands around them: each goes beside that line of
 * the base that is most like its neighbour.
 */
static bool put_between(const struct clash *c, struct buf *out)
{
	struct line_list base = list_lines(&c->base), was = list_lines(&c->ancestor);
	struct line_list his = list_lines(&c->his);
	struct step *steps = xcalloc(his.n + 1, sizeof(*steps));
	size_t at = 0, start = out->len;
	bool good = find_steps(&his, &was, steps);

	for (size_t i = 0; good && i < his.n; i++) {
		size_t place = place_of(&base, &was, &steps[i], at);

		good = place != NOWHERE;
		for (; good && at < place; at++)
			put(out, &base.v[at]);
		if (good && steps[i].did == STEP_PUT_IN)
			put(out, &his.v[i]);
		if (good && steps[i].did == STEP_BRACED)
			put_braced(&base.v[at++], &his.v[i], out);
	}
	for (; good && at < base.n; at++)
		put(out, &base.v[at]);
	if (!good && out->len > start)
		out->data[out->len = start] = '\0';
	free(base.v);
	free(was.v);
	free(his.v);
	free(steps);
	return good;
}

static bool is_definition(const struct piece *line)
{
	return isalpha((unsigned char)*line->at) || *line->at == '#';
}

static bool is_comment(const struct piece *line)
{
	const char *at = line->at + strspn(line->at, " \t");

	return str_starts(at, "//") || str_starts(at, "/*") || *at == '\n';
}

/* "static u64 total;" between upstream's functions of another age may stand anywhere there. */
static bool may_stand_anywhere(const struct line_list *his, const struct step *steps)
{
	bool defines = false, comments = true;

	for (size_t i = 0; i < his->n; i++) {
		if (steps[i].did == STEP_BRACED)
			return false;
		if (steps[i].did != STEP_PUT_IN)
			continue;
		defines |= is_definition(&his->v[i]);
		comments &= is_comment(&his->v[i]);
	}
	return defines || comments;
}

/* What stood around it is not in the base at all. */
static bool put_alone(const struct clash *c, struct buf *out)
{
	struct line_list was = list_lines(&c->ancestor), his = list_lines(&c->his);
	struct step *steps = xcalloc(his.n + 1, sizeof(*steps));
	bool good = !count_lines(&c->base) && find_steps(&his, &was, steps) &&
		    may_stand_anywhere(&his, steps);

	for (size_t i = 0; good && i < his.n; i++)
		if (steps[i].did == STEP_PUT_IN)
			put(out, &his.v[i]);
	free(was.v);
	free(his.v);
	free(steps);
	return good;
}

/* Does a line begin at the margin that is no label: a function's head, its end? */
static bool leaves_function(const struct line_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct piece *p = &l->v[i];

		if (!isspace((unsigned char)*p->at) && *p->at != '#' && !memchr(p->at, ':', p->len))
			return true;
	}
	return false;
}

/*
 * The base has no such block. What he put in before it and behind it stays; what he put into it has
 * nothing to do there.
 */
static bool put_around(const struct clash *c, struct buf *out)
{
	struct line_list was = list_lines(&c->ancestor), his = list_lines(&c->his);
	struct step *steps = xcalloc(his.n + 1, sizeof(*steps));
	bool good = !count_lines(&c->base) && !leaves_function(&his) &&
		    find_steps(&his, &was, steps);
	long open = 0; /* blocks that are left out so far */

	for (size_t i = 0; good && i < his.n; i++) {
		_cleanup_free_ char *line = xstrndup(his.v[i].at, his.v[i].len);
		bool outside = !steps[i].was || steps[i].was == was.n;

		if (steps[i].did == STEP_PUT_IN && outside && !open)
			put(out, &his.v[i]);
		else
			open += own_open_braces(line);
	}
	free(was.v);
	free(his.v);
	free(steps);
	return good;
}

/* ---- a block that upstream moved ---- */

/* Lines of the ancestor's that stand elsewhere in the base, and what he made of them. */
struct moved {
	struct piece was, his;
	struct clash clash;
};

struct moved_list {
	struct moved *v;
	size_t n;
};

static void add_moved(struct moved_list *l, const struct moved *m)
{
	l->v = xrealloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = *m;
}

static struct piece piece_of(const struct line_list *l, size_t from, size_t to)
{
	const struct piece *first = &l->v[from], *last = &l->v[to - 1];

	return (struct piece){ first->at, (size_t)(last->at + last->len - first->at) };
}

static bool is_blank(const struct line_list *l, size_t i)
{
	return !lines_key(l->v[i].at);
}

/* What he changed, with a line of the ancestor's on each side of what he put in. */
static bool find_changed(const struct line_list *was, const struct line_list *his,
			 const struct step *steps, struct moved *m)
{
	size_t first = 0, last = his->n, from, to, behind;

	while (first < his->n && steps[first].did == STEP_KEPT)
		first++;
	while (last > first && steps[last - 1].did == STEP_KEPT)
		last--;
	if (first == last)
		return false;
	from = steps[first].was;
	if (from && steps[first].did == STEP_PUT_IN)
		from--;
	while (from && is_blank(was, from))
		from--;
	behind = to = steps[last - 1].was + (steps[last - 1].did == STEP_BRACED);
	if (steps[last - 1].did == STEP_PUT_IN)
		while (to < was->n && (to == behind || is_blank(was, to)))
			to++;
	if (from == to)
		return false;
	/* Before the first and behind the last one all are kept. */
	m->was = piece_of(was, from, to);
	m->his = piece_of(his, first - (steps[first].was - from), last + (to - behind));
	return true;
}

/* The bytes of text that stand for the piece, blank lines apart; 0: it goes on otherwise. */
static size_t starts_with(const char *text, struct piece p)
{
	const char *at = text;

	for (p = drop_blank(p); p.len && *at; at += line_length(at)) {
		if (!lines_key(at))
			continue;
		if (lines_key(at) != lines_key(p.at))
			return 0;
		p = drop_blank(drop_lines(p, 1));
	}
	return p.len ? 0 : (size_t)(at - text);
}

/* Where the text has the piece, blank lines apart; none: not at all, or more than once. */
static struct piece find_once(const char *text, const struct piece *p)
{
	struct piece found = { text, 0 };

	for (const char *at = text; *at; at += line_length(at)) {
		size_t len = lines_key(at) ? starts_with(at, *p) : 0;

		if (len && found.len)
			return (struct piece){ text, 0 };
		if (len)
			found = (struct piece){ at, len };
	}
	return found;
}

/* The base has it once, and the ancestor had it once: it is the same block. */
static bool is_moved(const struct merge *m, const struct clash *c, struct moved *moved)
{
	struct line_list was = list_lines(&c->ancestor), his = list_lines(&c->his);
	struct step *steps = xcalloc(his.n + 1, sizeof(*steps));
	bool good = find_steps(&his, &was, steps) && find_changed(&was, &his, steps, moved) &&
		    find_once(m->ancestor, &moved->was).len && find_once(m->base, &moved->was).len;

	free(was.v);
	free(his.v);
	free(steps);
	return good;
}

/* What he made of it, where it stands now. False: it is not there as it was any more. */
static bool put_moved(const struct moved *m, struct buf *out)
{
	struct piece there = find_once(buf_str(out), &m->was);
	size_t before = (size_t)(there.at - buf_str(out));
	_cleanup_buf_ struct buf text = { 0 };

	if (!there.len)
		return false;
	buf_add(&text, out->data, before);
	put(&text, &m->his);
	buf_puts(&text, there.at + there.len);
	buf_free(out);
	*out = text;
	text = (struct buf){ 0 };
	return true;
}

static bool resolve(const struct clash *c, bool loosely, struct buf *out)
{
	if (is_same(&c->base, &c->his) || is_same(&c->his, &c->ancestor)) {
		put(out, &c->base);
		return true;
	}
	if (is_same(&c->base, &c->ancestor)) {
		put(out, &c->his);
		return true;
	}
	return put_between(c, out) || put_alone(c, out) || (loosely && put_around(c, out));
}

static void tell(const struct clash *c, struct buf *conflict)
{
	buf_puts(conflict, "<<<<<<< the base has\n");
	put(conflict, &c->base);
	buf_puts(conflict, "||||||| it was\n");
	put(conflict, &c->ancestor);
	buf_puts(conflict, "======= he made of it\n");
	put(conflict, &c->his);
	buf_puts(conflict, ">>>>>>>\n");
}

/* ---- all places ---- */

static struct piece up_to(const char **at, const char *mark)
{
	struct piece p = { *at, 0 };

	while (**at && !str_starts(*at, mark))
		*at += line_length(*at);
	p.len = (size_t)(*at - p.at);
	*at += line_length(*at);
	return p;
}

static void settle(const char *merged, const struct merge *m, struct buf *out, struct buf *conflict)
{
	struct moved_list blocks = { 0 };

	for (const char *at = merged; *at;) {
		struct piece before = up_to(&at, "<<<<<<< ");
		struct moved moved;
		struct clash c;

		put(out, &before);
		if (before.at + before.len == at)
			break;
		c.base = up_to(&at, "||||||| ");
		c.ancestor = up_to(&at, "=======\n");
		c.his = up_to(&at, ">>>>>>> ");
		if (resolve(&c, m->loosely, out))
			continue;
		if (is_moved(m, &c, &moved)) {
			moved.clash = c;
			add_moved(&blocks, &moved);
			put(out, &c.base);
		} else {
			tell(&c, conflict);
		}
	}
	for (size_t i = 0; i < blocks.n; i++)
		if (!put_moved(&blocks.v[i], out))
			tell(&blocks.v[i].clash, conflict);
	free(blocks.v);
}

static int write_text(const char *scratch, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", scratch, name);

	return file_write(path, text, strlen(text), 0600) ? fail(OUT_BROKEN, "can't write %s", path) : 0;
}

int merge_texts(const char *scratch, const struct merge *m, struct buf *out, struct buf *conflict)
{
	static const char *const args[] = { "merge-file", "-p", "--diff3", "base", "ancestor", "his", NULL };
	const struct git git = { .what = "merging a change", .dir = scratch, .deadline_s = DEADLINE_S };
	_cleanup_buf_ struct buf merged = { 0 };
	int ret = write_text(scratch, "base", m->base);

	if (!ret)
		ret = write_text(scratch, "ancestor", m->ancestor);
	if (!ret)
		ret = write_text(scratch, "his", m->his);
	if (!ret)
		ret = git_run(&git, args, &merged);
	if (ret < 0)
		return ret;
	if (ret > CONFLICTS_MAX)
		return fail(OUT_BROKEN, "git merge-file ended with status %d", ret);
	settle(buf_str(&merged), m, out, conflict);
	return 0;
}
