// SPDX-License-Identifier: GPL-2.0-only
/* Whole source files: which of the kernel's they are, from which base, and what was changed. */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/lines.h"
#include "intake/locate.h"
#include "intake/shapes.h"
#include "intake/words.h"
#include "kernel/tree.h"

#define NO_FILE "it is no file of a base's source"
#define KIN_PART 5	     /* of its lines are those of the file that it is a version of */
#define FARTHER 3	     /* so many times as far as the nearest base another one may be */
#define TREE_SAMPLE 41	     /* each of so many is compared to find its base */
#define TREE_SAME_PERCENT 98 /* of them are as the base has them */

/* A file that is one of the tree's. */
struct whole {
	const char *name; /* as it was handed in */
	char *path;	  /* in the tree */
	char *folder;	  /* in which the tree's top would be */
	struct buf text;
	bool pristine; /* as some base has it */
	bool passed;   /* another version of it is taken */
};

struct wholes {
	struct whole *v;
	size_t n;
};

static void free_wholes(struct wholes *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].path);
		free(w->v[i].folder);
		buf_free(&w->v[i].text);
	}
	free(w->v);
}

/* ---- which they are ---- */


static bool is_in_bases(const struct taking *t, const char *path)
{
	for (size_t i = 0; i < t->bases->n; i++)
		if (tree_has_file(t->bases->v[i].dir, path, NULL))
			return true;
	return false;
}

/* White space and line ends apart. */
static bool is_pristine(const struct bases *bases, const char *path, const char *text)
{
	for (size_t i = 0; i < bases->n; i++) {
		_cleanup_buf_ struct buf b = { 0 };
		struct lines_apart a;

		intake_base_text(&bases->v[i], path, &b);
		if (b.len && !strcmp(buf_str(&b), text))
			return true;
		lines_compare(buf_str(&b), text, &a);
		if (a.of && !a.lost && !a.gained)
			return true;
	}
	return false;
}

/* A file of this name, which has little of the one that the tree has, is another one. */
static bool is_kin(const struct bases *bases, const char *path, const char *text)
{
	for (size_t i = 0; i < bases->n; i++) {
		_cleanup_buf_ struct buf there = { 0 };
		struct lines_apart a;

		intake_base_text(&bases->v[i], path, &there);
		lines_compare(buf_str(&there), text, &a);
		if ((a.of - a.lost) * KIN_PART >= a.gained || a.lost * 2 <= a.of)
			return true;
	}
	return false;
}

static bool is_version(const struct base *b, const char *path, const char *text)
{
	_cleanup_buf_ struct buf there = { 0 };
	struct lines_apart a;

	intake_base_text(b, path, &there);
	lines_compare(buf_str(&there), text, &a);
	return a.of && (a.of - a.lost >= a.gained || a.lost * 2 <= a.of);
}

static bool is_any_version(const struct bases *bases, const char *path, const char *text)
{
	for (size_t i = 0; i < bases->n; i++)
		if (is_version(&bases->v[i], path, text))
			return true;
	return false;
}

/*
 * A main.c or a trace.c beside the work is mostly a program that tries it, and the tree has files
 * of these names, too.
 */
static bool is_program(const struct bases *bases, const char *path, const char *text)
{
	return own_is_program(text) && !is_any_version(bases, path, text);
}

static char *find_alike(const struct bases *bases, const char *text)
{
	char *path = NULL;

	for (size_t i = bases->n; i && !path; i--)
		path = locate_alike(text, bases->v[i - 1].dir);
	return path;
}

/* A cpuid.c that was called "cpu.c" is not the kernel's cpu.c. */
static void look_by_text(const struct bases *bases, const char *text, char **path)
{
	char *alike = is_any_version(bases, *path, text) ? NULL : find_alike(bases, text);

	if (!alike)
		return;
	free(*path);
	*path = alike;
}

char *intake_locate(const struct bases *bases, const char *name, const char *text)
{
	char *path = NULL;

	/* Where any base has it by its whole path, it is no other base's file of that name. */
	for (size_t i = bases->n; i && !path; i--)
		path = locate_path(name, bases->v[i - 1].dir);
	for (size_t i = bases->n; i && !path; i--)
		path = locate_file(name, text, bases->v[i - 1].dir);
	if (path && (is_program(bases, path, text) || !is_kin(bases, path, text)))
		str_set(&path, NULL);
	if (!path)
		return find_alike(bases, text);
	look_by_text(bases, text, &path);
	return path;
}

static bool read_whole(struct taking *t, const struct handed_file *f, struct buf *text)
{
	bool source = locate_is_source(f->name) && !locate_is_reject(f->name);

	if (source && str_ends(f->name, ".mod.c")) {
		strv_addf(&t->in->notes, "passed over %s: a build made it", f->name);
		return false;
	}
	if (!handed_text(f->path, text)) {
		if (source)
			intake_unread(t, f->name, "it is no text");
		return false;
	}
	if (t->handed.n <= INTAKE_TREE_FILES && shape_is_diff(buf_str(text)))
		return false;
	if (!source)
		return locate_is_text_of_source(f->name, buf_str(text));
	if (!shape_is_document(buf_str(text)))
		return true;
	intake_unread(t, f->name, "it is a document, not the plain text of a source file");
	str_set(&t->dressed, t->dressed ? t->dressed : f->name);
	return false;
}

/* A file of hers that no base has: in a folder of the tree, or below what stands for its top. */
static char *locate_new_file(struct taking *t, const struct handed_file *f, const char *text)
{
	bool of_work = words_have_seed(text, t->seeds) && !own_is_program(text);
	char *path = of_work ? locate_new(f->name, t->bases->v[t->bases->n - 1].dir) : NULL;

	if (!path)
		path = intake_place(t, f->name, text);
	if (path && !is_in_bases(t, path))
		strv_addf(&t->in->notes, "%s is a new file", path);
	if (!path && of_work)
		strv_add(&t->homeless, f->name);
	return path;
}

static char *locate_whole(struct taking *t, const struct handed_file *f, const char *text)
{
	char *path = intake_locate(t->bases, f->name, text);

	if (!path)
		path = locate_new_file(t, f, text);
	if (!path && !strv_has(&t->homeless, f->name))
		intake_unread(t, f->name, NO_FILE);
	return path;
}

static size_t last_slash(const char *path, size_t len)
{
	while (len && path[len - 1] != '/')
		len--;
	return len;
}

/* "a2/" of "a2/vmx.c" and of "a2/arch/x86/kvm/vmx/vmx.c"; the caller owns it. */
static char *folder_of(const char *name, const char *path)
{
	size_t n = last_slash(name, strlen(name)), p = last_slash(path, strlen(path));

	while (n && p) {
		size_t name_at = last_slash(name, n - 1), path_at = last_slash(path, p - 1);

		if (n - name_at != p - path_at ||
		    memcmp(name + name_at, path + path_at, n - name_at))
			break;
		n = name_at;
		p = path_at;
	}
	return xstrndup(name, n);
}

static void push(struct taking *t, struct wholes *w, struct whole *one)
{
	one->folder = folder_of(one->name, one->path);
	one->pristine = is_pristine(t->bases, one->path, buf_str(&one->text));
	w->v = xrealloc(w->v, w->n + 1, sizeof(*w->v));
	w->v[w->n++] = *one;
}

static void add_file(struct taking *t, struct wholes *w, const struct handed_file *f)
{
	struct whole one = { .name = f->name };

	if (read_whole(t, f, &one.text))
		one.path = locate_whole(t, f, buf_str(&one.text));
	if (one.path)
		push(t, w, &one);
	else
		buf_free(&one.text);
}

/* A file of the work goes to the makefile that has its object. */
static bool add_by_object(struct taking *t, struct wholes *w, const struct handed_file *f)
{
	struct whole one = { .name = f->name };

	for (size_t i = 0; !one.path && i < w->n; i++)
		if (!w->v[i].pristine)
			one.path = intake_place_by_object(w->v[i].path, buf_str(&w->v[i].text),
							  f->name);
	if (!one.path || !handed_text(f->path, &one.text)) {
		free(one.path);
		return false;
	}
	strv_addf(&t->in->notes, "%s is a new file: the makefile there has its object", one.path);
	push(t, w, &one);
	return true;
}

static void add_homeless(struct taking *t, struct wholes *w)
{
	struct strv left = { 0 };

	for (size_t i = 0; i < t->handed.n; i++)
		if (strv_has(&t->homeless, t->handed.v[i].name) &&
		    !add_by_object(t, w, &t->handed.v[i])) {
			intake_unread(t, t->handed.v[i].name, NO_FILE);
			strv_add(&left, t->handed.v[i].name);
		}
	strv_free(&t->homeless);
	t->homeless = left;
}

/* ---- versions ---- */

/* Is b to be taken rather than a? -1: a, 1: b, 0: nobody knows. */
static int better(const struct taking *t, const struct whole *a, const struct whole *b)
{
	bool a_works = intake_has_work(t, a->path, buf_str(&a->text));

	if (!strcmp(buf_str(&a->text), buf_str(&b->text)))
		return -1;
	if (a_works != intake_has_work(t, b->path, buf_str(&b->text)))
		return a_works ? -1 : 1;
	if (locate_is_copy(a->name) != locate_is_copy(b->name))
		return locate_is_copy(a->name) ? 1 : -1;
	return 0;
}

/* "cpuid.c" is meant rather than a "test.c" that has its text. -1: a, 1: b, 0: nobody knows. */
static int called_so(const struct whole *a, const struct whole *b)
{
	const char *name = path_last(a->path);
	const char *first = path_last(a->name), *other = path_last(b->name);
	_cleanup_free_ char *stem = xstrndup(name, strcspn(name, "."));

	return (!strcmp(other, name) && !strcasestr(first, stem)) -
	       (!strcmp(first, name) && !strcasestr(other, stem));
}

static void pass_over(struct taking *t, struct whole *f, const struct whole *for_this)
{
	f->passed = true;
	strv_addf(&t->in->notes, "passed over %s: %s is the version of %s that was changed", f->name, for_this->name, f->path);
}

static int settle_pair(struct taking *t, struct whole *a, struct whole *b)
{
	int which;

	if (a->passed || b->passed || a->pristine || b->pristine || strcmp(a->path, b->path))
		return 0;
	which = better(t, a, b);
	if (!which) {
		which = called_so(a, b);
		t->guessed |= which;
	}
	if (!which)
		return intake_is(t->in, INTAKE_PERSON, "there are several versions of %s: %s and %s", a->path, a->name, b->name);
	pass_over(t, which < 0 ? b : a, which < 0 ? a : b);
	return 0;
}

static bool folder_has(const struct taking *t, const struct wholes *w, const char *folder,
		       const char *leaf)
{
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].pristine && !strcmp(w->v[i].folder, folder) &&
		    intake_has_word(t, w->v[i].path, buf_str(&w->v[i].text), leaf))
			return true;
	return false;
}

/* Other people's leaves of the same range. */
static size_t count_strange(const struct taking *t, const struct wholes *w, const char *folder)
{
	size_t n = 0;

	for (unsigned int digit = 0; digit < 16; digit++) {
		_cleanup_free_ char *leaf = xstrdup(t->leaves->v[0]);

		leaf[strlen(leaf) - 1] = "0123456789abcdef"[digit];
		n += !strv_has(t->leaves, leaf) && folder_has(t, w, folder, leaf);
	}
	return n;
}

/* How much of the assignment is in that folder: each of its leaves counts, then what is no more. */
static size_t count_leaves(const struct taking *t, const struct wholes *w, const char *folder)
{
	size_t n = 0;

	for (size_t i = 0; i < t->leaves->n; i++)
		n += folder_has(t, w, folder, t->leaves->v[i]);
	return n * 16 + 16 - count_strange(t, w, folder);
}

static bool is_twice(const struct wholes *w, const struct whole *f)
{
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].pristine && !strcmp(w->v[i].path, f->path) &&
		    strcmp(w->v[i].folder, f->folder) &&
		    strcmp(buf_str(&w->v[i].text), buf_str(&f->text)))
			return true;
	return false;
}

static size_t count_files(const struct wholes *w, const char *folder)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += !w->v[i].pristine && !strcmp(w->v[i].folder, folder);
	return n;
}

/* Has another file of its folder that name? */
static bool is_used_beside(const struct wholes *w, const struct whole *f, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (&w->v[i] != f && !w->v[i].pristine && !strcmp(w->v[i].folder, f->folder) &&
		    strcmp(w->v[i].path, f->path) &&
		    word_is_in(buf_str(&w->v[i].text), name, strlen(name)))
			return true;
	return false;
}

static bool has_base_word(const struct taking *t, const char *path, const char *word)
{
	bool found = false;

	for (size_t i = 0; !found && i < t->bases->n; i++) {
		_cleanup_buf_ struct buf text = { 0 };

		intake_base_text(&t->bases->v[i], path, &text);
		found = word_is_in(buf_str(&text), word, strlen(word));
	}
	return found;
}

/* With the work in it, does it export a name of its own with which another file there goes on? */
static bool leads_on(const struct taking *t, const struct wholes *w, const struct whole *f)
{
	if (!intake_has_work(t, f->path, buf_str(&f->text)))
		return false;
	for (const char *at = buf_str(&f->text); (at = strstr(at, "\nEXPORT_SYMBOL")); at++) {
		const char *word = strchr(at, '(');
		size_t len = word ? word_next(&word) : 0;
		_cleanup_free_ char *name = len ? xstrndup(word, len) : NULL;

		if (name && is_used_beside(w, f, name) && !has_base_word(t, f->path, name))
			return true;
	}
	return false;
}

static bool is_connected(const struct taking *t, const struct wholes *w, const char *folder)
{
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].pristine && !strcmp(w->v[i].folder, folder) &&
		    leads_on(t, w, &w->v[i]))
			return true;
	return false;
}

/*
 * Of folders with a version each, the one that has most of the assignment; NULL: there are none. Of
 * two that have as much it is the one whose files go on with each other, and then the one with more
 * files is whole, perhaps.
 */
static const char *find_folder(struct taking *t, const struct wholes *w, const char **as_good)
{
	const char *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct whole *f = &w->v[i];
		size_t n;

		if (f->pristine || locate_is_copy(f->folder) || !is_twice(w, f) ||
		    (best && !strcmp(best, f->folder)))
			continue;
		n = count_leaves(t, w, f->folder) * 2 + is_connected(t, w, f->folder);
		n = n * HANDED_MAX_FILES + count_files(w, f->folder);
		*as_good = n == most ? f->folder : n > most ? NULL : *as_good;
		t->guessed = n / HANDED_MAX_FILES == most / HANDED_MAX_FILES ||
			     (n < most && t->guessed);
		best = n > most ? f->folder : best;
		most = n > most ? n : most;
	}
	return best;
}

static const struct whole *find_in(const struct wholes *w, const char *folder, const char *path)
{
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].pristine && !strcmp(w->v[i].folder, folder) &&
		    !strcmp(w->v[i].path, path))
			return &w->v[i];
	return NULL;
}

/* Has f's folder a version of what that one has, too? */
static bool is_rival(const struct wholes *w, const struct whole *f, const char *folder)
{
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].pristine && !strcmp(w->v[i].folder, f->folder) &&
		    find_in(w, folder, w->v[i].path))
			return true;
	return false;
}

/* A folder with one file only has what was changed since; more of them are all of it. */
static void take_folder(struct taking *t, struct wholes *w, const char *folder)
{
	bool all = count_files(w, folder) > 1;

	for (size_t i = 0; i < w->n; i++) {
		struct whole *f = &w->v[i];

		if (f->pristine || !strcmp(f->folder, folder) ||
		    !(find_in(w, folder, f->path) || (all && is_rival(w, f, folder))))
			continue;
		f->passed = true;
		strv_addf(&t->in->notes, "passed over %s: \"%s\" has more of the assignment's work",
			  f->name, folder);
	}
}

/* Work for several assignments, each in its folder: never one's file with another one's. */
static void settle_folders(struct taking *t, struct wholes *w)
{
	const char *as_good = NULL;
	const char *folder = t->leaves && t->leaves->n ? find_folder(t, w, &as_good) : NULL;

	if (as_good)
		intake_is(t->in, INTAKE_PERSON, "there are several versions of its files: in \"%s\" and in \"%s\"", folder, as_good);
	else if (folder)
		take_folder(t, w, folder);
}

static void settle_versions(struct taking *t, struct wholes *w)
{
	settle_folders(t, w);
	for (size_t i = 0; i < w->n; i++)
		for (size_t j = i + 1; j < w->n && t->in->outcome == INTAKE_TAKEN; j++)
			settle_pair(t, &w->v[i], &w->v[j]);
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].pristine) {
			w->v[i].passed = true;
			if (t->handed.n < 100)
				strv_addf(&t->in->notes, "passed over %s: it is as a base has it", w->v[i].name);
		}
}

/* ---- the nearest base ---- */

void intake_measure(const struct base *b, const char *path, const char *text, struct rank *r)
{
	_cleanup_buf_ struct buf there = { 0 };
	struct lines_apart a;

	intake_base_text(b, path, &there);
	lines_compare(buf_str(&there), text, &a);
	r->apart += a.lost + a.gained;
	r->lost += a.lost;
	r->of += a.of;
}

static void measure(const struct base *b, const struct wholes *w, struct rank *r)
{
	*r = (struct rank){ .base = b };
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].passed)
			intake_measure(b, w->v[i].path, buf_str(&w->v[i].text), r);
}

/* Where the clone has a version that is nearer than the bases there are, it becomes one. */
static int offer_version(struct taking *t, const struct wholes *w)
{
	_cleanup_free_ struct clone_file *f = xcalloc(w->n, sizeof(*f));
	struct rank n;
	const char *tag;
	size_t apart = 0, taken = 0;

	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].passed)
			f[taken++] = (struct clone_file){ w->v[i].path, buf_str(&w->v[i].text) };
	tag = t->bases->clone ? clone_nearest(t->bases->clone, f, taken, &apart) : NULL;
	for (size_t i = 0; tag && i < t->bases->n; i++) {
		measure(&t->bases->v[i], w, &n);
		if (n.apart <= apart)
			return 0;
	}
	return tag ? bases_add_version(t->bases, tag) : 0;
}

static int by_nearness(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	return (x->apart > y->apart) - (x->apart < y->apart);
}

void intake_sort_ranks(struct rank *r, size_t n)
{
	qsort(r, n, sizeof(*r), by_nearness);
}

/* All bases, the nearest first. The caller frees them. */
static struct rank *rank_bases(struct taking *t, const struct wholes *w)
{
	struct rank *r = xcalloc(t->bases->n, sizeof(*r));

	for (size_t i = 0; i < t->bases->n; i++) {
		measure(&t->bases->v[i], w, &r[i]);
		strv_addf(&t->in->notes, "from base %s it is %zu lines apart", t->bases->v[i].name, r[i].apart);
	}
	intake_sort_ranks(r, t->bases->n);
	return r;
}

/* ---- the change ---- */

static int read_change(struct taking *t, const struct wholes *w, const struct rank *ranks)
{
	struct own_file *files = xcalloc(w->n, sizeof(*files));
	size_t n = 0;
	int ret = 0;

	for (size_t i = 0; !ret && i < w->n; i++)
		if (!w->v[i].passed)
			ret = intake_read_change(t, w->v[i].path, &w->v[i].text, &files[n++]);
	if (!ret)
		ret = intake_make_change(t, files, n, ranks);
	if (!ret && t->in->outcome == INTAKE_TAKEN && (t->homeless.n || t->guessed)) {
		if (t->homeless.n)
			strv_addf(&t->in->notes, "%s has to do with the work, and nothing says where it belongs: a failure proves nothing",
				  t->homeless.v[0]);
		else
			strv_add(&t->in->notes, "another version may be meant than the one that was taken: a failure proves nothing");
		intake_doubt(t->in);
	}
	for (size_t i = 0; i < n; i++)
		own_free(&files[i]);
	free(files);
	return ret;
}

/* One more way to read it: from which base, and how the two are compared. */
struct way {
	const struct base *from;
	bool patient, alone, loosely;
};

static int read_otherwise(struct taking *t, const struct wholes *w, const struct rank *ranks,
			  const struct way *way)
{
	const struct peers *peers = t->peers;
	int ret;

	t->in->base = way->from;
	t->in->outcome = INTAKE_TAKEN;
	t->patient = way->patient;
	t->loosely = way->loosely;
	t->peers = way->alone ? NULL : peers;
	strv_addf(&t->in->notes, "once more, as what differs from base %s%s%s%s", way->from->name,
		  way->patient ? ", by the lines that both have once" : "",
		  way->alone ? ", without what neighbours have" : "",
		  way->loosely ? ", and what has no place in a base is left out" : "");
	ret = read_change(t, w, ranks);
	t->patient = t->loosely = false;
	t->peers = peers;
	intake_doubt(t->in);
	return ret;
}

/* From one base, and by each way to compare: until it merges. */
static int read_from(struct taking *t, const struct wholes *w, const struct rank *ranks,
		     const struct base *from, bool loosely)
{
	for (unsigned int i = 0; i < (t->peers ? 4 : 2); i++) {
		const struct way way = { .from = from, .patient = i & 1, .alone = i & 2,
					 .loosely = loosely };
		int ret = read_otherwise(t, w, ranks, &way);

		if (ret || t->in->outcome == INTAKE_TAKEN)
			return ret;
	}
	return 0;
}

/* Told no more than the first time: why it does not merge. */
static int give_up(struct taking *t, const struct rank *ranks, size_t told, const char *why)
{
	strv_cut(&t->in->notes, told);
	t->in->base = ranks->base;
	return intake_is(t->in, INTAKE_PERSON, "%s", why);
}

/* From the nearest base, and from others that are not much farther. */
static int read_from_all(struct taking *t, const struct wholes *w, const struct rank *ranks,
			 bool loosely)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < t->bases->n && ranks[i].apart <= ranks->apart * FARTHER; i++)
		if (t->in->outcome != INTAKE_TAKEN)
			ret = read_from(t, w, ranks, ranks[i].base, loosely);
	return ret;
}

/* What merges nowhere may do so as another base's diff, or with other lines paired. */
static int read_all_ways(struct taking *t, const struct wholes *w, const struct rank *ranks)
{
	_cleanup_free_ char *why = xstrdup(t->in->why);
	size_t told = t->in->notes.n;
	int ret = read_from_all(t, w, ranks, false);

	if (!ret && t->in->outcome != INTAKE_TAKEN)
		ret = read_from_all(t, w, ranks, true);
	if (ret)
		return ret;
	if (t->in->outcome != INTAKE_TAKEN)
		return give_up(t, ranks, told, why);
	str_set(&t->in->why, NULL);
	return 0;
}

/* A file that opens more blocks than it closes can't be compiled, nor be merged. */
static int tell_unbalanced(struct taking *t, const struct wholes *w)
{
	for (size_t i = 0; i < w->n; i++) {
		_cleanup_buf_ struct buf there = { 0 };
		long open = w->v[i].passed ? 0 : own_open_braces(buf_str(&w->v[i].text));

		if (open)
			intake_base_text(t->in->base, w->v[i].path, &there);
		if (there.len && !own_open_braces(buf_str(&there)))
			return intake_is(t->in, INTAKE_PERSON, "%s %s %ld block%s more than it %s: as it was handed in, no compiler takes it",
					 w->v[i].name, open > 0 ? "opens" : "closes", labs(open), labs(open) == 1 ? "" : "s",
					 open > 0 ? "closes" : "opens");
	}
	return 0;
}

static bool is_c(const struct whole *w)
{
	return !w->passed && (str_ends(w->path, ".c") || str_ends(w->path, ".h"));
}

/* Nor can one with prose in it: what was left out as no base's line was not the age's. */
static int tell_prose(struct taking *t, const struct wholes *w)
{
	for (size_t i = 0; i < w->n; i++) {
		size_t line = is_c(&w->v[i]) ? own_prose_line(buf_str(&w->v[i].text)) : 0;

		if (line)
			return intake_is(t->in, INTAKE_PERSON, "%s has prose in its code, at line %zu: as it was handed in, no compiler takes it",
					 w->v[i].name, line);
	}
	return 0;
}

static int make_change(struct taking *t, const struct wholes *w, const struct rank *ranks)
{
	int ret;

	t->unmerged = false;
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].passed)
			strv_addf(&t->in->notes, "took %s as %s", w->v[i].name, w->v[i].path);
	ret = read_change(t, w, ranks);
	if (!ret && t->unmerged)
		ret = read_all_ways(t, w, ranks);
	if (!ret && t->in->outcome == INTAKE_PERSON && t->unmerged)
		ret = tell_unbalanced(t, w);
	if (!ret && t->in->outcome == INTAKE_TAKEN && t->in->merged)
		ret = tell_prose(t, w);
	return ret;
}

static size_t count_taken(const struct wholes *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += !w->v[i].passed;
	return n;
}

/*
 * A file that was cut short is near a base with short files: its age is told by the lines that a
 * base does not have.
 */
static int tell_cut_short(struct taking *t, const struct rank *ranks)
{
	const struct rank *of = ranks;

	for (size_t i = 1; i < t->bases->n; i++)
		if (ranks[i].apart - ranks[i].lost < of->apart - of->lost)
			of = &ranks[i];
	t->in->base = of->base;
	return intake_is(t->in, INTAKE_INCOMPLETE, "its files lack %zu of the %zu lines that base %s has there", of->lost, of->of,
			 of->base->name);
}

static int judge_wholes(struct taking *t, struct wholes *w)
{
	struct rank *ranks;
	int ret = 0;

	if (t->dressed)
		return intake_is(t->in, INTAKE_PERSON, "%s is a document (RTF, a page of the web), not the plain text of a source file: make one of it",
				 t->dressed);
	if (!w->n)
		return intake_is(t->in, INTAKE_EMPTY, "there is no diff and no file of a kernel's source in it");
	settle_versions(t, w);
	if (t->in->outcome != INTAKE_TAKEN)
		return 0;
	if (!count_taken(w))
		return intake_is(t->in, INTAKE_EMPTY, "its files are as a base has them: nothing was changed");
	ret = offer_version(t, w);
	if (ret)
		return ret;
	ranks = rank_bases(t, w);
	t->in->base = ranks->base;
	if (ranks->lost * 2 > ranks->of)
		ret = tell_cut_short(t, ranks);
	else
		ret = make_change(t, w, ranks);
	free(ranks);
	return ret;
}

/* ---- a whole tree ---- */

/* Of a base this very file? */
static bool is_as_base(const struct base *b, const struct handed_file *f)
{
	_cleanup_free_ char *path = locate_path(f->name, b->dir);
	_cleanup_free_ char *full = path ? strf("%s/%s", b->dir, path) : NULL;
	_cleanup_buf_ struct buf there = { 0 }, here = { 0 };

	if (!full || file_read(full, &there) || file_read(f->path, &here))
		return false;
	if (there.len == here.len && !memcmp(buf_str(&there), buf_str(&here), here.len))
		return true;
	buf_free(&there);
	buf_free(&here);
	if (!handed_text(full, &there) || !handed_text(f->path, &here))
		return false;
	return !strcmp(buf_str(&there), buf_str(&here));
}

/* The base of which this tree is, but for some files; NULL: it is of another age. */
static const struct base *tree_base(const struct taking *t)
{
	for (size_t i = t->bases->n; i; i--) {
		size_t same = 0, of = 0;

		for (size_t j = 0; j < t->handed.n; j += TREE_SAMPLE)
			if (locate_is_source(t->handed.v[j].name)) {
				of++;
				same += is_as_base(&t->bases->v[i - 1], &t->handed.v[j]);
			}
		if (same * 100 >= of * TREE_SAME_PERCENT)
			return &t->bases->v[i - 1];
	}
	return NULL;
}

/* By its path alone: a tree has many files of one name. */
static bool is_in_tree(const struct taking *t, const char *name)
{
	for (size_t i = t->bases->n; i; i--) {
		_cleanup_free_ char *path = locate_path(name, t->bases->v[i - 1].dir);

		if (path)
			return true;
	}
	return false;
}

/* Of a tree of another age only what the assignments change is looked into. */
static void add_of_tree(struct taking *t, struct wholes *w, const struct base *b)
{
	size_t left = 0;

	for (size_t i = 0; i < t->handed.n; i++) {
		const struct handed_file *f = &t->handed.v[i];

		if (!locate_is_source(f->name) || (b && is_as_base(b, f)))
			continue;
		if ((b || locate_is_usual(f->name)) && is_in_tree(t, f->name))
			add_file(t, w, f);
		else
			left++;
	}
	strv_addf(&t->in->notes, "it is a whole tree, of %s%s: %zu files that differ were not looked into: %s", b ? "base " : "no base",
		  b ? b->name : "", left, b ? "they are of no base's tree" : "only KVM and the system calls are");
	if (left && !t->unread)
		t->unread = xstrdup("the rest of the tree: only KVM and the system calls are looked into");
}

static void find_wholes(struct taking *t, struct wholes *w)
{
	if (t->handed.n > INTAKE_TREE_FILES) {
		add_of_tree(t, w, tree_base(t));
		return;
	}
	for (size_t i = 0; i < t->handed.n; i++)
		add_file(t, w, &t->handed.v[i]);
	add_homeless(t, w);
}

int intake_take_files(struct taking *t)
{
	struct wholes w = { 0 };
	int ret;

	t->in->outcome = INTAKE_TAKEN;
	t->in->base = NULL;
	str_set(&t->in->why, NULL);
	strv_free(&t->homeless);
	find_wholes(t, &w);
	ret = judge_wholes(t, &w);
	free_wholes(&w);
	return ret;
}

void intake_show_files(struct taking *t, struct peers *peers, size_t who)
{
	struct wholes w = { 0 };

	/* What is of a base's very age tells nothing of another one. */
	if (t->handed.n > INTAKE_TREE_FILES && tree_base(t))
		return;
	find_wholes(t, &w);
	settle_versions(t, &w);
	for (size_t i = 0; i < w.n; i++)
		if (!w.v[i].passed)
			peers_add(peers, who, w.v[i].path, buf_str(&w.v[i].text));
	free_wholes(&w);
}
