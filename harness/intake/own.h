/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Of the lines in which somebody's file differs from a base: which are his own, and which are
 * drift, upstream's at another age.
 */
#ifndef NESTLAB_INTAKE_OWN_H
#define NESTLAB_INTAKE_OWN_H

#include <stdbool.h>

#include "core/util.h"
#include "intake/lines.h"
#include "intake/words.h"

#define OWN_NAME_MIN 3 /* letters of an identifier that means something */

struct own_line {
	const char *at;	   /* in its text */
	size_t len;	   /* with its end */
	uint64_t key;	   /* lines_key() */
	size_t func;	   /* the function that it is in, from 1; 0: in none */
	bool head;	   /* it stands before that function's brace */
	size_t comment;	   /* of several lines, that it is in or begins, from 1; 0: in none */
	bool apart;	   /* the other text does not have it in this place */
	bool own;	   /* he put it in, or took it away (a base's line) */
	bool sure;	   /* he put it in: his work leads to it */
	bool known;	   /* a base has it (of a base's line: another base, too) */
	bool here;	   /* the other text has it in some place */
	size_t shared;	   /* so many of his near neighbours have it */
};

struct own_text {
	struct buf text;
	struct own_line *v;
	size_t n;
};

struct own_hunk {
	size_t at, removed;  /* lines of the base: the first one, from 0, and how many */
	size_t first, added; /* the same of the file */
};

struct own_file {
	char *path;		/* in the source tree */
	struct own_text before; /* the base's */
	struct own_text after;	/* his */
	struct own_hunk *v;	/* in order */
	size_t n;
	size_t neighbours; /* that `shared` was counted in */
	size_t third;	   /* so far is the third of them, in lines */
};

/* before.text and after.text are set; diff: of them by `diff -U0`. False: it is none. */
bool own_read(struct own_file *f, const char *diff);
void own_free(struct own_file *f);

/* Mark the lines of the file that this base has; of the base's own, when `other` is true. */
void own_mark_known(struct own_file *f, const struct lines_index *base, bool other);
/*
 * One neighbour more: diff is from the neighbour's file to his, theirs and his are their lines. A
 * line of the base is shared where the neighbour has it once more than he has.
 */
void own_mark_shared(struct own_file *f, const char *diff, const struct lines_index *theirs,
		     const struct lines_index *his);

struct own_sum {
	bool drift;	    /* there is: what is not his own is upstream's */
	bool exact;	    /* all that differs is his own */
	size_t left_out;    /* lines of the files that are taken for drift */
	size_t unexplained; /* those of them that neither a base nor his neighbours have */
	size_t near;	    /* those of them in a function in which he worked */
};

/*
 * Mark what is his own: lines with a seed, and from there whatever has a name that such lines bring
 * in and that is none of `words`, those of all bases; then what stands between, functions and
 * blocks as a whole. Without drift all is his own.
 */
void own_mark(struct own_file *files, size_t n, const struct strv *seeds,
	      const struct wordset *words, struct own_sum *sum);

/* What else is taken for his own is left to upstream. False: there was nothing else. */
bool own_only_sure(struct own_file *files, size_t n);

/* His file, with the base's white space where only that differs. */
void own_put_after(const struct own_file *f, struct buf *out);
/* The file as it was before him: without what he put in, with what he took away. */
void own_put_ancestor(const struct own_file *f, struct buf *out);
/* The line without its comments and texts; the caller owns it. */
char *own_code_of(const struct own_line *l);
/* Does it say something, and does not stand in each function? */
bool own_is_telling(const struct own_line *l);

/* The next function's lines at or behind *to: *from, and up to before *to. False: there is none. */
bool own_next_function(const struct own_text *t, size_t *from, size_t *to);
/* What stands for the name of each function, by its number; 0: it has none. The caller frees it. */
uint64_t *own_function_names(const struct own_text *t);
void own_add_hunk(struct own_file *f, const struct own_hunk *h);
/*
 * Where a function has nothing of the base but "{", "}", "return 0;", these are paired with those of
 * a function of its name, or with none.
 */
void own_part_functions(struct own_file *f);

/*
 * How deep in blocks a line ends that begins so deep; 0 where it closes more than are open. "} else
 * {" closes one before it opens one.
 */
long own_depth_behind(const struct own_line *l, long depth);

/* A text without its comments and texts, on as many lines. */
void own_put_text_code(const char *text, struct buf *out);

/* How many more braces it opens than it closes, comments and texts left out of account. */
long own_open_braces(const char *text);
/*
 * The number of the first line, outside of comments, strings and the preprocessor's lines, that has
 * four words of a language in a row: what is left where a comment's begin was taken away. 0: none.
 */
size_t own_prose_line(const char *text);
/* Is it a program, or a piece of one, that no kernel has: with a main(), or with a printf()? */
bool own_is_program(const char *text);

/* How many indented braces close the outermost block: of a function's middle, most often. */
size_t own_inner_ends(const char *text);
/* How many heads of functions have another definition behind them. */
size_t own_heads_alone(const char *text);

#endif
