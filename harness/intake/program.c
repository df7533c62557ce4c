// SPDX-License-Identifier: GPL-2.0-only
#include "intake/program.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/handed.h"
#include "intake/internal.h"
#include "intake/ports.h"
#include "intake/shapes.h"
#include "intake/words.h"
#include "monitor/interface.h"
#include "monitor/monitor.h"

/* What no monitor does without: the name of the ioctl, KVM_CREATE_VM in <linux/kvm.h>. */
#define MAKES_VM "KVM_CREATE_VM"

struct program {
	struct intake *in;
	const struct assignment *a;
	struct handed handed;
	bool *again; /* of each file handed in: another one is the same */
	struct strv users;     /* sources that make a VM, by their names; one of each text */
	struct strv texts;     /* what they hold */
	struct strv makefiles; /* the folders that have one; "": the uppermost */
	char *claims;	       /* the first file that may hold work, and is no source; NULL: none */
	bool sources;	       /* there are some, whatever they do */
	char *top;	       /* the folder that is built */
};

/* ---- names ---- */

/* "a/b" of "a/b/c", "" of "c"; the caller owns it. */
static char *folder_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? xstrndup(name, (size_t)(slash - name)) : xstrdup("");
}

/* The rest of a name behind this folder, or NULL: it lies elsewhere. */
static const char *below(const char *name, const char *folder)
{
	size_t len = strlen(folder);

	if (!len)
		return name;
	return str_starts(name, folder) && name[len] == '/' ? name + len + 1 : NULL;
}

static bool is_source(const char *name)
{
	static const char *const ends[] = { ".c", ".h", ".S", ".s", ".cc", ".cpp", ".cxx", ".hpp", ".rs", ".go", ".py" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends(name, ends[i]))
			return true;
	return false;
}

/* ---- what is in it ---- */

static void claim(struct program *p, const char *name)
{
	if (!p->claims)
		p->claims = xstrdup(name);
}

static size_t count_beside(const struct program *p, const char *name)
{
	_cleanup_free_ char *folder = folder_of(name);
	size_t n = 0;

	for (size_t i = 0; i < p->handed.n; i++) {
		_cleanup_free_ char *other = folder_of(p->handed.v[i].name);

		n += !strcmp(other, folder);
	}
	return n;
}

static size_t find_file(const struct program *p, const char *name)
{
	size_t i = 0;

	while (strcmp(p->handed.v[i].name, name) || p->again[i])
		i++;
	return i;
}

/* The one with fewer files beside it is passed over: of these some may be missing. */
static void pass_over_copy(struct program *p, size_t user, size_t file)
{
	size_t taken = find_file(p, p->users.v[user]), copy = file;

	if (count_beside(p, p->handed.v[file].name) > count_beside(p, p->users.v[user])) {
		copy = taken;
		taken = file;
	}
	strv_addf(&p->in->notes, "passed over %s: a copy of %s", p->handed.v[copy].name,
		  p->handed.v[taken].name);
	p->again[copy] = true;
	str_set(&p->users.v[user], p->handed.v[taken].name);
}

/* A copy of a source that lies beside, whatever it is called, is the same work. */
static void add_user(struct program *p, size_t file, const char *text)
{
	for (size_t i = 0; i < p->texts.n; i++)
		if (!strcmp(p->texts.v[i], text)) {
			pass_over_copy(p, i, file);
			return;
		}
	strv_add(&p->users, p->handed.v[file].name);
	strv_add(&p->texts, text);
}

static bool may_be_work(const char *text)
{
	return strstr(text, MAKES_VM) || words_have_address(text) || shape_is_unified(text) ||
	       shape_is_context(text);
}

static void look_at_makefile(struct program *p, const char *name)
{
	_cleanup_free_ char *folder = folder_of(name);

	strv_add(&p->makefiles, folder);
	p->sources = true;
}

static void look_at(struct program *p, size_t file)
{
	const struct handed_file *f = &p->handed.v[file];
	_cleanup_buf_ struct buf text = { 0 };
	bool plain = handed_text(f->path, &text);

	if (monitor_is_makefile(f->name)) {
		look_at_makefile(p, f->name);
	} else if (is_source(f->name)) {
		p->sources = true;
		if (plain && strstr(buf_str(&text), MAKES_VM))
			add_user(p, file, buf_str(&text));
	} else if (!plain || may_be_work(buf_str(&text))) {
		claim(p, f->name);
	}
}

/* ---- which folder ---- */

/* The folder of the nearest makefile, or the file's own, where no folder above has one. */
static char *built_from(const struct program *p, const char *name)
{
	char *folder = folder_of(name);

	for (;;) {
		_cleanup_free_ char *child = folder;

		if (strv_has(&p->makefiles, child))
			return xstrdup(child);
		if (!*child)
			return folder_of(name);
		folder = folder_of(child);
	}
}

/* The uppermost folder on the way to this one that has a makefile, or this one. */
static char *widest(const struct program *p, const char *folder)
{
	for (size_t len = 0; len < strlen(folder); len += 1 + strcspn(folder + len + 1, "/")) {
		_cleanup_free_ char *above = xstrndup(folder, len);

		if (strv_has(&p->makefiles, above))
			return xstrdup(above);
	}
	return xstrdup(folder);
}

/* Returns the first of the users that is built from another folder than top; NULL: none is. */
static const char *elsewhere(const struct program *p)
{
	for (size_t i = 0; i < p->users.n; i++)
		if (!below(p->users.v[i], p->top))
			return p->users.v[i];
	return NULL;
}

/* ---- which of several programs ---- */

/* How many of the assignment's modes it can be asked for: of "real=-r" by "-r", or getopt's 'r'. */
static size_t count_modes(const struct program *p, const char *text)
{
	const struct strv *options = &p->a->interface.options;
	size_t n = 0;

	for (size_t i = 0; i < options->n; i++) {
		const char *option = strchr(options->v[i], '=') + 1;
		_cleanup_free_ char *quoted = strf("\"%s\"", option);
		_cleanup_free_ char *letter = strf("'%s'", option + (*option == '-'));

		n += strstr(text, quoted) || strstr(text, letter);
	}
	return n;
}

/* The user that has most of the modes, and more than any other one; p->users.n: none is. */
static size_t find_meant(const struct program *p)
{
	size_t meant = p->users.n, most = 0;

	for (size_t i = 0; i < p->users.n; i++) {
		size_t n = count_modes(p, p->texts.v[i]);

		meant = n > most ? i : n == most ? p->users.n : meant;
		most = n > most ? n : most;
	}
	return meant;
}

/* Of several exercises' programs, each built from its own folder, those of others are left out. */
static void leave_others(struct program *p)
{
	size_t meant = find_meant(p);
	_cleanup_free_ char *folder = meant < p->users.n ? built_from(p, p->users.v[meant]) : NULL;
	struct strv users = { 0 }, texts = { 0 };

	for (size_t i = 0; folder && i < p->users.n; i++) {
		if (below(p->users.v[i], folder)) {
			strv_add(&users, p->users.v[i]);
			strv_add(&texts, p->texts.v[i]);
		} else {
			strv_addf(&p->in->notes, "passed over %s: %s has the assignment's modes", p->users.v[i], p->users.v[meant]);
		}
	}
	if (users.n && users.n < p->users.n && strv_has(&p->makefiles, folder)) {
		strv_free(&p->users);
		strv_free(&p->texts);
		p->users = users;
		p->texts = texts;
		p->top = xstrdup(folder);
		return;
	}
	strv_free(&users);
	strv_free(&texts);
}

/* ---- without a makefile, all C files are one program ---- */

static bool has_main(const char *text)
{
	for (const char *at = text; (at = strstr(at, "main")); at += strlen("main")) {
		const char *end = at + strlen("main"), *line = at;

		while (line > text && line[-1] != '\n')
			line--;
		if (at > line && !isspace((unsigned char)*line) && isspace((unsigned char)at[-1]) &&
		    end[strspn(end, " \t")] == '(' && !memchr(line, '/', (size_t)(at - line)))
			return true;
	}
	return false;
}

static bool is_of_it(const struct program *p, const struct handed_file *f)
{
	return below(f->name, p->top) && !p->again[f - p->handed.v];
}

/* 0 with an outcome where the C files are no single program. */
static int check_mains(struct program *p)
{
	const char *first = NULL;

	for (size_t i = 0; i < p->handed.n; i++) {
		const struct handed_file *f = &p->handed.v[i];
		_cleanup_buf_ struct buf text = { 0 };

		if (!is_of_it(p, f) || !str_ends(f->name, ".c") || !handed_text(f->path, &text) || !has_main(buf_str(&text)))
			continue;
		if (first)
			return intake_is(p->in, INTAKE_PERSON, "%s and %s have a main() each, and no makefile says what is built of what", first, f->name);
		first = f->name;
	}
	return first ? 0 : intake_is(p->in, INTAKE_PERSON, "none of its C files has a main(), and there is no makefile");
}

static bool is_handed_in(const struct program *p, const char *name, size_t len)
{
	_cleanup_free_ char *last = xstrndup(name, len);

	for (size_t i = 0; i < p->handed.n; i++)
		if (!strcmp(path_last(p->handed.v[i].name), path_last(last)))
			return true;
	return false;
}

/* 0 with an outcome where a header of its own is not there. */
static int check_headers(struct program *p, const struct handed_file *f, const char *text)
{
	static const char include[] = "#include \"";

	for (const char *at = text; (at = strstr(at, include));) {
		at += strlen(include);
		if (!is_handed_in(p, at, strcspn(at, "\"\n")))
			return intake_is(p->in, INTAKE_HALF, "%s includes \"%.*s\", and that file is missing", f->name,
					 (int)strcspn(at, "\"\n"), at);
	}
	return 0;
}

/* ---- out ---- */

/* Text as a compiler reads it; anything else as it is. */
static int put(struct program *p, const struct handed_file *f, const char *to)
{
	_cleanup_free_ char *path = strf("%s/%s", to, below(f->name, p->top)), *dir = folder_of(path);
	_cleanup_buf_ struct buf text = { 0 };
	bool plain = handed_text(f->path, &text);
	mode_t mode = plain && str_starts(buf_str(&text), "#!") ? 0755 : 0644;
	int err = mkdir_p(dir);

	if (!err && plain)
		err = file_write(path, buf_str(&text), text.len, mode);
	else if (!err)
		err = file_copy(f->path, path, mode);
	if (err)
		return fail(OUT_BROKEN, "can't write %s", path);
	if (!plain || (!is_source(f->name) && !monitor_is_makefile(f->name)))
		return 0;
	return intake_add_diff(p->in, below(f->name, p->top), "/dev/null", path);
}

static int lay_out(struct program *p, const char *to)
{
	size_t n = 0;
	int ret = rm_rf(to) || mkdir_p(to) ? fail(OUT_BROKEN, "can't make %s", to) : 0;

	for (size_t i = 0; !ret && i < p->handed.n; i++) {
		if (!is_of_it(p, &p->handed.v[i]))
			continue;
		if (++n > MONITOR_MAX_FILES)
			return intake_is(p->in, INTAKE_PERSON, "there are more than %d files in %s: hand in the monitor's own folder",
					 MONITOR_MAX_FILES, *p->top ? p->top : "it");
		ret = put(p, &p->handed.v[i], to);
	}
	return ret;
}

static void put_sources(const struct program *p, struct strv *texts)
{
	for (size_t i = 0; i < p->handed.n; i++) {
		const struct handed_file *f = &p->handed.v[i];
		_cleanup_buf_ struct buf text = { 0 };

		if (is_of_it(p, f) && is_source(f->name) && handed_text(f->path, &text))
			strv_add(texts, buf_str(&text));
	}
}

/* 0 with an outcome where it is asked otherwise, or has ports of its own, and does not say so. */
static int check_usual(struct program *p)
{
	_cleanup_strv_ struct strv texts = { 0 };
	_cleanup_free_ char *why = NULL;
	size_t modes = 0;

	put_sources(p, &texts);
	for (size_t i = 0; i < texts.n; i++)
		modes += count_modes(p, texts.v[i]);
	if (!modes)
		return intake_is(p->in, INTAKE_PERSON, "its source has none of the options by which the assignment asks for a mode: how is it asked? "
				 "Say it in a monitor.conf beside it");
	why = ports_elsewhere(&p->a->interface, &texts);
	return why ? intake_is(p->in, INTAKE_PERSON, "%s", why) : 0;
}

/*
 * How its options are spelled and which ports it takes is its own; what it must serve is the
 * assignment's to say. 0 with an outcome, or a negative outcome.
 */
static int check_interface(struct program *p, const char *to)
{
	_cleanup_free_ char *conf = strf("%s/monitor.conf", to), *program = NULL, *lacks = NULL;
	struct monitor_interface own = { 0 };
	int ret = 0;

	if (!path_exists(conf))
		return check_usual(p);
	if (interface_load(conf, &own, &program)) {
		ret = intake_is(p->in, INTAKE_PERSON, "%s", fail_text());
		fail_clear();
	} else {
		strv_add(&p->in->notes, "its monitor.conf says how it is asked and which ports it serves");
		lacks = interface_lacks(&own, &p->a->interface);
	}
	if (lacks)
		ret = intake_is(p->in, INTAKE_PERSON, "its monitor.conf takes away what the assignment wants: %s", lacks);
	interface_free(&own);
	return ret;
}

/* ---- all ---- */

/* Nobody's VM is made in it. 0. */
static int conclude_without(struct program *p)
{
	if (p->sources)
		return intake_is(p->in, INTAKE_PERSON, "none of its sources makes a virtual machine (" MAKES_VM ")");
	if (p->handed.unread)
		return intake_is(p->in, INTAKE_PERSON, "there is no program's source in it, and one may be where nobody here can look: %s", p->handed.unread);
	if (p->claims)
		return intake_is(p->in, INTAKE_PERSON, "there is no program's source in it, but %s is of a kind that is not looked into", p->claims);
	return intake_is(p->in, INTAKE_EMPTY, "there is no program's source in it");
}

/* 0 with an outcome where what makes a VM is not whole. */
static int check_users(struct program *p)
{
	bool made = p->makefiles.n;

	for (size_t i = 0; i < p->users.n && !p->in->outcome; i++)
		if (own_open_braces(p->texts.v[i]) > 0)
			return intake_is(p->in, INTAKE_INCOMPLETE, "%s ends with open braces", p->users.v[i]);
	for (size_t i = 0; i < p->handed.n && !made && !p->in->outcome; i++) {
		_cleanup_buf_ struct buf text = { 0 };

		const struct handed_file *f = &p->handed.v[i];

		if (is_of_it(p, f) && is_source(f->name) && handed_text(f->path, &text))
			check_headers(p, f, buf_str(&text));
	}
	return made || p->in->outcome ? 0 : check_mains(p);
}

static int take(struct program *p, const char *to)
{
	_cleanup_free_ char *nearest = NULL;
	int ret;

	p->again = xcalloc(p->handed.n + 1, sizeof(*p->again));
	for (size_t i = 0; i < p->handed.n; i++)
		look_at(p, i);
	if (!p->users.n)
		return conclude_without(p);
	leave_others(p);
	nearest = built_from(p, p->users.v[0]);
	p->top = p->top ? p->top : widest(p, nearest);
	while (!p->makefiles.n && elsewhere(p)) {
		_cleanup_free_ char *child = p->top;

		p->top = folder_of(child);
	}
	if (elsewhere(p))
		return intake_is(p->in, INTAKE_PERSON, "there are several monitors in it: %s and %s", p->users.v[0], elsewhere(p));
	check_users(p);
	if (p->in->outcome != INTAKE_TAKEN)
		return 0;
	strv_addf(&p->in->notes, "the monitor is built from %s", *p->top ? p->top : "all that was handed in");
	ret = lay_out(p, to);
	return ret || p->in->outcome != INTAKE_TAKEN ? ret : check_interface(p, to);
}

int intake_take_program(const char *path, const struct assignment *a, const char *scratch,
			const char *to, struct intake *in)
{
	struct program p = { .in = in, .a = a };
	int ret;

	*in = (struct intake){ .exact = true };
	ret = handed_list(path, scratch, &p.handed);
	for (size_t i = 0; i < p.handed.notes.n; i++)
		strv_add(&in->notes, p.handed.notes.v[i]);
	if (!ret && p.handed.bomb)
		ret = intake_is(in, INTAKE_PERSON, "%s", p.handed.bomb);
	else if (!ret)
		ret = take(&p, to);
	handed_free(&p.handed);
	strv_free(&p.users);
	strv_free(&p.texts);
	strv_free(&p.makefiles);
	free(p.claims);
	free(p.again);
	free(p.top);
	return ret;
}
