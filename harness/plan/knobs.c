// SPDX-License-Identifier: GPL-2.0-only
#include "plan/knobs.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/conf.h"
#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"

#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"

enum type {
	WORD,	 /* char *: a name */
	NAMED,	 /* char *: a name, or a path to such a file */
	PATH,	 /* char *: a path, of what is there or will be made */
	WORDS,	 /* struct strv: separated by blanks or commas */
	PATHS,	 /* struct strv: separated by blanks; one that has blanks in quotes, or alone */
	NUMBER,	 /* uint32_t */
	PROCESS, /* no field: a variable of the process, read where it is used */
};

enum part { ASKED, APART }; /* does it say what is judged? A plan holds those alone. */

struct knob {
	const char *name;
	enum type type;
	enum part part;
	size_t offset;
	uint64_t min, max;
	const char *fallback;
	const char *unit;
	const char *help;
};

#define F(field) offsetof(struct knobs, field)

/* The Makefile reads the names from here: one in the first column of each row. */
static const struct knob table[] = {
	{ "PATCH", PATHS, ASKED, F(patch), 0, 0, NULL, "",
	  "the change to KVM that is judged: patches, or folders of them; none: the reference" },
	{ "GUEST_PATCH", PATHS, ASKED, F(guest_patch), 0, 0, NULL, "", "the same for the guest's kernel" },
	{ "MONITOR", PATH, ASKED, F(monitor), 0, 0, NULL, "",
	  "the monitor that is judged (assignment kvm-api): a C file or a folder" },
	{ "SUITE", WORD, ASKED, F(suite), 0, 0, NULL, "",
	  "somebody else's tests, in place of the lab's own (config/suites/)" },
	{ "KVM_UNIT_TESTS", PATH, ASKED, F(kvm_unit_tests), 0, 0, NULL, "",
	  "a local copy of the source of suite kvm-unit-tests" },
	{ "TESTS", WORDS, ASKED, F(tests), 0, 0, NULL, "",
	  "names of tests, of assignments, or patterns; none: all" },
	{ "ASSIGNMENT", NAMED, ASKED, F(assignment), 0, 0, NULL, "",
	  "judge by this one's numbers and tests (config/assignments/)" },
	{ "LANE", WORD, ASKED, F(lane), 0, 0, "auto", "",
	  "where L1's virtualization hardware comes from (config/lanes/)" },
	{ "KERNEL", NAMED, ASKED, F(kernel), 0, 0, "6.12", "",
	  "the base (config/kernels/, or a .conf file); or a kernel tree of your own, as a path with a slash: ~/linux as it stands, ~/linux@REF as git has it" },
	{ "KCONFIG", PATH, ASKED, F(kconfig), 0, 0, NULL, "",
	  "a configuration fragment over those of the host's kernel: lines as in .config" },
	{ "AGAINST", NAMED, ASKED, F(against), 0, 0, NULL, "",
	  "of a suite: the base on which it is asked for comparison, without any change; none: KERNEL=" },
	{ "KERNEL_FLAVOR", WORD, ASKED, F(kernel_flavor), 0, 0, "plain", "",
	  "with which sanitizers the host's kernel is built (config/flavors/)" },
	{ "GUEST_FLAVOR", WORD, ASKED, F(guest_flavor), 0, 0, "plain", "", "the same for the guest's kernel" },
	{ "UNPATCHED", NUMBER, ASKED, F(unpatched), 0, 1, "0", "",
	  "1: the host's kernel as upstream has it, without the base's own patches" },
	{ "L1_CPUS", NUMBER, ASKED, F(l1_cpus), 1, 64, "2", "", "vCPUs of L1; never fewer than L2's" },
	{ "L2_CPUS", NUMBER, ASKED, F(l2_cpus), 1, 8, "2", "", "vCPUs of L2" },
	{ "L1_MEMORY", NUMBER, ASKED, F(l1_memory), 768, 1 << 20, "2048", "MiB", "memory of L1" },
	{ "L2_MEMORY", NUMBER, ASKED, F(l2_memory), 64, 1 << 20, "256", "MiB", "memory of L2" },
	{ "NESTED_PAGING", NUMBER, ASKED, F(nested_paging), 0, 1, "1", "",
	  "0: KVM in L1 shadows its guests' page tables (npt=0, ept=0)" },
	{ "EFFORT", NUMBER, ASKED, F(effort), 1, 1000, "1", "times",
	  "longer, for tests that look for what happens by chance" },
	{ "SEED", NUMBER, ASKED, F(seed), 0, 0x7fffffff, "0", "",
	  "of lane bochs-vmx: tests that look for races are tried under this schedule of L1's CPUs, and no other; 0: under those of SEEDS=" },
	{ "SEEDS", NUMBER, ASKED, F(seeds), 0, 10000, "1", "schedules",
	  "of lane bochs-vmx, of L1's CPUs: tests that look for races are tried under each, seeds 1 to this one" },
	{ "RACES", NUMBER, ASKED, F(races), 0, RACES_EVERYWHERE, "1", "",
	  "of a change, by a second build (flavour lost-updates): the tests named at-once look for updates that are lost: 1: in lane bochs-vmx, which hides them; 2: in each lane, as grade and mutants do; 0: never" },
	{ "AMPLIFY", NUMBER, ASKED, F(amplify), 0, 1, "1", "",
	  "of lane tcg-svm: 1: in tests that look for races L1's CPUs are stopped now and then inside of KVM; 0: never" },
	{ "OWN_EMULATOR", NUMBER, ASKED, F(own_emulator), 0, 1, "1", "",
	  "what emulates L1: 1: the lab's own QEMU or Bochs, built first where it is missing (a minute or two); 0: the system's" },
	{ "SLOWDOWN", NUMBER, ASKED, F(slowdown), 1, 100, "1", "times",
	  "longer, for every deadline: of a slow or loaded machine" },
	{ "BASE_IMAGE", PATH, ASKED, F(base_image), 0, 0, NULL, "", "a cloud image for L1, in place of ours" },
	{ "PROVISION_KERNEL", NAMED, ASKED, F(provision_kernel), 0, 0, "6.12", "",
	  "with which L1's image is provisioned once, whatever is judged in it" },
	{ "SAVE_LAB", NUMBER, APART, F(save_lab), 0, SAVE_LAB_IN_TIME, "2", "",
	  "0: what was booted is not saved; 1: it is; 2: a change's lab is when it comes the second time" },
	{ "PLACE", WORD, APART, F(place), 0, 0, "auto", "",
	  "where the lab lives: labs in places of other names run side by side" },
	{ "OUT", PATH, APART, F(out), 0, 0, NULL, "", "the folder of the results; none: a new one in results/" },
	{ "LABEL", WORD, APART, F(label), 0, 0, NULL, "", "a name for the run's results, which are then kept for good" },
	{ "HISTORY", WORD, APART, F(history), 0, 0, "run", "",
	  "its line in results/history.jsonl: run: it stands alone; SET/NAME: it is a part of a set; no: none" },
	{ "KEEP", NUMBER, APART, F(keep), 0, 1, "0", "",
	  "1: of lane bochs-vmx the record by which `nestlab replay` runs it again is kept, also when it passed" },
	{ "KEEP_DAYS", NUMBER, APART, F(keep_days), 1, 36500, "90", "days",
	  "that results without a label are kept" },
	{ "KEEP_MB", NUMBER, APART, F(keep_mb), 16, 1 << 30, "4096", "MiB",
	  "that results without a label may have together; then the oldest go" },
	{ "CACHE_MB", NUMBER, APART, F(cache_mb), 1024, 1 << 30, "65536", "MiB",
	  "that the cache may have: what was not used for longest goes by `nestlab gc`, and where it is set after runs" },
	{ "JOBS", NUMBER, APART, F(jobs), 1, 64, "1", "", "labs side by side, for verbs that judge many" },
	{ "SUBMISSIONS", PATHS, APART, F(submissions), 0, 0, NULL, "",
	  "for `nestlab grade`: a folder in which each entry is one, or several of them" },
	{ "BASES", PATH, APART, F(bases), 0, 0, NULL, "",
	  "for `nestlab grade`: a clone of Linux, in which the tag of each version is a base, too" },
	{ "RUNS", NUMBER, APART, F(runs), 0, 1000, "1", "", "of the reference, for `nestlab mutants`" },
	{ "V", NUMBER, APART, F(v), 0, 1, "0", "", "1: tell everything" },
	{ "NESTLAB_CACHE", PROCESS, APART, 0, 0, 0, "~/.cache/nestlab", "", "kernels, images, states" },
	{ "NESTLAB_ROOT", PROCESS, APART, 0, 0, 0, NULL, "", "the checkout, or what is installed: config/ and the rest; by default the one that the program belongs to" },
	{ "NESTLAB_RESULTS", PROCESS, APART, 0, 0, 0, NULL, "", "all runs' folders and their history, for another place than the checkout's results/" },
	{ "NESTLAB_RUN", PROCESS, APART, 0, 0, 0, NULL, "", "where sockets and the lock lie, for another place than /tmp" },
	{ "LIBVIRT_DEFAULT_URI", PROCESS, APART, 0, 0, 0, NULL, "", "a libvirt to use in place of a private one" },
};
_Static_assert(ARRAY_SIZE(table) <= KNOBS_MAX, "struct knobs has no room for their sources");

/* Those that take a name of a file there. */
static const struct {
	const char *folder, *name;
} folders[] = {
	{ "config/suites", "SUITE" },	       { "config/assignments", "ASSIGNMENT" },
	{ "config/lanes", "LANE" },	       { "config/kernels", "KERNEL" },
	{ "config/flavors", "KERNEL_FLAVOR" }, { "config/flavors", "GUEST_FLAVOR" },
	{ "config/kernels", "PROVISION_KERNEL" },
};

static const struct knob *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static void *field_of(const struct knobs *k, const struct knob *n)
{
	return (char *)k + n->offset;
}

static bool is_list(const struct knob *n)
{
	return n->type == WORDS || n->type == PATHS;
}

/* ---- names ---- */

static int unknown(const char *name, const char *where)
{
	const char *names[ARRAY_SIZE(table)], *near;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		names[i] = table[i].name;
	near = near_name(name, names, ARRAY_SIZE(names));
	if (near)
		return fail(OUT_USAGE, "%s%s: there is no such setting; did you mean %s?", name, where, near);
	return fail(OUT_USAGE, "%s%s: there is no such setting; `nestlab help` lists them", name, where);
}

/* ---- paths ---- */

char *knobs_path(const char *given)
{
	char real[PATH_MAX];
	_cleanup_free_ char *rooted = path_in_root(given);

	if (realpath(given, real) || realpath(rooted, real))
		return xstrdup(real);
	return NULL;
}

/*
 * One that is not there stays as it was given: whoever needs it tells so, in the user's own words.
 */
static char *path_value(const char *given)
{
	char *there = knobs_path(given), here[PATH_MAX];

	if (there || given[0] == '/' || !getcwd(here, sizeof(here)))
		return there ? there : xstrdup(given);
	return xstrdup(given);
}

/* "~/linux@v6.13": the part of a repository's path that is one. */
static char *ref_value(const char *given)
{
	const char *at = strrchr(given, '@');
	_cleanup_free_ char *dir = xstrndup(given, (size_t)(at - given)), *whole = path_value(dir);

	return strf("%s%s", whole, at);
}

/* A word that has neither is a name of something in config/. */
static char *named_value(const char *given)
{
	bool is_path = strchr(given, '/') || str_ends(given, ".conf");
	_cleanup_free_ char *whole = knobs_path(given);

	if (is_path && !whole && strchr(given, '@'))
		return ref_value(given);
	return is_path ? path_value(given) : xstrdup(given);
}

/*
 * One word, out of its quotes; a backslash takes the next character as it is. Moves *p behind it.
 */
static char *next_word(const char **p)
{
	_cleanup_buf_ struct buf b = { 0 };
	char quote = 0;

	for (; **p && (quote || !strchr(" \t", **p)); (*p)++) {
		if (quote ? **p == quote : **p == '\'' || **p == '"') {
			quote = quote ? 0 : **p;
			continue;
		}
		if (**p == '\\' && (*p)[1])
			(*p)++;
		buf_add(&b, *p, 1);
	}
	return xstrdup(buf_str(&b));
}

static void set_paths(struct strv *list, const char *value)
{
	_cleanup_free_ char *whole = knobs_path(value);

	strv_free(list);
	if (whole) { /* "my patches/one.patch" */
		strv_add(list, whole);
		return;
	}
	while (*(value += strspn(value, " \t"))) {
		_cleanup_free_ char *word = next_word(&value), *path = path_value(word);

		strv_add(list, path);
	}
}

/* ---- values ---- */

static int set_number(uint32_t *field, const struct knob *k, const char *value)
{
	uint64_t n;

	if (!parse_u64(value, &n) || n < k->min || n > k->max)
		return fail(OUT_USAGE, "%s=%s: want a whole number from %llu to %llu", k->name, value,
			    (unsigned long long)k->min, (unsigned long long)k->max);
	*field = (uint32_t)n;
	return 0;
}

static void set_string(char **field, char *value)
{
	free(*field);
	*field = value;
}

static int set_value(struct knobs *k, const struct knob *n, const char *value)
{
	void *field = field_of(k, n);

	switch (n->type) {
	case WORD:
		set_string(field, xstrdup(value));
		break;
	case NAMED:
		set_string(field, named_value(value));
		break;
	case PATH:
		set_string(field, path_value(value));
		break;
	case WORDS:
		strv_free(field);
		strv_split(field, value, " ,\t");
		break;
	case PATHS:
		set_paths(field, value);
		break;
	case NUMBER:
		return set_number(field, n, value);
	case PROCESS:
		break;
	}
	return 0;
}

static int set_from(struct knobs *k, const struct knob *n, const char *value,
		    enum knob_source source)
{
	k->source[n - table] = source;
	if (*value || n->type == PROCESS)
		return set_value(k, n, value);
	/* PATCH= takes away what the environment or the file had. */
	if (is_list(n))
		strv_free(field_of(k, n));
	else if (n->type != NUMBER)
		str_set(field_of(k, n), n->fallback);
	else
		return set_value(k, n, n->fallback);
	return 0;
}

int knobs_without_suite(const struct knobs *k, const char *verb)
{
	return k->suite ? fail(OUT_USAGE, "SUITE=%s: `nestlab %s` knows the lab's own tests alone; `nestlab test` runs suites", k->suite, verb)
			: 0;
}

int knobs_set(struct knobs *k, const char *name, const char *value)
{
	const struct knob *n = find(name);

	return n ? set_from(k, n, value, KNOB_FROM_COMMAND) : unknown(name, "");
}

/* ---- the files of defaults: each knob by its name in small letters ---- */

struct file {
	char names[ARRAY_SIZE(table)][24];
	struct conf_key keys[ARRAY_SIZE(table)];
	struct strv values[ARRAY_SIZE(table)];
	size_t n;
};

static void describe_file(struct file *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].type == PROCESS)
			continue;
		for (size_t c = 0; table[i].name[c]; c++)
			f->names[i][c] = (char)tolower((unsigned char)table[i].name[c]);
		f->keys[f->n++] = (struct conf_key){ "lab", f->names[i], CONF_LINES,
						     offsetof(struct file, values[i]), 0, 0 };
	}
}

static int take_file(struct knobs *k, struct file *f, const char *path)
{
	int ret = conf_load(path, f->keys, f->n, f);

	for (size_t i = 0; !ret && i < ARRAY_SIZE(table); i++)
		if (f->values[i].n) {
			ret = set_from(k, &table[i], f->values[i].v[f->values[i].n - 1],
				       KNOB_FROM_FILE);
			if (ret)
				fail_prefix("%s", path);
		}
	return ret;
}

static int from_one_file(struct knobs *k, const char *path)
{
	struct file f = { .n = 0 };
	int ret;

	describe_file(&f);
	ret = take_file(k, &f, path);
	conf_free(f.keys, f.n, &f);
	return ret;
}

static int from_files(struct knobs *k)
{
	_cleanup_strv_ struct strv paths = { 0 };
	int ret = 0;

	path_confs(&paths);
	for (size_t i = 0; !ret && i < paths.n; i++)
		ret = from_one_file(k, paths.v[i]);
	return ret;
}

/* ---- the command line and the environment ---- */

static struct strv given; /* NAME=VALUE */

static size_t name_length(const char *arg)
{
	size_t n = strspn(arg, CAPITALS);

	return n && arg[n] == '=' ? n : 0;
}

static void take_argument(const char *arg)
{
	size_t n = name_length(arg);
	_cleanup_free_ char *name = xstrndup(arg, n);
	const struct knob *k = find(name);

	strv_add(&given, arg);
	if (k && k->type == PROCESS)
		setenv(name, arg + n + 1, 1);
}

int knobs_take(int argc, char **argv, int stop)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (i >= stop || !strcmp(argv[i], "--"))
			stop = i;
		if (i < stop && name_length(argv[i]))
			take_argument(argv[i]);
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

/* Names that make's command line set; their values came along in the environment. */
static void make_given(struct strv *names)
{
	const char *text = getenv("NESTLAB_MAKE_GIVEN");

	strv_split(names, text ? text : "", " ");
}

int knobs_check(void)
{
	_cleanup_strv_ struct strv of_make = { 0 };

	make_given(&of_make);
	for (size_t i = 0; i < of_make.n; i++)
		if (!find(of_make.v[i]))
			return unknown(of_make.v[i], "=");
	for (size_t i = 0; i < given.n; i++) {
		size_t n = name_length(given.v[i]);
		_cleanup_free_ char *name = xstrndup(given.v[i], n);

		if (!find(name))
			return unknown(name, given.v[i] + n);
	}
	return 0;
}

bool knobs_verbose(void)
{
	const char *v = getenv("V");

	for (size_t i = 0; i < given.n; i++)
		if (str_starts(given.v[i], "V="))
			v = given.v[i] + 2;
	return v && !strcmp(v, "1");
}

static int from_environment(struct knobs *k)
{
	_cleanup_strv_ struct strv of_make = { 0 };
	int ret = 0;

	make_given(&of_make);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(table); i++) {
		const char *value = table[i].type == PROCESS ? NULL : getenv(table[i].name);
		bool by_make = strv_has(&of_make, table[i].name);

		if (value && (*value || by_make))
			ret = set_from(k, &table[i], value,
				       by_make ? KNOB_FROM_COMMAND : KNOB_FROM_ENVIRONMENT);
	}
	return ret;
}

static int from_command(struct knobs *k)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < given.n; i++) {
		size_t n = name_length(given.v[i]);
		_cleanup_free_ char *name = xstrndup(given.v[i], n);

		ret = knobs_set(k, name, given.v[i] + n + 1);
	}
	return ret;
}

static int from_table(struct knobs *k)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(table); i++)
		if (table[i].fallback && table[i].type != PROCESS)
			ret = set_from(k, &table[i], table[i].fallback, KNOB_FROM_TABLE);
	return ret;
}

int knobs_load(struct knobs *k)
{
	int ret;

	*k = (struct knobs){ 0 };
	ret = from_table(k);
	if (!ret)
		ret = from_files(k);
	if (!ret)
		ret = knobs_check();
	if (!ret)
		ret = from_environment(k);
	return ret ? ret : from_command(k);
}

/* ---- the struct ---- */

void knobs_copy(struct knobs *to, const struct knobs *from)
{
	*to = *from;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		void *a = field_of(to, &table[i]);
		const void *b = field_of(from, &table[i]);

		if (is_list(&table[i])) {
			const struct strv *list = b;

			*(struct strv *)a = (struct strv){ 0 };
			for (size_t n = 0; n < list->n; n++)
				strv_add(a, list->v[n]);
		} else if (table[i].type != NUMBER && table[i].type != PROCESS) {
			const char *text = *(char *const *)b;

			*(char **)a = text ? xstrdup(text) : NULL;
		}
	}
}

void knobs_free(struct knobs *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (is_list(&table[i]))
			strv_free(field_of(k, &table[i]));
		else if (table[i].type != NUMBER && table[i].type != PROCESS)
			str_set(field_of(k, &table[i]), NULL);
	}
}

void knobs_quote(struct buf *b, const char *word)
{
	for (; *word; word++)
		buf_printf(b, "%s%c", strchr(" \t'\"\\", *word) ? "\\" : "", *word);
}

static char *list_text(const struct strv *list, bool quoted)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < list->n; i++) {
		buf_puts(&b, i ? " " : "");
		if (quoted)
			knobs_quote(&b, list->v[i]);
		else
			buf_puts(&b, list->v[i]);
	}
	return xstrdup(buf_str(&b));
}

static char *text_of(const struct knobs *k, const struct knob *n)
{
	const void *field = field_of(k, n);
	const char *set;

	if (is_list(n))
		return list_text(field, n->type == PATHS);
	if (n->type == NUMBER)
		return strf("%u", *(const uint32_t *)field);
	set = n->type == PROCESS ? getenv(n->name) : *(char *const *)field;
	return xstrdup(set ? set : "");
}

char *knobs_text(const struct knobs *k, const char *name)
{
	const struct knob *n = find(name);

	return n ? text_of(k, n) : NULL;
}

enum knob_source knobs_source(const struct knobs *k, const char *name)
{
	const struct knob *n = find(name);

	return n ? k->source[n - table] : KNOB_FROM_TABLE;
}

int knobs_default(struct knobs *k, const char *name, const char *value)
{
	return knobs_source(k, name) == KNOB_FROM_TABLE ? knobs_set(k, name, value) : 0;
}

void knobs_each_asked(void (*look)(void *ctx, const char *name), void *ctx)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].part == ASKED)
			look(ctx, table[i].name);
}

char *knobs_of_environment(const struct knobs *k)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_free_ char *text = text_of(k, &table[i]);

		if (k->source[i] == KNOB_FROM_ENVIRONMENT)
			buf_printf(&b, "%s%s=%s", b.len ? " " : "", table[i].name, text);
	}
	return b.len ? xstrdup(buf_str(&b)) : NULL;
}

static const char *folder_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (!strcmp(folders[i].name, name))
			return folders[i].folder;
	return NULL;
}

bool knobs_nth(size_t i, struct knob_told *to)
{
	const struct knob *k = &table[i];

	if (i >= ARRAY_SIZE(table))
		return false;
	*to = (struct knob_told){ .name = k->name, .help = k->help, .unit = k->unit };
	to->fallback = k->fallback;
	to->folder = folder_of(k->name);
	to->min = k->min;
	to->max = k->max;
	to->number = k->type == NUMBER;
	to->path = k->type == PATH || k->type == PATHS;
	to->process = k->type == PROCESS;
	to->asked = k->part == ASKED;
	return true;
}

char *knobs_range(const struct knob_told *k)
{
	if (k->number)
		return strf(" [%llu to %llu%s%s, default %s]", (unsigned long long)k->min, (unsigned long long)k->max,
			    *k->unit ? " " : "", k->unit, k->fallback);
	return k->fallback ? strf(" [default %s]", k->fallback) : xstrdup("");
}

static bool has_word(const struct strv *words, const char *sign, const char *name)
{
	_cleanup_free_ char *word = strf("%s%s", sign, name);

	return strv_has(words, word);
}

bool knobs_heeds(const char *settings, const struct knob_told *k)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, settings, " ");
	if (has_word(&words, "-", k->name))
		return false;
	return has_word(&words, "", k->name) || (k->asked && strv_has(&words, KNOBS_ASKED));
}

bool knobs_everywhere(const struct knob_told *k)
{
	return k->process || !strcmp(k->name, "V");
}

/* A short word is near to all of them; one that has no sign of a setting's must be one's name. */
const char *knobs_near(const char *word)
{
	const char *names[ARRAY_SIZE(table)], *found;
	_cleanup_free_ char *name = xstrdup(word + strspn(word, "-"));

	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	name[strcspn(name, "=")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		names[i] = table[i].name;
	found = near_name(name, names, ARRAY_SIZE(names));
	if (strlen(name) < 3 || !found)
		return NULL;
	return strpbrk(word, "-=") || near_distance(name, found) < 2 ? found : NULL;
}
