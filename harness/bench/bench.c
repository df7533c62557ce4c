// SPDX-License-Identifier: GPL-2.0-only
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "history/entry.h"
#include "lab/lab.h"
#include "run/identity.h"

#define NO_COMMIT "unknown"
#define INSIDE "testcases/bench/lines"

extern const struct bench_list *const __start_nestlab_benches[];
extern const struct bench_list *const __stop_nestlab_benches[];

int bench_each(int (*look)(void *ctx, const struct bench *b), void *ctx)
{
	int ret = 0;

	for (const struct bench_list *const *l = __start_nestlab_benches;
	     l < __stop_nestlab_benches; l++)
		for (size_t i = 0; !ret && i < (*l)->n; i++)
			ret = look(ctx, &(*l)->v[i]);
	return ret;
}

/* ---- which ---- */

struct choice {
	const struct strv *names;
	struct strv all;    /* of all there are */
	struct strv chosen; /* those that are run */
};

static int note_name(void *ctx, const struct bench *b)
{
	struct choice *c = ctx;

	strv_add(&c->all, b->name);
	if (c->names->n ? strv_has(c->names, b->name) : !b->on_request)
		strv_add(&c->chosen, b->name);
	return 0;
}

static int note_floor(void *ctx, const struct bench *b)
{
	struct choice *c = ctx;

	if (b->floor && strv_has(&c->chosen, b->name) && !strv_has(&c->chosen, b->floor))
		strv_add(&c->chosen, b->floor);
	return 0;
}

static int choose(struct choice *c)
{
	bench_each(note_name, c);
	bench_each(note_floor, c);
	for (size_t i = 0; i < c->names->n; i++)
		if (!strv_has(&c->all, c->names->v[i]))
			return near_fail("there is no benchmark", c->names->v[i], &c->all);
	return 0;
}

/* ---- of what the figures hold ---- */

static char *cpu_model(void)
{
	_cleanup_buf_ struct buf b = { 0 };
	const char *line, *value;

	if (file_read("/proc/cpuinfo", &b))
		return xstrdup("an unknown model");
	line = strstr(buf_str(&b), "model name");
	value = line ? strchr(line, ':') : NULL;
	return value ? xstrndup(value + 2, strcspn(value + 2, "\n")) : xstrdup("an unknown model");
}

static void describe_machine(struct figures *f)
{
	_cleanup_free_ char *model = cpu_model();
	struct sysinfo s = { 0 };

	sysinfo(&s);
	f->machine = strf("%ld CPUs of %s, %lu GiB", sysconf(_SC_NPROCESSORS_ONLN), model,
			  (s.totalram * s.mem_unit + (1UL << 29)) >> 30);
}

static void describe_commit(struct figures *f)
{
	struct run_result *r = result_new("bench");
	const char *commit;

	identity_fill(r);
	commit = result_manifest(r, MANIFEST_COMMIT);
	f->commit = xstrdup(commit ? commit : NO_COMMIT);
	result_free(r);
}

static void describe(struct bench_run *r)
{
	time_t now = time(NULL);
	char self[4096], day[32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct tm tm;

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	r->figures.day = xstrdup(day);
	r->self = xstrndup(self, n > 0 ? (size_t)n : 0);
	r->numbers = (unsigned int)(now % 1000000) * 1000;
	describe_machine(&r->figures);
	describe_commit(&r->figures);
}

/* ---- running ---- */

unsigned int bench_values(const struct bench_run *r, const struct bench *b)
{
	return b->at_most && b->at_most < r->values ? b->at_most : r->values;
}

int bench_add_seconds(struct bench_run *r, const struct bench *b, const struct samples *s)
{
	if (figures_add(&r->figures, b->name, "s", s, b->floor))
		return 0;
	return fail(OUT_BROKEN, "benchmark %s gave no times", b->name);
}

int bench_add_part(struct bench_run *r, const struct bench *b, const char *part, const char *unit,
		   const struct samples *s)
{
	_cleanup_free_ char *name = strf("%s: %s", b->name, part);

	if (figures_add(&r->figures, name, unit, s, NULL))
		return 0;
	return fail(OUT_BROKEN, "benchmark %s gave no values of %s", b->name, part);
}

char *bench_results(const struct bench_run *r)
{
	return strf("%s/run", r->dir);
}

char *bench_command(const struct bench_run *r, const char *words)
{
	return strf("%s %s PLACE=%s OUT=%s/run HISTORY=no", r->self, words, r->place, r->dir);
}

int bench_call(struct bench_run *r, const char *words, unsigned int deadline_s)
{
	_cleanup_free_ char *command = bench_command(r, words), *log = strf("%s/" CALLS_LOG, r->dir);
	char *const argv[] = { (char *)"sh", (char *)"-c", command, NULL };
	struct proc p = { .what = words, .argv = argv, .log_path = log, .deadline_s = deadline_s };

	return proc_check(&p);
}

struct going {
	struct bench_run *run;
	const struct choice *choice;
};

static int write_figures(struct bench_run *r)
{
	_cleanup_free_ char *path = strf("%s/bench.json", r->dir);

	figures_finish(&r->figures);
	return figures_write(&r->figures, path);
}

/* What went wrong before is still to be told. */
static void end_lab(const struct bench_run *r)
{
	_cleanup_free_ char *why = xstrdup(fail_text());
	enum outcome o = fail_outcome();
	unsigned int n;

	(void)lab_sweep(r->place, &n);
	fail(o, "%s", why);
}

static int run_one(void *ctx, const struct bench *b)
{
	struct going *g = ctx;
	int ret;

	if (!strv_has(&g->choice->chosen, b->name))
		return 0;
	ui_note("measuring %s: %s", b->name, b->what);
	ret = b->run(g->run, b);
	if (ret && b->cleanup)
		end_lab(g->run); /* it may be up */
	return ret ? fail_prefix("benchmark %s", b->name) : 0;
}

static int make_folders(struct bench_run *r)
{
	char path[] = "/tmp/nestlab-bench-XXXXXX";
	_cleanup_free_ char *inside = NULL;

	if (mkdir_p(r->dir))
		return fail(OUT_BROKEN, "can't make the folder %s", r->dir);
	if (!mkdtemp(path))
		return fail(OUT_BROKEN, "can't make a folder in /tmp for patches: %m");
	r->outside = xstrdup(path);
	inside = strf(INSIDE "-%d", (int)getpid());
	r->inside = path_in_root(inside);
	return mkdir_p(r->inside) ? fail(OUT_BROKEN, "can't make the folder %s", r->inside) : 0;
}

/* What was measured before one went wrong is kept. */
int bench_run(struct bench_run *r, const struct strv *names)
{
	struct choice c = { .names = names };
	struct going g = { .run = r, .choice = &c };
	int ret = choose(&c), err;

	if (!ret)
		ret = make_folders(r);
	if (!ret) {
		describe(r);
		ret = bench_each(run_one, &g);
		err = r->figures.n ? write_figures(r) : 0;
		ret = ret ? ret : err;
	}
	strv_free(&c.all);
	strv_free(&c.chosen);
	return ret;
}

void bench_run_free(struct bench_run *r)
{
	if (r->outside)
		rm_rf(r->outside);
	if (r->inside)
		rm_rf(r->inside);
	figures_free(&r->figures);
	free(r->dir);
	free(r->outside);
	free(r->inside);
	free(r->self);
	*r = (struct bench_run){ 0 };
}
