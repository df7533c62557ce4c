// SPDX-License-Identifier: GPL-2.0-only
#include "intake/peers.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"

#define PEERS_OWN_LINES 20 /* that two changes on one kernel differ in at least */

void peers_add(struct peers *p, size_t who, const char *path, const char *text)
{
	struct peer_file *f;

	p->v = xrealloc(p->v, p->n + 1, sizeof(*p->v));
	f = &p->v[p->n++];
	*f = (struct peer_file){ .who = who, .path = xstrdup(path), .text = xstrdup(text) };
	lines_index(text, &f->lines);
}

void peers_free(struct peers *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].path);
		free(p->v[i].text);
		lines_index_free(&p->v[i].lines);
	}
	free(p->v);
	*p = (struct peers){ 0 };
}

/* ---- the nearest ---- */

struct near {
	const struct peer_file *file;
	size_t apart;
};

static size_t distance(const struct lines_index *a, const struct lines_index *b)
{
	struct lines_apart apart;

	lines_compare_indexes(a, b, &apart);
	return apart.lost + apart.gained;
}

/* A copy of his very file tells nothing of what is his. */
static bool is_neighbour(const struct near *n, const struct own_file *f, size_t base_apart)
{
	return n->apart && n->apart < base_apart && !strcmp(n->file->path, f->path);
}

static void insert(struct near *v, size_t *n, const struct near *one)
{
	size_t i = *n < PEERS_NEAR ? (*n)++ : PEERS_NEAR;

	for (; i && v[i - 1].apart > one->apart; i--)
		if (i < PEERS_NEAR)
			v[i] = v[i - 1];
	if (i < PEERS_NEAR)
		v[i] = *one;
}

/*
 * Who is much farther away than the third of them is of another age: of what upstream did between
 * the two he knows nothing, and as one of nine he would be asked about it.
 */
static size_t of_one_age(const struct near v[PEERS_NEAR], size_t n)
{
	size_t limit;

	if (n <= PEERS_ENOUGH)
		return n;
	limit = v[PEERS_ENOUGH - 1].apart * 2 + PEERS_OWN_LINES;
	for (size_t i = PEERS_ENOUGH; i < n; i++)
		if (v[i].apart > limit)
			return i;
	return n;
}

static size_t find_near(const struct peers *p, size_t who, const struct own_file *f,
			const struct lines_index *his, struct near v[PEERS_NEAR])
{
	struct lines_index base;
	size_t n = 0, apart;

	lines_index(buf_str(&f->before.text), &base);
	apart = distance(his, &base);
	for (size_t i = 0; i < p->n; i++) {
		struct near one = { &p->v[i], 0 };

		if (p->v[i].who == who)
			continue;
		one.apart = distance(his, &p->v[i].lines);
		if (is_neighbour(&one, f, apart))
			insert(v, &n, &one);
	}
	lines_index_free(&base);
	return of_one_age(v, n);
}

/* ---- marking ---- */

static int mark(const struct peer_file *peer, const struct lines_index *lines,
		struct own_file *f, const char *scratch)
{
	_cleanup_free_ char *theirs = strf("%s/neighbour", scratch), *his = strf("%s/his", scratch);
	_cleanup_buf_ struct buf diff = { 0 };
	int ret;

	if (file_write(theirs, peer->text, strlen(peer->text), 0600) ||
	    file_write(his, buf_str(&f->after.text), f->after.text.len, 0600))
		return fail(OUT_BROKEN, "can't write to %s", scratch);
	ret = intake_compare(theirs, his, &diff);
	if (!ret)
		own_mark_shared(f, buf_str(&diff), &peer->lines, lines);
	return ret;
}

int peers_mark(const struct peers *p, size_t who, struct own_file *f, const char *scratch)
{
	struct near v[PEERS_NEAR];
	struct lines_index his;
	size_t n;
	int ret = 0;

	lines_index(buf_str(&f->after.text), &his);
	n = find_near(p, who, f, &his, v);
	f->third = n >= PEERS_ENOUGH ? v[PEERS_ENOUGH - 1].apart : 0;
	for (size_t i = 0; !ret && i < n; i++)
		ret = mark(v[i].file, &his, f, scratch);
	lines_index_free(&his);
	return ret;
}
