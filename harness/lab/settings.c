// SPDX-License-Identifier: GPL-2.0-only
#include "lab/settings.h"

#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/outcome.h"
#include "core/paths.h"

#define FIELD(f) offsetof(struct settings, f)

/* One table for both: the file's key, and the environment's name for it. */
static const struct {
	struct conf_key key;
	const char *env;
} knobs[] = {
	{ { "lab", "lane", CONF_STR, FIELD(lane), 0, 0 }, "LANE" },
	{ { "lab", "kernel", CONF_STR, FIELD(kernel), 0, 0 }, "KERNEL" },
	{ { "lab", "assignment", CONF_STR, FIELD(assignment), 0, 0 }, "ASSIGNMENT" },
	{ { "lab", "kernel_flavor", CONF_STR, FIELD(flavor), 0, 0 }, "KERNEL_FLAVOR" },
	{ { "lab", "patch", CONF_LIST, FIELD(patches), 0, 0 }, "PATCH" },
	{ { "lab", "guest_patch", CONF_LIST, FIELD(guest_patches), 0, 0 }, "GUEST_PATCH" },
	{ { "lab", "monitor", CONF_STR, FIELD(monitor), 0, 0 }, "MONITOR" },
	{ { "lab", "provision_kernel", CONF_STR, FIELD(provision_kernel), 0, 0 }, NULL },
	{ { "lab", "base_image", CONF_STR, FIELD(base_image), 0, 0 }, "BASE_IMAGE" },
	{ { "lab", "tests", CONF_LIST, FIELD(tests), 0, 0 }, "TESTS" },
	{ { "lab", "l1_cpus", CONF_U32, FIELD(l1_cpus), 1, 64 }, "L1_CPUS" },
	{ { "lab", "l2_cpus", CONF_U32, FIELD(l2_cpus), 1, 8 }, "L2_CPUS" },
	{ { "lab", "l1_memory", CONF_U32, FIELD(l1_memory), 768, 1 << 20 }, "L1_MEMORY" },
	{ { "lab", "l2_memory", CONF_U32, FIELD(l2_memory), 64, 1 << 20 }, "L2_MEMORY" },
	{ { "lab", "nested_paging", CONF_U32, FIELD(nested_paging), 0, 1 }, "NESTED_PAGING" },
	{ { "lab", "save_lab", CONF_U32, FIELD(save_lab), 0, 1 }, "SAVE_LAB" },
	{ { "lab", "effort", CONF_U32, FIELD(effort), 1, 1000 }, "EFFORT" },
	{ { "results", "keep_runs", CONF_U32, FIELD(keep_runs), 1, 1 << 20 }, "KEEP_RUNS" },
};

static int set_number(uint32_t *field, const struct conf_key *k, const char *env, const char *value)
{
	uint64_t n;

	if (!parse_u64(value, &n) || n < k->min || n > k->max)
		return fail(OUT_USAGE, "%s=%s: want a whole number from %llu to %llu", env, value,
			    (unsigned long long)k->min, (unsigned long long)k->max);
	*field = (uint32_t)n;
	return 0;
}

static int from_environment(struct settings *s, size_t i)
{
	const char *value = knobs[i].env ? getenv(knobs[i].env) : NULL;
	const struct conf_key *k = &knobs[i].key;
	void *field = (char *)s + k->offset;

	if (!value || !*value)
		return 0;
	if (k->type == CONF_U32)
		return set_number(field, k, knobs[i].env, value);
	if (k->type == CONF_STR) {
		str_set(field, value);
		return 0;
	}
	strv_free(field);
	strv_split(field, value, " ,\t");
	return 0;
}

static void key_table(struct conf_key *keys)
{
	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++)
		keys[i] = knobs[i].key;
}

int settings_load(struct settings *s)
{
	_cleanup_free_ char *path = path_in_root("config/defaults.conf");
	struct conf_key keys[ARRAY_SIZE(knobs)];
	int ret;

	key_table(keys);
	ret = conf_load(path, keys, ARRAY_SIZE(keys), s);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(knobs); i++)
		ret = from_environment(s, i);
	/* More vCPUs in L2 than in L1 starve each other under emulation: L1 hung with 4 on 2. */
	if (s->l1_cpus < s->l2_cpus)
		s->l1_cpus = s->l2_cpus;
	return ret;
}

void settings_free(struct settings *s)
{
	struct conf_key keys[ARRAY_SIZE(knobs)];

	key_table(keys);
	conf_free(keys, ARRAY_SIZE(keys), s);
}
