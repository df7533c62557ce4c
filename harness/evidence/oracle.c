// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/oracle.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/outcome.h"

static void json_free_p(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ __attribute__((cleanup(json_free_p)))

/* The list in a reply. Borrowed from *reply, which the caller releases. */
static json_t *reply_list(const char *command, const char *text, json_t **reply)
{
	json_error_t error;
	json_t *list;

	*reply = json_loads(text, 0, &error);
	list = json_is_object(*reply) ? json_object_get(*reply, "return") : *reply;
	if (json_is_array(list))
		return list;
	fail(OUT_BROKEN, "QEMU's reply to %s holds no list: %.200s", command, text);
	return NULL;
}

static bool get_u64(const json_t *object, const char *key, uint64_t *value)
{
	const json_t *j = json_object_get(object, key);

	if (!json_is_integer(j) || json_integer_value(j) < 0)
		return false;
	*value = (uint64_t)json_integer_value(j);
	return true;
}

static const char *qom_path(const json_t *object)
{
	const char *path = json_string_value(json_object_get(object, "qom-path"));

	return path ? path : "";
}

static int add_cpu(struct oracle *o, const json_t *cpu)
{
	struct oracle_vcpu *v = &o->vcpus[o->n_vcpus];

	if (o->n_vcpus == ORACLE_MAX_VCPUS)
		return fail(OUT_BROKEN, "L2 has more than %d vCPUs", ORACLE_MAX_VCPUS);
	*v = (struct oracle_vcpu){ 0 };
	if (!get_u64(cpu, "cpu-index", &v->vcpu_id) || !get_u64(cpu, "thread-id", &v->thread_id))
		return fail(OUT_BROKEN, "QEMU's query-cpus-fast tells no cpu-index or thread-id");
	v->has_thread = true;
	o->n_vcpus++;
	return 0;
}

static bool find_exits(const json_t *entry, uint64_t *exits)
{
	size_t i;
	json_t *stat;

	json_array_foreach(json_object_get(entry, "stats"), i, stat)
	{
		const char *name = json_string_value(json_object_get(stat, "name"));

		if (name && !strcmp(name, "exits"))
			return get_u64(stat, "value", exits);
	}
	return false;
}

/* Statistics name a vCPU by its object's path, as query-cpus-fast does. */
static void add_exits(struct oracle *o, const json_t *cpus, const json_t *entry)
{
	const char *path = qom_path(entry);
	uint64_t exits;
	json_t *cpu;
	size_t i;

	if (!find_exits(entry, &exits))
		return;
	json_array_foreach(cpus, i, cpu)
	{
		if (strcmp(qom_path(cpu), path) != 0)
			continue;
		o->vcpus[i].exits = exits;
		o->vcpus[i].has_exits = true;
	}
}

static int parse_stats(struct oracle *o, const json_t *cpus, const char *stats)
{
	_cleanup_json_ json_t *reply = NULL;
	const json_t *list = reply_list("query-stats", stats, &reply);
	json_t *entry;
	size_t i;

	if (!list)
		return -OUT_BROKEN;
	json_array_foreach(list, i, entry) add_exits(o, cpus, entry);
	return 0;
}

int oracle_parse(const char *cpus, const char *stats, struct oracle *o)
{
	_cleanup_json_ json_t *reply = NULL;
	const json_t *list = reply_list("query-cpus-fast", cpus, &reply);
	json_t *cpu;
	size_t i;
	int ret = 0;

	o->valid = false;
	o->n_vcpus = 0;
	if (!list)
		return -OUT_BROKEN;
	json_array_foreach(list, i, cpu)
	{
		ret = add_cpu(o, cpu);
		if (ret)
			return ret;
	}
	if (stats)
		ret = parse_stats(o, list, stats);
	o->valid = !ret && o->n_vcpus > 0;
	return ret;
}

static bool add_reason(struct oracle *o, const char *line)
{
	struct oracle_reason r;

	if (sscanf(line, "{ exit_reason: %" SCNu64 " } hitcount: %" SCNu64, &r.reason, &r.exits) !=
	    2)
		return true; /* a comment, or a total */
	if (o->n_reasons == ORACLE_MAX_REASONS)
		return false;
	o->reasons[o->n_reasons++] = r;
	return true;
}

bool oracle_parse_reasons(const char *hist, struct oracle *o)
{
	const char *dropped = strstr(hist, "Dropped: ");
	bool ok = dropped && dropped[strlen("Dropped: ")] == '0';

	o->n_reasons = 0;
	for (const char *line = hist; line && ok; line = strchr(line, '\n')) {
		line += *line == '\n';
		ok = add_reason(o, line);
	}
	o->has_reasons = ok;
	return ok;
}

void oracle_parse_pids(const char *text, struct oracle *o)
{
	for (const char *at = text; (at = strstr(at, "/vcpu")); at++) {
		uint64_t id, pid;

		if (sscanf(at, "/vcpu%" SCNu64 "/pid:%" SCNu64, &id, &pid) != 2)
			continue;
		for (size_t i = 0; i < o->n_vcpus; i++)
			if (o->vcpus[i].vcpu_id == id) {
				o->vcpus[i].has_debugfs_pid = true;
				o->vcpus[i].debugfs_pid = pid;
			}
	}
}

uint64_t oracle_exits_with_reason(const struct oracle *o, uint64_t reason)
{
	for (size_t i = 0; i < o->n_reasons; i++)
		if (o->reasons[i].reason == reason)
			return o->reasons[i].exits;
	return 0;
}

uint64_t oracle_fastpath_exits(const struct oracle *o, bool intel)
{
	/* EXIT_REASON_PREEMPTION_TIMER, EXIT_REASON_MSR_WRITE; SVM_EXIT_MSR */
	return intel ? oracle_exits_with_reason(o, 52) + oracle_exits_with_reason(o, 32)
		     : oracle_exits_with_reason(o, 0x7c);
}

uint64_t oracle_total_reasons(const struct oracle *o)
{
	uint64_t total = 0;

	for (size_t i = 0; i < o->n_reasons; i++)
		total += o->reasons[i].exits;
	return total;
}

const struct oracle_vcpu *oracle_vcpu(const struct oracle *o, uint64_t vcpu_id)
{
	for (size_t i = 0; i < o->n_vcpus; i++)
		if (o->vcpus[i].vcpu_id == vcpu_id)
			return &o->vcpus[i];
	return NULL;
}

uint64_t oracle_total_exits(const struct oracle *o)
{
	uint64_t total = 0;

	for (size_t i = 0; i < o->n_vcpus; i++)
		total += o->vcpus[i].has_exits ? o->vcpus[i].exits : 0;
	return total;
}

bool oracle_has_all_exits(const struct oracle *o)
{
	for (size_t i = 0; i < o->n_vcpus; i++)
		if (!o->vcpus[i].has_exits)
			return false;
	return o->valid && o->n_vcpus > 0;
}
