// SPDX-License-Identifier: GPL-2.0-only
#include "bench/figures.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"

#define FORMAT 1 /* of bench.json */

void samples_add(struct samples *s, double value)
{
	s->v = xrealloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = value;
}

void samples_free(struct samples *s)
{
	free(s->v);
	*s = (struct samples){ 0 };
}

static void figure_free(struct figure *g)
{
	free(g->name);
	free(g->unit);
	free(g->floor);
}

void figures_free(struct figures *f)
{
	for (size_t i = 0; i < f->n; i++)
		figure_free(&f->v[i]);
	free(f->v);
	free(f->machine);
	free(f->commit);
	free(f->day);
	*f = (struct figures){ 0 };
}

struct figure *figures_find(const struct figures *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].name, name))
			return &f->v[i];
	return NULL;
}

/* ---- adding ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void take_range(struct figure *g, const struct samples *s)
{
	_cleanup_free_ double *sorted = xcalloc(s->n, sizeof(*sorted));

	memcpy(sorted, s->v, s->n * sizeof(*sorted));
	qsort(sorted, s->n, sizeof(*sorted), by_value);
	g->n = s->n;
	g->min = sorted[0];
	g->median = (sorted[(s->n - 1) / 2] + sorted[s->n / 2]) / 2;
	g->max = sorted[s->n - 1];
}

static struct figure *add(struct figures *f)
{
	f->v = xrealloc(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n] = (struct figure){ 0 };
	return &f->v[f->n++];
}

/* Of a rate more is better: "/hour", "MiB/s"; of what one of something costs, "us/exit", less. */
static bool is_rate(const char *unit)
{
	return str_ends(unit, "/hour") || str_ends(unit, "/s");
}

bool figures_add(struct figures *f, const char *name, const char *unit, const struct samples *s,
		 const char *floor)
{
	struct figure *g;

	if (!s->n || figures_find(f, name))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!isfinite(s->v[i]) || s->v[i] < 0)
			return false;
	g = add(f);
	g->name = xstrdup(name);
	g->unit = xstrdup(unit);
	g->more_is_better = is_rate(unit);
	str_set(&g->floor, floor);
	take_range(g, s);
	return true;
}

void figures_finish(struct figures *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct figure *g = &f->v[i], *floor = g->floor ? figures_find(f, g->floor) : NULL;

		g->ratio = floor && floor->median > 0 ? g->median / floor->median : 0;
		if (!g->ratio)
			str_set(&g->floor, NULL);
	}
}

/* ---- the file ---- */

static json_t *pack_figure(const struct figure *g)
{
	return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:b, s:s, s:f}", "name", g->name, "unit",
			 g->unit, "n", (json_int_t)g->n, "min", g->min, "median", g->median, "max",
			 g->max, "more_is_better", g->more_is_better, "floor", g->floor ? g->floor : "", "ratio",
			 g->ratio);
}

int figures_write(const struct figures *f, const char *path)
{
	json_t *all = json_array(), *root;
	int err;

	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(all, pack_figure(&f->v[i]));
	root = json_pack("{s:i, s:s, s:s, s:s, s:o}", "format", FORMAT, "machine", f->machine,
			 "commit", f->commit, "day", f->day, "figures", all);
	err = root ? json_dump_file(root, path, JSON_INDENT(1)) : -1;
	json_decref(root);
	return err ? fail(OUT_BROKEN, "can't write the figures to %s: is the disk full?", path) : 0;
}

/* What must hold of each, whoever wrote it. */
static bool makes_sense(const struct figures *f, const struct figure *g)
{
	return figures_find(f, g->name) == g && g->n && isfinite(g->max) && g->min >= 0 &&
	       g->min <= g->median && g->median <= g->max && (g->ratio > 0) == (g->floor != NULL);
}

/* "!": a field that is not ours is an error. */
static int read_figure(struct figures *f, json_t *from, const char *path, size_t number)
{
	const char *name, *unit, *floor;
	json_int_t n;
	struct figure g = { 0 }, *new;
	json_error_t e;
	int better;

	if (json_unpack_ex(from, &e, 0, "{s:s, s:s, s:I, s:F, s:F, s:F, s:b, s:s, s:F!}", "name",
			   &name, "unit", &unit, "n", &n, "min", &g.min, "median", &g.median, "max",
			   &g.max, "more_is_better", &better, "floor", &floor, "ratio", &g.ratio))
		return fail(OUT_USAGE, "%s: figure %zu is none of `nestlab bench`: %s", path, number, e.text);
	new = add(f);
	*new = g;
	new->name = xstrdup(name);
	new->unit = xstrdup(unit);
	str_set(&new->floor, *floor ? floor : NULL);
	new->more_is_better = better;
	new->n = n > 0 ? (size_t)n : 0;
	if (!makes_sense(f, new))
		return fail(OUT_USAGE, "%s: figure %zu (%s) can't be: its values are in no order, or it is there twice",
			    path, number, name);
	return 0;
}

static int read_root(struct figures *f, json_t *root, const char *path)
{
	const char *machine, *commit, *day;
	json_t *all;
	json_error_t e;
	int format, ret = 0;

	if (json_unpack_ex(root, &e, 0, "{s:i, s:s, s:s, s:s, s:o!}", "format", &format, "machine",
			   &machine, "commit", &commit, "day", &day, "figures", &all))
		return fail(OUT_USAGE, "%s is no file of `nestlab bench`: %s", path, e.text);
	if (format != FORMAT || !json_is_array(all))
		return fail(OUT_USAGE, "%s has format %d of `nestlab bench`, want %d: measure anew", path, format, FORMAT);
	f->machine = xstrdup(machine);
	f->commit = xstrdup(commit);
	f->day = xstrdup(day);
	for (size_t i = 0; !ret && i < json_array_size(all); i++)
		ret = read_figure(f, json_array_get(all, i), path, i + 1);
	return ret;
}

int figures_read(const char *path, struct figures *f)
{
	json_error_t e;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	int ret;

	*f = (struct figures){ 0 };
	if (!root)
		return fail(OUT_USAGE, "can't read the figures of %s: %s", path, e.text);
	ret = read_root(f, root, path);
	json_decref(root);
	return ret;
}
