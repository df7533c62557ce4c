// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "intake/internal.h"
#include "intake/lines.h"
#include "intake/locate.h"
#include "intake/parts.h"
#include "intake/shapes.h"
#include "intake/words.h"
#include "kernel/git.h"
#include "kernel/tree.h"

#define COMPARE_S 60

static const char *const names[INTAKE_OUTCOMES] = { "taken", "empty", "half", "incomplete", "needs a person" };

const char *intake_name(enum intake_outcome o)
{
	return names[o];
}

int intake_is(struct intake *in, enum intake_outcome o, const char *fmt, ...)
{
	va_list ap;
	char *why = NULL;

	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		abort();
	va_end(ap);
	in->outcome = o;
	free(in->why);
	in->why = why;
	return 0;
}

/* ---- diff ---- */

/* 0: they are the same; 1: they differ. */
static int diff_ended(int status)
{
	if (status > 1)
		return fail(OUT_BROKEN, "diff ended with status %d when files of a submission were compared", status);
	return status < 0 ? status : 0;
}

static int run_diff(const char *const argv[], struct buf *out)
{
	struct proc p = { .what = "comparing files", .argv = (char *const *)argv, .out = out };

	return diff_ended(proc_run(&p));
}

int intake_compare(const char *before, const char *after, struct buf *out)
{
	const char *argv[] = { "diff", "-a", "-w", "-U0", before, after, NULL };

	return run_diff(argv, out);
}

int intake_compare_patiently(const char *dir, const char *before, const char *after,
			     struct buf *out)
{
	const struct git git = { .what = "comparing files", .dir = dir, .deadline_s = COMPARE_S };
	const char *args[] = { "diff", "--no-index", "--patience", "--no-color", "--no-ext-diff",
			       "--no-textconv", "-a", "-w", "-U0", before, after, NULL };

	return diff_ended(git_run(&git, args, out));
}

int intake_add_diff(struct intake *in, const char *path, const char *before, const char *after)
{
	_cleanup_free_ char *old = strcmp(before, "/dev/null") ? strf("a/%s", path) : xstrdup(before);
	_cleanup_free_ char *new = strcmp(after, "/dev/null") ? strf("b/%s", path) : xstrdup(after);
	const char *argv[] = { "diff", "-a", "-u", "--label", old, "--label", new, before, after, NULL };

	in->guest |= str_ends(path, "syscall_64.tbl");
	return run_diff(argv, &in->patch);
}

void intake_base_text(const struct base *b, const char *path, struct buf *out)
{
	_cleanup_free_ char *full = strf("%s/%s", b->dir, path);

	if (tree_has_file(b->dir, path, NULL))
		handed_text(full, out);
}

/* Upstream's comments have one of the words, too. */
static bool is_line_of_base(const struct taking *t, const char *path, uint64_t key)
{
	bool found = false;

	for (size_t i = 0; !found && i < t->bases->n; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		struct lines_index x;

		intake_base_text(&t->bases->v[i], path, &text);
		lines_index(buf_str(&text), &x);
		found = lines_count(&x, key);
		lines_index_free(&x);
	}
	return found;
}

static bool has_any(const struct taking *t, const char *path, const char *text,
		    const struct strv *words)
{
	for (const char *at = text; *at; at += strcspn(at, "\n"), at += !!*at) {
		_cleanup_free_ char *line = xstrndup(at, strcspn(at, "\n"));

		if (words_have_seed(line, words) && !is_line_of_base(t, path, lines_key(line)))
			return true;
	}
	return false;
}

bool intake_has_work(const struct taking *t, const char *path, const char *text)
{
	return has_any(t, path, text, t->seeds);
}

bool intake_has_word(const struct taking *t, const char *path, const char *text, const char *word)
{
	char *words[] = { (char *)word, NULL };

	return has_any(t, path, text, &(const struct strv){ words, 1 });
}

/* ---- what is in it ---- */

static void move_notes(const struct strv *from, struct strv *to)
{
	for (size_t i = 0; i < from->n; i++)
		strv_add(to, from->v[i]);
}

static bool has_assignments_work(const struct taking *t)
{
	bool found = false;
	struct parts p;

	parts_split(buf_str(&t->in->patch), &p);
	for (size_t i = 0; !found && i < p.n; i++) {
		_cleanup_buf_ struct buf added = { 0 };

		part_lines(&p.v[i], '+', &added);
		found = p.v[i].path && intake_has_work(t, p.v[i].path, buf_str(&added));
	}
	parts_free(&p);
	return found;
}

/* Does it change what the assignments are about? A module of somebody's own changes nothing. */
static bool changes_usual(const struct taking *t)
{
	bool usual = false;
	struct parts p;

	parts_split(buf_str(&t->in->patch), &p);
	for (size_t i = 0; i < p.n; i++)
		usual |= p.v[i].path && locate_is_usual(p.v[i].path);
	parts_free(&p);
	return usual;
}

static void drop_end(struct intake *in)
{
	in->end = NULL;
	buf_free(&in->end_patch);
}

void intake_doubt(struct intake *in)
{
	in->drift = true;
	in->exact = false;
	drop_end(in);
}

/* What was taken has none of the assignment's names or numbers. 0. */
static int take_without_numbers(struct taking *t)
{
	struct intake *in = t->in;

	in->exact = in->drift = false;
	if (changes_usual(t)) {
		intake_doubt(in);
		strv_add(&in->notes, "nothing in it has the assignment's names or numbers: only a pass counts");
		return 0;
	}
	buf_free(&in->patch);
	in->other_work = true;
	return intake_is(in, INTAKE_PERSON, "nothing in it has the assignment's names or numbers, and it changes nothing of KVM or the system calls: "
			 "is it another exercise's work?");
}

/* What a repository has says most: then what it was before is known, too. */
static int take_history(struct taking *t)
{
	_cleanup_free_ char *why = NULL;
	int ret = repo_read(&t->repo, t->scratch, &why);

	if (ret < 0)
		return ret;
	if (ret) {
		intake_unread(t, "the repository", why);
		return 0;
	}
	ret = t->repo.committed.len || t->repo.more.len ? intake_take_history(t) : 0;
	if (!ret && t->in->outcome == INTAKE_TAKEN && t->in->patch.len && !has_assignments_work(t))
		return take_without_numbers(t);
	return ret;
}

/* The whole files, and what the diff changes in others. */
static int take_both(struct taking *t, const char *beside)
{
	int ret = intake_take_files(t);

	if (!ret && t->in->outcome == INTAKE_TAKEN) {
		drop_end(t->in); /* it lacks what the diff has */
		ret = intake_add_diffs(t);
	}
	if (ret < 0 || (!ret && t->in->outcome == INTAKE_TAKEN))
		return ret;
	buf_free(&t->in->patch);
	return intake_is(t->in, INTAKE_PERSON, "the diff %s is not all of it (%s goes on with what it brings in), and the whole files with it are no change: %s",
			 t->diff_names.v[0], beside, t->in->why ? t->in->why : "the diff does not apply to their base");
}

/* Do both change a file, and put other lines in there? */
static bool is_other_change(const struct part *p, const struct parts *others)
{
	for (size_t i = 0; i < others->n; i++) {
		_cleanup_buf_ struct buf here = { 0 }, there = { 0 };
		struct lines_apart apart;

		if (!p->path || !others->v[i].path || strcmp(p->path, others->v[i].path))
			continue;
		part_lines(p, '+', &here);
		part_lines(&others->v[i], '+', &there);
		lines_compare(buf_str(&here), buf_str(&there), &apart);
		if (apart.lost || apart.gained)
			return true;
	}
	return false;
}

/* The caller owns it; NULL: they agree. */
static char *file_apart(const struct intake *a, const struct intake *b)
{
	struct parts first, second;
	char *path = NULL;

	parts_split(buf_str(&a->patch), &first);
	parts_split(buf_str(&b->patch), &second);
	for (size_t i = 0; !path && i < first.n; i++)
		if (is_other_change(&first.v[i], &second))
			path = xstrdup(first.v[i].path);
	parts_free(&first);
	parts_free(&second);
	return path;
}

/* The whole files alone, into `whole`; what the diff gave stays. As intake_take_files(). */
static int take_files_apart(struct taking *t, struct intake *whole)
{
	struct intake *diff = t->in;
	size_t base = (size_t)(diff->base - t->bases->v);
	int ret;

	t->in = whole;
	ret = intake_take_files(t);
	t->in = diff;
	diff->base = &t->bases->v[base]; /* a version of the clone may have moved them */
	return ret;
}

/* The diff of a first try beside the files of the last one: nobody knows which is meant. */
static int compare_files(struct taking *t)
{
	struct intake whole = { 0 }, *diff = t->in;
	_cleanup_free_ char *path = NULL;
	int ret = t->handed.n > INTAKE_TREE_FILES ? 0 : take_files_apart(t, &whole);

	if (!ret && whole.outcome == INTAKE_TAKEN && whole.base == diff->base)
		path = file_apart(diff, &whole);
	intake_free(&whole);
	if (!path)
		return ret;
	strv_addf(&diff->notes, "the diff and the whole file beside it have different changes of %s: the diff was taken, and only a pass counts",
		  path);
	intake_doubt(diff);
	return 0;
}

/* Where a whole file goes on with the diff's change, that has a part of it only. */
static int take_beside(struct taking *t)
{
	const char *beside = intake_find_beside(t);
	struct wordset brought = { 0 };
	int ret;

	if (!beside)
		return compare_files(t);
	strv_addf(&t->in->notes, "the diff %s is not all of it: %s goes on with what it brings in, and is not in it", t->diff_names.v[0],
		  beside);
	intake_words_put_in(buf_str(&t->in->patch), &brought);
	buf_free(&t->in->patch);
	t->in->guest = t->in->exact = t->in->drift = t->in->far = false;
	t->brought = &brought;
	ret = take_both(t, beside);
	t->brought = NULL;
	wordset_free(&brought);
	return ret;
}

/* The whole files beside it are no change, and the diff has nothing of the assignment. */
static int keep_diff(struct taking *t, const struct intake *whole)
{
	bool meant = whole->outcome != INTAKE_EMPTY && !whole->other_work;

	move_notes(&whole->notes, &t->in->notes);
	if (!meant)
		return take_without_numbers(t);
	buf_free(&t->in->patch);
	return intake_is(t->in, whole->outcome, "the diff %s has nothing of the assignment, and the whole files beside it can't be taken: %s",
			 t->diff_names.v[0], whole->why);
}

/* The diff of another assignment lies beside the whole files of this one, perhaps. */
static int take_rather_files(struct taking *t)
{
	struct intake whole = { 0 }, *diff = t->in;
	int ret = take_files_apart(t, &whole);

	if (!ret && whole.outcome != INTAKE_TAKEN)
		ret = keep_diff(t, &whole);
	if (ret || whole.outcome != INTAKE_TAKEN) {
		intake_free(&whole);
		return ret;
	}
	strv_addf(&whole.notes, "passed over the diff %s: the assignment's numbers are in the whole files beside it, and not in the diff",
		  t->diff_names.v[0]);
	move_notes(&diff->notes, &whole.notes);
	intake_free(diff);
	*diff = whole;
	return 0;
}

/*
 * Is the diff of this assignment? The numbers may stand in a header that is handed in whole, and
 * the diff go on with its names.
 */
static bool is_meant(const struct taking *t)
{
	return has_assignments_work(t) || (changes_usual(t) && intake_find_beside(t));
}

/* Empty is a zero: only what was read to its last byte is. */
static int doubt_empty(struct taking *t)
{
	_cleanup_free_ char *branch = repo_other_branch(&t->repo);

	if (t->context_diff)
		return intake_is(t->in, INTAKE_PERSON, "there is a diff in it that can't be read: make a unified one of it (`diff -u`)");
	if (branch)
		return intake_is(t->in, INTAKE_PERSON, "no change was found in the commit that is checked out, but its repository has another one in %s: "
				 "check out the branch that is meant", branch);
	if (t->unread)
		return intake_is(t->in, INTAKE_PERSON, "no change was found in it, and one may be where nobody here can look: %s", t->unread);
	return 0;
}

static bool diffs_have_seed(const struct taking *t)
{
	bool found = false;

	for (size_t i = 0; !found && i < t->diffs.n; i++) {
		_cleanup_buf_ struct buf text = { 0 };

		found = !file_read(t->diffs.v[i], &text) &&
			words_have_seed(buf_str(&text), t->seeds);
	}
	return found;
}

/* Why the diff can't be taken; the caller owns it. */
static char *why_no_diff(const struct taking *t)
{
	bool other = t->in->outcome == INTAKE_PERSON && !diffs_have_seed(t);

	return strf("%s%s", other ? "nothing in the diff has the assignment's names or numbers: is it another exercise's work? Besides, " : "",
		    t->in->why);
}

/* A diff says what was changed; files beside it are looked at where it can't be used. */
static int take(struct taking *t)
{
	int ret = t->repo.dir ? take_history(t) : 0;
	_cleanup_free_ char *why = NULL;
	enum intake_outcome o;

	if (ret || t->in->patch.len)
		return ret;
	if (t->diffs.n)
		ret = intake_take_diffs(t);
	if (ret)
		return ret;
	if (t->diffs.n && t->in->outcome == INTAKE_TAKEN)
		return is_meant(t) ? take_beside(t) : take_rather_files(t);
	o = t->in->outcome;
	why = t->in->why ? why_no_diff(t) : NULL;
	ret = intake_take_files(t);
	if (!ret && why && t->in->outcome != INTAKE_TAKEN &&
	    (!t->in->other_work || diffs_have_seed(t)))
		return intake_is(t->in, o, "%s", why);
	if (ret || t->in->outcome != INTAKE_EMPTY)
		return ret;
	return doubt_empty(t);
}

static bool is_in_a_base(const struct taking *t, const char *name)
{
	for (size_t i = 0; i < t->bases->n; i++) {
		_cleanup_free_ char *path = locate_path(name, t->bases->v[i].dir);

		if (path)
			return true;
	}
	return false;
}

/* Below one of the folders that each tree has: "Documentation/", "drivers/". */
static bool is_below_tree(const struct taking *t, const char *name)
{
	const char *tree = t->bases->v[t->bases->n - 1].dir;

	for (size_t i = 0; i < t->roots.n; i++) {
		const char *rest = name + strlen(t->roots.v[i]);
		_cleanup_free_ char *folder = NULL;

		if (!str_starts(name, t->roots.v[i]) || !strchr(rest, '/'))
			continue;
		folder = strf("%s/%.*s", tree, (int)strcspn(rest, "/"), rest);
		if (path_is_folder(folder))
			return true;
	}
	return false;
}

static bool is_called_diff(const char *name)
{
	return str_ends(name, ".patch") || str_ends(name, ".diff");
}

/* In a whole tree upstream's own documents have diffs in them, too, at each age others. */
static bool is_of_tree(const struct taking *t, const char *name)
{
	if (t->handed.n <= INTAKE_TREE_FILES)
		return false;
	if (is_in_a_base(t, name))
		return true;
	return !is_called_diff(name) && is_below_tree(t, name);
}

/* "vmx.c.diff". Of a whole tree nobody reads all that is called as a source. */
static bool is_source(const struct taking *t, const struct handed_file *f)
{
	_cleanup_buf_ struct buf text = { 0 };

	if (!locate_is_source(f->name))
		return false;
	if (t->handed.n > INTAKE_TREE_FILES && !is_called_diff(f->name))
		return true;
	return !handed_text(f->path, &text) || !shape_is_diff(buf_str(&text));
}

static int look_into(struct taking *t, const struct handed_file *f)
{
	if (is_source(t, f) || is_of_tree(t, f->name))
		return 0;
	if (!locate_is_reject(f->name))
		return intake_look_for_diff(t, f);
	strv_addf(&t->in->notes, "passed over %s: it is what patch could not put in", f->name);
	return 0;
}

/* 0 with what is in it listed, or a negative outcome. */
static int open_submission(const char *path, struct taking *t)
{
	int ret = handed_list(path, t->scratch, &t->handed);

	repo_find(path, &t->repo);
	intake_find_roots(t);
	for (size_t i = 0; !ret && i < t->handed.n; i++)
		ret = look_into(t, &t->handed.v[i]);
	move_notes(&t->handed.notes, &t->in->notes);
	if (!t->unread && t->handed.unread)
		t->unread = xstrdup(t->handed.unread);
	return ret;
}

static void close_submission(struct taking *t)
{
	repo_free(&t->repo);
	handed_free(&t->handed);
	free(t->unread);
	free(t->dressed);
	strv_free(&t->roots);
	strv_free(&t->homeless);
	strv_free(&t->diffs);
	strv_free(&t->diff_names);
}

int intake_take(const char *path, const struct intake_how *how, const char *scratch,
		struct intake *in)
{
	struct taking t = { .bases = how->bases, .seeds = how->seeds, .leaves = how->leaves,
			    .peers = how->peers, .who = how->who, .scratch = scratch, .in = in };
	int ret;

	*in = (struct intake){ 0 };
	ret = open_submission(path, &t);
	if (!ret && t.handed.bomb)
		ret = intake_is(in, INTAKE_PERSON, "%s", t.handed.bomb);
	else if (!ret)
		ret = take(&t);
	close_submission(&t);
	return ret;
}

int intake_show(const char *path, const struct intake_how *how, const char *scratch,
		struct peers *peers)
{
	struct intake in = { 0 };
	struct taking t = { .bases = how->bases, .seeds = how->seeds, .leaves = how->leaves,
			    .scratch = scratch, .in = &in };
	int ret = open_submission(path, &t);

	if (!ret && !t.handed.bomb && !t.diffs.n)
		intake_show_files(&t, peers, how->who);
	close_submission(&t);
	intake_free(&in);
	return ret;
}

void intake_free(struct intake *in)
{
	free(in->why);
	buf_free(&in->patch);
	buf_free(&in->end_patch);
	strv_free(&in->notes);
	*in = (struct intake){ 0 };
}
