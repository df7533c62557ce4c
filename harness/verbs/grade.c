// SPDX-License-Identifier: GPL-2.0-only
/* A class: each submission becomes a change on a base, each change a run, all of them a page. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "grade/ends.h"
#include "intake/intake.h"
#include "intake/numbers.h"
#include "intake/program.h"
#include "plan/plan.h"
#include "report/report.h"
#include "report/text.h"
#include "run/identity.h"
#include "run/pool.h"
#include "run/slurm.h"
#include "verbs/verb.h"

#define RUN_DEADLINE_S 3600 /* of one submission, with its build */
#define BUILD_MB 4096	    /* of memory that a build may take, beside the lab's */
#define KEY_FILE "grade.key"
#define LATE_FILE ".late"
#define SLURM_DIR ".slurm" /* in the class's folder, where no submission has a dot in front */
#define END_DIR "other-end" /* in a submission's results: those of the same on another base */
#define ACCEPTED "accepted.patch" /* in a submission's results: judged in place of what it has */

static int verb_grade(int argc, char **argv);

static const struct verb grade_verb = {
	.name = "grade",
	.usage = "[--accept NAME]... [--slurm] [PATH...]",
	.summary = "judge a class: SUBMISSIONS= or paths, ASSIGNMENT=; JOBS= at once (--slurm: by a job array); goes on where it stopped",
	.order = 33,
	.settings = KNOBS_ASKED " SUBMISSIONS BASES JOBS OUT SAVE_LAB -PATCH -GUEST_PATCH -MONITOR -SUITE -KERNEL",
	.ends = VERB_ENDS(OUT_BUSY),
	.labs = true,
	.run = verb_grade,
};
VERB(grade_verb);

/* The same change on the base at the other end of its age: run where the first one fails. */
struct end {
	struct submission *s; /* borrowed */
	struct plan plan;
};

struct grading {
	struct knobs knobs;
	struct assignment *assignment;
	struct rubric rubric;
	struct bases bases;
	struct strv seeds, leaves; /* of the assignment, for the intake */
	struct peers peers; /* the class's whole files */
	struct strv accept; /* names of submissions: what was taken for their changes is right */
	struct class class;
	struct end *ends;
	size_t n_ends;
	struct pool pool;
	bool by_slurm;
	struct slurm slurm;
	size_t reused, lost;
};

/* ---- which ---- */

static char *plain_name(const char *path)
{
	char *name = text_form(TEXT_LINE, path_last(path));

	for (char *p = name; *p; p++)
		if (strchr(" /\\\"'", *p) || (p == name && *p == '.'))
			*p = '-';
	return name;
}

static struct submission *find_submission(const struct class *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].name, name))
			return &c->v[i];
	return NULL;
}

/* Of two that are called alike the second is "NAME-2": each has its own folder. */
static char *own_name(const struct class *c, const char *path)
{
	_cleanup_free_ char *plain = plain_name(path);
	char *name = xstrdup(plain);

	for (unsigned int i = 2; find_submission(c, name); i++) {
		free(name);
		name = strf("%s-%u", plain, i);
	}
	return name;
}

static void add_submission(struct grading *g, const char *path)
{
	struct class *c = &g->class;
	struct submission s = { .name = own_name(c, path), .path = xstrdup(path) };

	s.dir = strf("%s/%s", c->dir, s.name);
	c->v = xrealloc(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = s;
}

/* "NAME DAYS" a line, in the submissions' folder: who is late, and how many days were begun. */
static int read_late(struct grading *g, const char *folder)
{
	_cleanup_free_ char *path = strf("%s/" LATE_FILE, folder);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	int ret = 0;

	if (file_read(path, &text))
		return 0;
	strv_split(&lines, buf_str(&text), "\r\n");
	for (size_t i = 0; !ret && i < lines.n; i++) {
		char *days = strrchr(lines.v[i], ' ');
		struct submission *s;
		uint64_t n = 0;

		if (days)
			*days++ = '\0';
		s = find_submission(&g->class, str_strip(lines.v[i]));
		if (!days || !s || !parse_u64(days, &n) || n > 10000)
			ret = fail(OUT_USAGE, "%s:%zu: the name of a submission in this folder and a whole number of days are "
				   "wanted", path, i + 1);
		else
			s->days_late = (double)n;
	}
	return ret;
}

/* A folder's entries; each of several paths is one submission. */
static int add_submissions(struct grading *g, const struct strv *paths)
{
	bool folder = paths->n == 1 && path_is_folder(paths->v[0]);
	_cleanup_strv_ struct strv names = { 0 };

	if (folder && dir_list(paths->v[0], NULL, &names))
		return fail(OUT_USAGE, "can't list the submissions in %s", paths->v[0]);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", paths->v[0], names.v[i]);

		add_submission(g, path);
	}
	for (size_t i = 0; !folder && i < paths->n; i++)
		add_submission(g, paths->v[i]);
	if (folder && g->class.n)
		return read_late(g, paths->v[0]);
	return g->class.n ? 0 : fail(OUT_USAGE, "there are no submissions in %s", paths->v[0]);
}

/* "--accept NAME" and "--slurm" stand before the paths. Returns where they begin. */
static int take_options(struct grading *g, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--slurm"))
			g->by_slurm = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--accept"))
			strv_add(&g->accept, argv[++i]);
		else
			return i;
	return argc;
}

static int which(struct grading *g, int argc, char **argv)
{
	int first = take_options(g, argc, argv);
	_cleanup_strv_ struct strv given = { 0 };
	struct strv *paths = argc > first ? &given : &g->knobs.submissions;

	for (int i = first; i < argc; i++) {
		_cleanup_free_ char *path = knobs_path(argv[i]);

		if (!path)
			return fail(OUT_USAGE, "can't find the submission %s", argv[i]);
		strv_add(&given, path);
	}
	if (!paths->n)
		return fail(OUT_USAGE, "SUBMISSIONS= names no folder, and no path was given: there is nothing to grade");
	g->class.name = plain_name(paths->v[0]);
	g->class.dir = g->knobs.out ? xstrdup(g->knobs.out) : strf("%s/%s", path_results(), g->class.name);
	return add_submissions(g, paths);
}

/* ---- one submission ---- */

static const char *confidence_of(const struct intake *in)
{
	if (in->far)
		return "moved far";
	if (in->drift)
		return "without its drift";
	return in->exact ? "exact" : in->merged ? "merged" : "moved";
}

/* Names are a stranger's: no terminal obeys them, no format is broken by them. */
static void take_notes(struct submission *s, const struct strv *notes)
{
	for (size_t i = 0; i < notes->n; i++) {
		_cleanup_free_ char *note = xstrdup(notes->v[i]), *line = NULL;

		for (char *tab = note; (tab = strchr(tab, '\t'));)
			*tab = ' ';
		line = text_form(TEXT_LINE, note);
		strv_add(&s->notes, line);
	}
}

static void not_judged(struct submission *s, const char *verdict, const char *why)
{
	free(s->why);
	s->why = text_form(TEXT_LINE, why);
	str_set(&s->verdict, verdict);
	s->person = true;
}

static void take_intake(struct submission *s, struct intake *in)
{
	s->base = in->base ? xstrdup(in->base->name) : NULL;
	s->exact = in->exact;
	s->drift = in->drift || in->merged;
	s->fastpath = strv_has(&in->notes, INTAKE_FASTPATH);
	s->confidence = in->base ? xstrdup(confidence_of(in)) : NULL;
	take_notes(s, &in->notes);
	if (in->patch.len)
		s->change = xstrdup(buf_str(&in->patch));
	if (in->outcome == INTAKE_TAKEN)
		return;
	not_judged(s, intake_name(in->outcome), in->why);
	s->person = in->outcome != INTAKE_EMPTY;
}

static bool differs(uint32_t his, uint32_t assignments)
{
	return his && assignments && his != assignments;
}

/*
 * Who has taken other numbers is judged by them: *path is an assignment's file with these, which
 * the caller owns; NULL: they are the assignment's own.
 */
static int take_numbers(const struct grading *g, struct submission *s, const char *patch,
			char **path)
{
	const struct assignment *a = g->assignment;
	_cleanup_buf_ struct buf conf = { 0 };
	_cleanup_free_ char *text = NULL;
	struct numbers n;

	numbers_find(patch, &n);
	for (size_t i = 0; (a->hypercall || a->syscall) && i < n.told.n; i++)
		strv_add(&s->notes, n.told.v[i]);
	strv_free(&n.told);
	s->elsewhere = numbers_elsewhere(&n, a->leaf, LEAF_ROLES);
	if (s->elsewhere)
		strv_add(&s->notes, s->elsewhere);
	if (!differs(n.hypercall, a->hypercall) && !differs(n.syscall, a->syscall))
		return 0;
	if (file_read(a->path, &conf))
		return fail(OUT_BROKEN, "can't read %s", a->path);
	text = numbers_put(&n, buf_str(&conf), a->name);
	*path = strf("%s/intake/%s.conf", s->dir, a->name);
	strv_addf(&s->notes, "judged by its own numbers: intake/%s.conf", a->name);
	return file_write(*path, text, strlen(text), 0644) ? fail(OUT_BROKEN, "can't write %s", *path) : 0;
}

/* guest: it changes that one's kernel, too. assignment: NULL, the knob's. */
static int plan_change(const struct grading *g, const struct base *base, const char *patch,
		       bool guest, const char *assignment, struct plan *plan)
{
	_cleanup_free_ char *kernel = base_kernel(base, guest ? "bare" : "unpatched");
	_cleanup_buf_ struct buf quoted = { 0 };

	knobs_quote(&quoted, patch);
	const struct setting settings[] = {
		{ "KERNEL", kernel },
		{ "PATCH", buf_str(&quoted) },
		{ "GUEST_PATCH", guest ? buf_str(&quoted) : NULL },
		{ "ASSIGNMENT", assignment ? assignment : g->knobs.assignment },
	};
	return plan_with(&g->knobs, settings, ARRAY_SIZE(settings), plan);
}

/* Was this very plan run to its end already, and judged by this very program? */
static struct run_result *reuse(const char *dir, const char *wanted)
{
	_cleanup_free_ char *path = strf("%s/" KEY_FILE, dir), *json = strf("%s/results.json", dir);
	_cleanup_buf_ struct buf key = { 0 };
	struct run_result *r;

	if (file_read(path, &key) || strcmp(buf_str(&key), wanted) || !path_exists(json))
		return NULL;
	r = report_load(json);
	if (r && r->finished && result_verdict(r) != OUT_BROKEN)
		return r;
	result_free(r);
	fail_clear();
	return NULL;
}

/* *result: where it was judged already. key: the caller owns it. */
static int add_job(struct pool *pool, struct submission *s, const char *dir,
		   const struct plan *plan, char **key, struct run_result **result)
{
	_cleanup_free_ char *path = strf("%s/" KEY_FILE, dir), *json = strf("%s/results.json", dir);
	char program[HASH_HEX_LEN + 1];
	int ret = identity_program(program);

	if (ret)
		return ret;
	*key = strf("%s %s", plan->hash, program);
	*result = reuse(dir, *key);
	if (*result)
		return 0;
	/* First the old results go: killed in between, they must not read as those of this plan. */
	if (mkdir_p(dir) || rm_rf(json) || file_write(path, *key, strlen(*key), 0644))
		return fail(OUT_BROKEN, "can't write %s", path);
	return pool_add(pool, s->name, plan, dir, s);
}

/* The lane, where nobody saw the base's reference pass in it. The caller owns it. */
static char *unseen_in(const struct plan *plan)
{
	const struct strv *seen = &plan->kernel.seen;

	return seen->n && !strv_has(seen, plan->lane.name) ? xstrdup(plan->lane.name) : NULL;
}

/* Where a monitor's sources are laid out; the caller owns it. */
static char *program_of(const struct submission *s)
{
	return strf("%s/intake/%s", s->dir, s->name);
}

static int plan_monitor(const struct grading *g, const struct submission *s, struct plan *plan)
{
	_cleanup_free_ char *program = program_of(s);
	const struct setting monitor = { "MONITOR", program };

	return plan_with(&g->knobs, &monitor, 1, plan);
}

/* what: "" or a part of the file's name. */
static int plan_on(const struct grading *g, const struct submission *s, const char *what,
		   const struct base *base, const struct buf *change, bool guest,
		   const char *assignment, struct plan *plan)
{
	_cleanup_free_ char *patch = strf("%s/intake/%s%s.patch", s->dir, s->name, what);

	if (file_write(patch, buf_str(change), change->len, 0644))
		return fail(OUT_BROKEN, "can't write %s", patch);
	return plan_change(g, base, patch, guest, assignment, plan);
}

static int plan_end(struct grading *g, struct submission *s, const struct intake *in,
		    const char *assignment)
{
	_cleanup_free_ char *what = strf("-on-%s", in->end->name);
	struct plan plan = { 0 };
	int ret = plan_on(g, s, what, in->end, &in->end_patch, false, assignment, &plan);

	if (ret) {
		plan_free(&plan);
		return ret;
	}
	s->end = xstrdup(in->end->name);
	s->end_unseen = unseen_in(&plan);
	g->ends = xrealloc(g->ends, g->n_ends + 1, sizeof(*g->ends));
	g->ends[g->n_ends++] = (struct end){ s, plan };
	return 0;
}

static int make_plan(struct grading *g, struct submission *s, const struct intake *in,
		     struct plan *plan)
{
	_cleanup_free_ char *assignment = NULL;
	int ret;

	if (assignment_wants_monitor(g->assignment))
		return plan_monitor(g, s, plan);
	ret = take_numbers(g, s, buf_str(&in->patch), &assignment);
	if (!ret)
		ret = plan_on(g, s, "", in->base, &in->patch, in->guest, assignment, plan);
	return !ret && in->end ? plan_end(g, s, in, assignment) : ret;
}

static int plan_submission(struct grading *g, struct submission *s, const struct intake *in)
{
	struct plan plan = { 0 };
	int ret = make_plan(g, s, in, &plan);

	if (!ret) {
		s->unseen = unseen_in(&plan);
		ret = add_job(&g->pool, s, s->dir, &plan, &s->key, &s->result);
		g->reused += !!s->result;
	}
	plan_free(&plan);
	return ret;
}

/* An empty folder for what is unpacked; the caller owns the name, NULL: it can't be made. */
static char *make_scratch(const struct submission *s)
{
	char *scratch = strf("%s/intake/unpacked", s->dir);

	if (!rm_rf(scratch) && !mkdir_p(scratch))
		return scratch;
	fail(OUT_BROKEN, "can't make %s", scratch);
	free(scratch);
	return NULL;
}

static struct intake_how how_of(struct grading *g, const struct submission *s)
{
	return (struct intake_how){ .bases = &g->bases, .seeds = &g->seeds, .leaves = &g->leaves,
				    .peers = &g->peers, .who = (size_t)(s - g->class.v) };
}

static int show(struct grading *g, const struct submission *s)
{
	const struct intake_how how = how_of(g, s);
	_cleanup_free_ char *scratch = make_scratch(s);
	int ret = scratch ? intake_show_confined(s->path, &how, scratch, &g->peers) : -OUT_BROKEN;

	if (scratch)
		rm_rf(scratch);
	/* What can't be read is told when it is taken. */
	if (ret == -OUT_INTERRUPTED || !scratch)
		return ret;
	fail_clear();
	return 0;
}

/* A person said that this is the change: whatever comes of it is the change's own. */
static void trust(struct intake *in)
{
	in->exact = in->outcome == INTAKE_TAKEN;
	in->drift = in->far = false;
	strv_add(&in->notes, "a person accepted it: " ACCEPTED);
}

static int accept_one(struct grading *g, const char *name)
{
	const struct submission *s = find_submission(&g->class, name);
	_cleanup_free_ char *from = s ? strf("%s/intake/%s.patch", s->dir, name) : NULL;
	_cleanup_free_ char *to = s ? strf("%s/" ACCEPTED, s->dir) : NULL;

	if (!s)
		return fail(OUT_USAGE, "--accept %s: there is no submission of this name", name);
	if (assignment_wants_monitor(g->assignment))
		return fail(OUT_USAGE, "--accept %s: a monitor is no change on a base: hand in the folder that is meant", name);
	if (!path_exists(from))
		return fail(OUT_USAGE, "--accept %s: no change was taken out of it; make a patch, and put it at %s", name, to);
	return file_copy(from, to, 0644) ? fail(OUT_BROKEN, "can't write %s", to) : 0;
}

static int take_change(struct grading *g, const struct submission *s, const char *scratch,
		       struct intake *in)
{
	_cleanup_free_ char *accepted = strf("%s/" ACCEPTED, s->dir);
	const char *path = path_exists(accepted) ? accepted : s->path;
	const struct intake_how how = how_of(g, s);
	int ret = intake_take_confined(path, &how, scratch, in);

	if (!ret && path == accepted)
		trust(in);
	return ret;
}

static int take_in(struct grading *g, struct submission *s)
{
	_cleanup_free_ char *scratch = make_scratch(s), *program = program_of(s);
	struct intake in;
	int ret;

	if (!scratch)
		return -OUT_BROKEN;
	if (assignment_wants_monitor(g->assignment))
		ret = intake_take_program(s->path, g->assignment, scratch, program, &in);
	else
		ret = take_change(g, s, scratch, &in);
	if (!ret)
		take_intake(s, &in);
	else if (ret != -OUT_INTERRUPTED)
		not_judged(s, intake_name(INTAKE_PERSON), fail_text());
	if (!ret && in.outcome == INTAKE_TAKEN)
		ret = plan_submission(g, s, &in);
	intake_free(&in);
	rm_rf(scratch);
	if (!s->person || ret == -OUT_INTERRUPTED)
		return ret;
	/* One that can't be read ends no class. */
	fail_clear();
	return 0;
}

/* ---- what came of it ---- */

static void tell(const struct submission *s)
{
	_cleanup_buf_ struct buf failed = { 0 };

	grade_failed(s, &failed);
	if (s->person)
		printf("%-24s   --   %s: %s\n", s->name, s->verdict, s->why);
	else
		printf("%-24s %5.1f  %s%s%s  %s\n", s->name, s->points, s->verdict, s->base ? "  base " : "", s->base ? s->base : "",
		       failed.len ? buf_str(&failed) : s->why ? s->why : "");
	fflush(stdout);
}

/* Told when nothing is to come any more. */
static void conclude_one(const struct grading *g, struct submission *s)
{
	grade_judge(&g->rubric, s);
	if (!ends_wanted(s))
		tell(s);
}

static void end_submission(struct pool_job *job, void *ctx)
{
	struct grading *g = ctx;
	struct submission *s = job->ctx;

	s->result = job->result;
	job->result = NULL;
	g->lost += job->lost;
	if (!s->result) {
		s->person = true;
		str_set(&s->verdict, job->lost ? "not judged" : "needs a person");
		str_set(&s->why, fail_text());
	}
	conclude_one(g, s);
}

static int run_pool(struct grading *g, struct pool *pool)
{
	if (!pool->n)
		return 0;
	if (g->by_slurm)
		return slurm_run(&g->slurm, pool, g->knobs.jobs);
	return pool_run(pool, g->knobs.jobs);
}

/* Without a result there it is a person's, as before. */
static void end_other_end(struct pool_job *job, void *ctx)
{
	struct grading *g = ctx;
	struct submission *s = job->ctx;

	s->end_result = job->result;
	job->result = NULL;
	grade_judge(&g->rubric, s);
	g->lost += job->lost;
	if (job->lost)
		not_judged(s, "not judged", fail_text());
	tell(s);
}

static int judge_end(struct grading *g, struct pool *pool, const struct end *end)
{
	struct submission *s = end->s;
	_cleanup_free_ char *dir = strf("%s/" END_DIR, s->dir), *key = NULL, *tests = ends_tests(s);
	const struct setting failed = { "TESTS", tests };
	struct plan plan = { 0 };
	int ret = plan_with(&end->plan.knobs, &failed, *tests ? 1 : 0, &plan);

	if (!ret)
		ret = add_job(pool, s, dir, &plan, &key, &s->end_result);
	if (!ret && s->end_result)
		conclude_one(g, s);
	plan_free(&plan);
	return ret;
}

/* Of whom failed, and was of another age. */
static int judge_ends(struct grading *g)
{
	struct pool pool = { .deadline_s = RUN_DEADLINE_S, .done = end_other_end, .ctx = g };
	int ret = 0;

	for (size_t i = 0; !ret && i < g->n_ends; i++)
		if (ends_wanted(g->ends[i].s))
			ret = judge_end(g, &pool, &g->ends[i]);
	if (!ret)
		ret = run_pool(g, &pool);
	pool_free(&pool);
	return ret;
}

static int write_all(const struct grading *g)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < g->class.n; i++)
		ret = grade_write(&g->rubric, &g->class.v[i]);
	return ret ? ret : grade_write_class(&g->class);
}

/* ---- all ---- */

/* Leaves without their last digit: who answers a neighbour has done the work, too. */
static void find_seeds(const struct assignment *a, struct strv *seeds, struct strv *leaves)
{
	for (size_t i = 0; i < LEAF_ROLES; i++)
		if (a->leaf[i]) {
			strv_addf(seeds, "%#x", a->leaf[i] >> 4);
			strv_addf(leaves, "%#x", a->leaf[i]);
		}
	if (a->syscall)
		strv_addf(seeds, "%u", a->syscall);
	/* The call and the hypercall are called as the assignment is. */
	strv_add(seeds, a->name);
	for (char *p = seeds->v[seeds->n - 1]; *p; p++)
		if (*p == '-')
			*p = '_';
}

static int find_bases(struct grading *g)
{
	_cleanup_free_ char *folder = strf("%s/bases", g->class.dir);

	return bases_find(g->knobs.bases, folder, &g->bases);
}

/*
 * Of a class that was given to Slurm once, whoever grades it now: its array may still run, and
 * writes where we are to.
 */
static int enter_slurm(struct grading *g)
{
	_cleanup_free_ char *dir = strf("%s/" SLURM_DIR, g->class.dir);
	const unsigned int seconds = RUN_DEADLINE_S * g->knobs.slowdown;
	_cleanup_strv_ struct strv jobs = { 0 };

	if (!g->by_slurm && !slurm_was_in(dir))
		return 0;
	for (size_t i = 0; i < g->class.n; i++) {
		strv_add(&jobs, g->class.v[i].dir);
		strv_addf(&jobs, "%s/" END_DIR, g->class.v[i].dir);
	}
	g->slurm.needs = (struct task_needs){ .cpus = g->knobs.l1_cpus,
					      .memory_mb = g->knobs.l1_memory + BUILD_MB,
					      .minutes = seconds / 60 };
	return slurm_enter(&g->slurm, dir, &jobs);
}

static int begin(struct grading *g, int argc, char **argv)
{
	int ret = knobs_load(&g->knobs);

	if (!ret)
		ret = knobs_without_suite(&g->knobs, "grade");
	if (!ret)
		ret = knobs_default(&g->knobs, "RACES", "2");
	if (!ret && !g->knobs.assignment)
		ret = fail(OUT_USAGE, "ASSIGNMENT= is not set: what the submissions are graded by must be named");
	if (!ret)
		ret = assignment_load(g->knobs.assignment, &g->assignment);
	if (!ret)
		ret = rubric_make(g->assignment, &g->rubric);
	for (size_t i = 0; !ret && i < g->rubric.warnings.n; i++)
		printf("%s\n", g->rubric.warnings.v[i]);
	g->class.rubric = &g->rubric;
	if (!ret)
		find_seeds(g->assignment, &g->seeds, &g->leaves);
	if (!ret)
		ret = which(g, argc, argv);
	if (!ret && g->by_slurm)
		ret = slurm_find();
	if (!ret)
		ret = enter_slurm(g);
	if (!ret && !assignment_wants_monitor(g->assignment))
		ret = find_bases(g);
	for (size_t i = 0; !ret && i < g->bases.missing.n; i++)
		printf("%s\n", g->bases.missing.v[i]);
	return ret;
}

/* First all are looked at: who is of one age tells each other's work from upstream's. */
static int show_all(struct grading *g)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < g->class.n; i++)
		ret = show(g, &g->class.v[i]);
	return ret;
}

static int take_all(struct grading *g)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < g->accept.n; i++)
		ret = accept_one(g, g->accept.v[i]);
	if (!ret && !assignment_wants_monitor(g->assignment))
		ret = show_all(g);
	for (size_t i = 0; !ret && i < g->class.n; i++) {
		struct submission *s = &g->class.v[i];

		ret = take_in(g, s);
		if (!ret && (!s->key || s->result))
			conclude_one(g, s);
	}
	return ret;
}

static int conclude(const struct grading *g)
{
	size_t persons = 0;

	for (size_t i = 0; i < g->class.n; i++)
		persons += g->class.v[i].person;
	printf("\n%zu submissions, %zu judged before, %zu need a person\nresults: %s/class.html\n", g->class.n, g->reused,
	       persons - g->lost, g->class.dir);
	return g->lost ? fail(OUT_BROKEN, "%zu of %zu submissions were not judged, as Slurm ended their tasks: the same command judges "
			      "them, and no others", g->lost, g->class.n) : 0;
}

static void free_grading(struct grading *g)
{
	pool_free(&g->pool);
	for (size_t i = 0; i < g->n_ends; i++)
		plan_free(&g->ends[i].plan);
	free(g->ends);
	slurm_leave(&g->slurm);
	for (size_t i = 0; i < g->class.n; i++)
		submission_free(&g->class.v[i]);
	free(g->class.v);
	free(g->class.name);
	free(g->class.dir);
	bases_free(&g->bases);
	peers_free(&g->peers);
	strv_free(&g->seeds);
	strv_free(&g->leaves);
	strv_free(&g->accept);
	rubric_free(&g->rubric);
	assignment_free(g->assignment);
	knobs_free(&g->knobs);
}

static int verb_grade(int argc, char **argv)
{
	struct grading g = {
		.pool = { .deadline_s = RUN_DEADLINE_S, .done = end_submission, .ctx = &g },
		.slurm = { .lock = -1 },
	};
	int ret = begin(&g, argc, argv);

	if (!ret)
		ret = take_all(&g);
	if (!ret)
		ret = run_pool(&g, &g.pool);
	if (!ret)
		ret = judge_ends(&g);
	if (!ret)
		ret = write_all(&g);
	if (!ret)
		ret = conclude(&g);
	free_grading(&g);
	return ret;
}
