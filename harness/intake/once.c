// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several diffs that were all made from the base, not one on top of the other: what two of them say
 * of one file is taken once. Of a first and a second assignment the second has all of the first.
 */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/lines.h"
#include "intake/parts.h"

struct one_diff {
	struct buf text;
	struct parts parts;
};

/* Does b add and take away each line that a does? */
static bool has_all(const struct part *a, const struct part *b)
{
	static const char marks[] = "+-";

	for (size_t i = 0; i < strlen(marks); i++) {
		_cleanup_buf_ struct buf first = { 0 }, second = { 0 };
		struct lines_apart apart;

		part_lines(a, marks[i], &first);
		part_lines(b, marks[i], &second);
		lines_compare(buf_str(&first), buf_str(&second), &apart);
		if (apart.lost)
			return false;
	}
	return true;
}

/* Is it in another diff, whole? Of two alike the first one stays. */
static bool is_said_elsewhere(const struct one_diff *v, size_t n, size_t which,
			      const struct part *p)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; i != which && j < v[i].parts.n; j++) {
			const struct part *other = &v[i].parts.v[j];

			if (other->path && !strcmp(other->path, p->path) && has_all(p, other) &&
			    (i < which || !has_all(other, p)))
				return true;
		}
	return false;
}

static bool put_once(struct taking *t, const struct one_diff *v, size_t n, size_t which,
		     struct buf *out)
{
	bool left = false;

	for (size_t i = 0; i < v[which].parts.n; i++) {
		const struct part *p = &v[which].parts.v[i];

		if (p->path && is_said_elsewhere(v, n, which, p)) {
			strv_addf(&t->in->notes, "%s: another diff has all that it changes in %s: taken from there", t->diff_names.v[which],
				  p->path);
			continue;
		}
		buf_add(out, p->at, p->len);
		left |= !!p->path;
	}
	return left;
}

static int write_once(struct taking *t, const struct one_diff *v, struct strv *paths)
{
	for (size_t i = 0; i < t->diffs.n; i++) {
		_cleanup_free_ char *path = strf("%s/once-%zu.patch", t->scratch, i);
		_cleanup_buf_ struct buf out = { 0 };

		if (!put_once(t, v, t->diffs.n, i, &out))
			continue;
		if (file_write(path, buf_str(&out), out.len, 0600))
			return fail(OUT_BROKEN, "can't write %s", path);
		strv_add(paths, path);
	}
	return 0;
}

int intake_say_once(struct taking *t, struct strv *paths)
{
	struct one_diff *v = xcalloc(t->diffs.n, sizeof(*v));
	int ret = 0;

	for (size_t i = 0; !ret && i < t->diffs.n; i++) {
		if (file_read(t->diffs.v[i], &v[i].text))
			ret = fail(OUT_BROKEN, "can't read %s", t->diffs.v[i]);
		else
			parts_split(buf_str(&v[i].text), &v[i].parts);
	}
	if (!ret)
		ret = write_once(t, v, paths);
	for (size_t i = 0; i < t->diffs.n; i++) {
		parts_free(&v[i].parts);
		buf_free(&v[i].text);
	}
	free(v);
	return ret;
}
