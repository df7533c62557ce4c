// SPDX-License-Identifier: GPL-2.0-only
#include "plan/assignment.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"

#define FOLDER "config/assignments"

const char *const leaf_role_names[LEAF_ROLES] = {
	"total_exits",
	"total_cycles",
	"type_exits",
	"type_cycles",
};

#define KEY(section, name, type, field)                                                            \
	{                                                                                          \
		section, name, type, offsetof(struct assignment, field), 0, 0                      \
	}
#define LEAF(name, role)                                                                           \
	{                                                                                          \
		"cpuid", name, CONF_U32, offsetof(struct assignment, leaf[role]), 0, 0             \
	}

#define POINTS(name, field)                                                                        \
	{                                                                                          \
		"rubric", name, CONF_U32, offsetof(struct assignment, field), 0, 100               \
	}

static const struct conf_key keys[] = {
	KEY("assignment", "title", CONF_STR, title),
	KEY("assignment", "summary", CONF_STR, summary),
	KEY("assignment", "lane", CONF_STR, lane),
	KEY("assignment", "variant_of", CONF_STR, variant_of),
	KEY("numbers", "hypercall", CONF_U32, hypercall),
	KEY("numbers", "syscall", CONF_U32, syscall),
	LEAF("total_exits", LEAF_TOTAL_EXITS),
	LEAF("total_cycles", LEAF_TOTAL_CYCLES),
	LEAF("type_exits", LEAF_TYPE_EXITS),
	LEAF("type_cycles", LEAF_TYPE_CYCLES),
	KEY("cpuid", "free", CONF_LIST, free_leaves),
	KEY("cpuid", "eax_alone", CONF_LIST, eax_alone),
	KEY("trace", "vcpu_id", CONF_LINES, spelling.vcpu_id),
	KEY("trace", "pid", CONF_LINES, spelling.pid),
	KEY("trace", "num_exits", CONF_LINES, spelling.num_exits),
	KEY("trace", "register", CONF_LINES, spelling.registers),
	KEY("trace", "ignore", CONF_LINES, spelling.ignore),
	KEY("trace", "number_base", CONF_STR, spelling.number_base),
	KEY("trace", "register_base", CONF_STR, spelling.register_base),
	KEY("trace.registers", "*", CONF_LINES, spelling.named),
	{ "monitor", "memory", CONF_U32, offsetof(struct assignment, interface.memory), 4096, 1u << 30 },
	KEY("monitor", "wrong", CONF_STR, interface.wrong),
	KEY("monitor", "invalid", CONF_STR, interface.invalid),
	KEY("monitor", "promises", CONF_STR, interface.promises),
	KEY("options", "*", CONF_LINES, interface.options),
	KEY("ports", "*", CONF_LINES, interface.ports),
	KEY("ports.real", "*", CONF_LINES, interface.mode_ports[MODE_REAL]),
	KEY("ports.protected", "*", CONF_LINES, interface.mode_ports[MODE_PROTECTED]),
	KEY("ports.paged", "*", CONF_LINES, interface.mode_ports[MODE_PAGED]),
	KEY("ports.long", "*", CONF_LINES, interface.mode_ports[MODE_LONG]),
	KEY("texts", "*", CONF_LINES, interface.texts),
	KEY("tests", "*", CONF_LINES, test_items),
	POINTS("build_error", rubric.build_error),
	POINTS("crash_at_most", rubric.crash_at_most),
	POINTS("late_per_day", rubric.late_per_day),
	POINTS("late_at_most", rubric.late_at_most),
	KEY("rubric", "partial", CONF_STR, rubric.partial),
	KEY("rubric", "fastpath", CONF_STR, rubric.fastpath),
	KEY("rubric.checks", "*", CONF_LINES, rubric.checks),
	KEY("rubric.caps", "*", CONF_LINES, rubric.caps),
	KEY("rubric.needs", "*", CONF_LINES, rubric.needs),
	KEY("rubric.bonus", "*", CONF_LINES, rubric.bonus),
	KEY("rubric.visibility", "*", CONF_LINES, rubric.visibility),
};

/* "vcpu-info" -> the file in config/assignments/; anything that ends in .conf is a path. */
static char *file_of(const char *name)
{
	_cleanup_free_ char *relative = strf(FOLDER "/%s.conf", name);

	return str_ends(name, ".conf") ? xstrdup(name) : path_in_root(relative);
}

static int add_test(struct assignment *a, const char *item)
{
	const char *equals = strrchr(item, '=');
	struct assignment_test *t;
	uint64_t weight;

	if (!parse_u64(equals + 1, &weight))
		return fail(OUT_USAGE, "%s: the weight in [tests] '%s' is not a whole number",
			    a->path, item);
	a->tests = xrealloc(a->tests, a->n_tests + 1, sizeof(*a->tests));
	t = &a->tests[a->n_tests++];
	t->name = xstrndup(item, (size_t)(equals - item));
	t->weight = weight;
	return 0;
}

/* Of one that names none: its original's, with their weights. */
static int take_tests(struct assignment *a)
{
	_cleanup_free_ char *path = file_of(a->variant_of);
	struct assignment original = { 0 };
	int ret = conf_load(path, keys, ARRAY_SIZE(keys), &original);

	strv_free(&a->test_items);
	a->test_items = original.test_items;
	original.test_items = (struct strv){ 0 };
	conf_free(keys, ARRAY_SIZE(keys), &original);
	return ret ? fail_prefix("%s: it is a variant_of = %s", a->path, a->variant_of) : 0;
}

static int add_tests(struct assignment *a)
{
	int ret = a->variant_of && !a->test_items.n ? take_tests(a) : 0;

	for (size_t i = 0; i < a->test_items.n && !ret; i++)
		ret = add_test(a, a->test_items.v[i]);
	if (!ret && !a->n_tests)
		ret = fail(OUT_USAGE, "%s: [tests] names no test", a->path);
	return ret;
}

static int make_contract(struct assignment *a)
{
	const struct trace_spelling *s = &a->spelling;

	if (!s->vcpu_id.n && !s->pid.n && !s->num_exits.n && !s->registers.n && !s->named.n)
		return 0;
	return trace_contract_new(a->path, s, &a->trace);
}

/* A variant is its original with other numbers; what it does not say it does not have. */
bool assignment_is(const struct assignment *a, const char *name)
{
	return !strcmp(a->name, name) || (a->variant_of && !strcmp(a->variant_of, name));
}

bool assignment_wants_monitor(const struct assignment *a)
{
	return a->interface.options.n;
}

bool assignment_lists(const struct assignment *a, const char *test)
{
	for (size_t i = 0; i < a->n_tests; i++)
		if (!strcmp(a->tests[i].name, test))
			return true;
	return false;
}

bool assignment_has_leaf(const struct assignment *a, uint32_t leaf)
{
	for (size_t i = 0; i < LEAF_ROLES; i++)
		if (a->leaf[i] && a->leaf[i] == leaf)
			return true;
	return false;
}

static bool has_number(const struct strv *list, uint32_t leaf)
{
	for (size_t i = 0; i < list->n; i++)
		if (strtoul(list->v[i], NULL, 0) == leaf)
			return true;
	return false;
}

bool assignment_frees_leaf(const struct assignment *a, uint32_t leaf)
{
	return has_number(&a->free_leaves, leaf);
}

bool assignment_wants_eax_alone(const struct assignment *a, enum leaf_role role)
{
	return a->leaf[role] && has_number(&a->eax_alone, a->leaf[role]);
}

/* Cycles are in ebx and ecx, so that such a leaf has only exits. */
static int check_eax_alone(const struct assignment *a)
{
	for (size_t i = 0; i < a->eax_alone.n; i++) {
		uint32_t leaf = (uint32_t)strtoul(a->eax_alone.v[i], NULL, 0);

		if ((leaf != a->leaf[LEAF_TOTAL_EXITS] && leaf != a->leaf[LEAF_TYPE_EXITS]) ||
		    leaf == a->leaf[LEAF_TOTAL_CYCLES] || leaf == a->leaf[LEAF_TYPE_CYCLES])
			return fail(OUT_USAGE, "%s: eax_alone = %s is no leaf that has exits and no cycles",
				    a->path, a->eax_alone.v[i]);
	}
	return 0;
}

static void name_file(struct assignment *a, const char *name)
{
	const char *base = path_last(name);

	a->path = file_of(name);
	a->name = str_ends(name, ".conf") ? xstrndup(base, strlen(base) - strlen(".conf")) : xstrdup(name);
}

static void hash_lines(const char *name, struct hash *h)
{
	_cleanup_free_ char *path = file_of(name), *section = xstrdup("");
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	if (file_read(path, &text)) {
		hash_add_str(h, "assignment", name);
		return;
	}
	strv_split(&lines, buf_str(&text), "\r\n");
	for (size_t i = 0; i < lines.n; i++) {
		char *line = str_strip(lines.v[i]);

		if (*line == '[')
			str_set(&section, line);
		if (*line == '#' || *line == ';' || str_starts(section, "[rubric"))
			continue;
		if (!strcmp(section, "[tests]")) /* without its weight */
			line[strcspn(line, "=")] = '\0';
		hash_add_str(h, "line", line);
	}
}

void assignment_hash(const char *name, struct hash *h)
{
	_cleanup_free_ char *path = file_of(name);
	struct assignment a = { 0 };

	hash_lines(name, h);
	if (!conf_load(path, keys, ARRAY_SIZE(keys), &a) && a.variant_of)
		hash_lines(a.variant_of, h);
	fail_clear(); /* who loads it tells */
	conf_free(keys, ARRAY_SIZE(keys), &a);
}

int assignment_load(const char *name, struct assignment **out)
{
	struct assignment *a = xcalloc(1, sizeof(*a));
	int ret;

	a->rubric.crash_at_most = a->rubric.late_at_most = 100;
	name_file(a, name);
	if (!path_exists(a->path))
		ret = near_fail_in("there is no assignment", name, FOLDER, NULL);
	else
		ret = conf_load(a->path, keys, ARRAY_SIZE(keys), a);
	if (!ret)
		ret = add_tests(a);
	if (!ret)
		ret = check_eax_alone(a);
	if (!ret)
		ret = make_contract(a);
	if (ret) {
		assignment_free(a);
		return ret;
	}
	*out = a;
	return 0;
}

void assignment_free(struct assignment *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_tests; i++)
		free(a->tests[i].name);
	free(a->tests);
	trace_contract_free(a->trace);
	conf_free(keys, ARRAY_SIZE(keys), a);
	free(a->name);
	free(a->path);
	free(a);
}

static void add_number(struct strv *env, const char *prefix, const char *name, uint32_t value)
{
	_cleanup_free_ char *upper = strf("%s%s", prefix, name);

	if (!value)
		return;
	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	strv_addf(env, "%s=0x%" PRIx32, upper, value);
}

void assignment_env(const struct assignment *a, struct strv *env)
{
	strv_add(env, "NESTLAB=1");
	if (!a)
		return;
	add_number(env, "NESTLAB_", "syscall", a->syscall);
	add_number(env, "NESTLAB_", "hypercall", a->hypercall);
	for (size_t i = 0; i < LEAF_ROLES; i++)
		add_number(env, "NESTLAB_LEAF_", leaf_role_names[i], a->leaf[i]);
	if (assignment_wants_eax_alone(a, LEAF_TOTAL_EXITS))
		strv_add(env, "NESTLAB_EXITS_IN_EAX_ALONE=1");
}
