/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of intake/ share. */
#ifndef NESTLAB_INTAKE_INTERNAL_H
#define NESTLAB_INTAKE_INTERNAL_H

#include "intake/handed.h"
#include "intake/intake.h"
#include "intake/own.h"
#include "intake/repo.h"
#include "intake/words.h"

#define INTAKE_TREE_FILES 3000 /* more are a whole tree */

/* One submission on its way. */
struct taking {
	struct bases *bases; /* grow by versions of its clone */
	const struct strv *seeds, *leaves;
	const struct peers *peers; /* NULL: it stands alone */
	size_t who;		   /* of them it is */
	const char *scratch;
	struct handed handed;
	struct repo repo; /* dir: NULL, there is none */
	struct intake *in;
	struct strv diffs;   /* paths of files that hold a diff */
	struct strv diff_names;
	bool guessed;	     /* of several versions that is taken which is meant most likely */
	bool context_diff;   /* one that can't be read, or without context */
	struct strv roots;    /* what stands before paths of the tree: "linux/" */
	struct strv homeless; /* files of the work, as it seems, that belong nowhere */
	const struct wordset *brought; /* words that a diff beside the whole files puts in; NULL */
	bool patient;  /* whole files are compared by the lines that both have once */
	bool loosely;  /* of them what has no place in a base is left out */
	bool unmerged; /* what was changed merges onto no base */
	char *dressed; /* the first source file that is no plain text, but a document of it */
	char *unread; /* the first file in which work may be that nobody here can read, and why */
};

/* look.c: remember that file, and note why it is passed over. */
void intake_unread(struct taking *t, const char *name, const char *why);

/*
 * The diff without what no kernel is built from; name: for notes. False: then nothing is left of
 * it. What has no parts that can be told apart stays as it is.
 */
bool intake_clean_diff(struct taking *t, const char *name, const char *text, struct buf *out);
/* Keep the diff that is in a file that is no source by its name. 0 or a negative outcome. */
int intake_look_for_diff(struct taking *t, const struct handed_file *f);

/* Only a pass of it says something. */
void intake_doubt(struct intake *in);

/* Set the outcome and its sentence. 0. */
int intake_is(struct intake *in, enum intake_outcome o, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Add what differs between the two files ("/dev/null": there is none) as a diff of path. */
int intake_add_diff(struct intake *in, const char *path, const char *before, const char *after);
/* `diff -U0`, white space left out of account. */
int intake_compare(const char *before, const char *after, struct buf *out);
/* The same by those lines first that both have once: it pairs fewer braces of other blocks. */
int intake_compare_patiently(const char *dir, const char *before, const char *after,
			     struct buf *out);

/* places.c: fill t->roots. */
void intake_find_roots(struct taking *t);
/*
 * The path of a file that intake_locate() does not know: a makefile, or one that no base has, below
 * a root. The caller owns it. NULL: nothing says where it belongs.
 */
char *intake_place(const struct taking *t, const char *name, const char *text);
/* Beside that makefile (a path), if it has the file's object. The caller owns it, or NULL. */
char *intake_place_by_object(const char *makefile, const char *text, const char *name);

/* Has a line of it one of the assignment's words, and no base this line in that file? */
bool intake_has_work(const struct taking *t, const char *path, const char *text);

/* The same with one word. */
bool intake_has_word(const struct taking *t, const char *path, const char *text, const char *word);

/* Which file of the tree this is, by its name and text; the caller owns it. NULL: none. */
char *intake_locate(const struct bases *bases, const char *name, const char *text);
/* beside.c: a whole file that goes on with what the diff brings in, and is not in it; or NULL. */
const char *intake_find_beside(const struct taking *t);
/* beside.c: the words of all lines that the patch puts in. */
void intake_words_put_in(const char *patch, struct wordset *s);
/* What a base has there; nothing: it has no such file. */
void intake_base_text(const struct base *b, const char *path, struct buf *out);

/* How far all that was handed in is from a base, in lines. */
struct rank {
	const struct base *base;
	size_t apart, lost, of;
};

/* change.c: the file against t->in->base, then all of them as one change. 0, a negative outcome. */
int intake_read_change(struct taking *t, const char *path, const struct buf *text,
		       struct own_file *f);
/* ranks: of all bases, the nearest first. 0 with an outcome, or a negative outcome. */
int intake_make_change(struct taking *t, struct own_file *files, size_t n,
		       const struct rank *ranks);

/* Put its whole files in with those of the class. */
void intake_show_files(struct taking *t, struct peers *peers, size_t who);
/*
 * ends.c: the bases that may be the other end of the files' age, seen from t->in->base, the
 * likeliest first. How many.
 */
size_t intake_other_ends(const struct taking *t, const struct own_file *files, size_t n,
			 const struct base *ends[2]);
/* 0 with an outcome, or a negative outcome. */
int intake_take_diffs(struct taking *t); /* diffs.c */
/*
 * Put what the diffs change in files that t->in->patch does not have into it, on t->in->base. 0; or
 * 1: they do not apply there; or a negative outcome.
 */
int intake_add_diffs(struct taking *t); /* diffs.c */
/* once.c: the diffs, without what another one of them has, too, as files of ours. */
int intake_say_once(struct taking *t, struct strv *paths);
int intake_take_files(struct taking *t); /* files.c */
int intake_take_history(struct taking *t); /* history.c */

/*
 * The nearest base onto which these merge, of which all is known: what they were before (before)
 * and what they became (after). All that differs is the change.
 */
int intake_merge_known(struct taking *t, struct own_file *files, size_t n);
/* How far these texts are from base b, added to r. */
void intake_measure(const struct base *b, const char *path, const char *text, struct rank *r);
/* Sort them, the nearest first. */
void intake_sort_ranks(struct rank *r, size_t n);


#endif
