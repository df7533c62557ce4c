// SPDX-License-Identifier: GPL-2.0-only
/* What is asked of a lab that runs: how fast its agents answer and take bytes, and its memory. */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "lab/lab.h"

#define DEADLINE_S 1800
#define ROUNDS 40
#define PUT_MIB 4
#define PUT_PATH "/run/nestlab-bench"
#define ANSWER_S 20

struct inside {
	struct samples trip[LAB_LEVELS], put[LAB_LEVELS], memory;
};

static int ask_often(struct level *l, struct samples *s)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < ROUNDS; i++) {
		uint64_t start = now_ns(), level_ns;

		ret = channel_time(l->channel, &level_ns, level_ms(l, ANSWER_S));
		if (!ret)
			samples_add(s, (double)(now_ns() - start) / 1e3);
	}
	return ret;
}

static int put(struct level *l, struct samples *s)
{
	_cleanup_free_ char *data = xcalloc(PUT_MIB, 1 << 20);
	uint64_t start = now_ns();
	int ret = channel_put(l->channel, PUT_PATH, 0600, data, (size_t)PUT_MIB << 20,
			      level_ms(l, ANSWER_S));

	if (!ret)
		samples_add(s, PUT_MIB * 1e9 / (double)(now_ns() - start));
	return ret;
}

static int ask_levels(struct lab *lab, struct inside *in)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < LAB_LEVELS; i++) {
		struct level *l = &lab->levels[i];

		ret = l->channel ? 0 : level_open_channel(l, ANSWER_S);
		if (!ret)
			ret = ask_often(l, &in->trip[i]);
		if (!ret)
			ret = put(l, &in->put[i]);
	}
	return ret;
}

/* ---- memory ---- */

/* Where libvirt keeps QEMU's pid: root's, a user's. */
static int read_pid(uint64_t *pid)
{
	static const char *const files[] = { "run/qemu/nestlab-l1.pid", "xdg/libvirt/qemu/run/nestlab-l1.pid" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = strf("%s/%s", path_run(), files[i]);
		_cleanup_buf_ struct buf b = { 0 };

		if (!file_read(path, &b) && b.len && parse_u64(str_strip(b.data), pid))
			return 0;
	}
	return fail(OUT_BROKEN, "the pid of L1's QEMU is not in %s/%s", path_run(), files[0]);
}

static int add_memory(struct samples *s)
{
	static const char key[] = "VmRSS:";
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf b = { 0 };
	const char *line;
	uint64_t pid;
	int ret = read_pid(&pid);

	if (ret)
		return ret;
	path = strf("/proc/%llu/status", (unsigned long long)pid);
	line = file_read(path, &b) ? NULL : strstr(buf_str(&b), key);
	if (!line)
		return fail(OUT_BROKEN, "%s does not tell the memory of L1's QEMU", path);
	samples_add(s, strtod(line + strlen(key), NULL) / 1024);
	return 0;
}

/* ---- the whole ---- */

static int look_inside(const struct bench_run *r, struct inside *in)
{
	struct lab lab;
	int ret = lab_join(&lab, r->place, true);

	if (!ret)
		ret = ask_levels(&lab, in);
	if (!ret)
		ret = add_memory(&in->memory);
	lab_close(&lab, true);
	return ret;
}

static int with_lab(struct bench_run *r, const struct bench *b, struct inside *in)
{
	int ret = bench_call(r, b->command, DEADLINE_S), err;

	if (ret)
		return ret;
	ret = look_inside(r, in);
	err = bench_call(r, b->cleanup, DEADLINE_S);
	return ret ? ret : err;
}

static int add_inside(struct bench_run *r, const struct bench *b, struct inside *in)
{
	int ret = bench_add_part(r, b, "memory of L1's QEMU", "MiB", &in->memory);

	for (size_t i = 0; !ret && i < LAB_LEVELS; i++) {
		_cleanup_free_ char *trip = strf("question and answer, L%zu", i + 1);
		_cleanup_free_ char *bytes = strf("%d MiB to a file in L%zu", PUT_MIB, i + 1);

		ret = bench_add_part(r, b, trip, "us", &in->trip[i]);
		if (!ret)
			ret = bench_add_part(r, b, bytes, "MiB/s", &in->put[i]);
	}
	return ret;
}

static int run_inside(struct bench_run *r, const struct bench *b)
{
	struct inside in = { 0 };
	int ret = bench_call(r, b->cleanup, DEADLINE_S);

	for (unsigned int n = bench_values(r, b); !ret && n; n--)
		ret = with_lab(r, b, &in);
	if (!ret)
		ret = add_inside(r, b, &in);
	for (size_t i = 0; i < LAB_LEVELS; i++) {
		samples_free(&in.trip[i]);
		samples_free(&in.put[i]);
	}
	samples_free(&in.memory);
	return ret;
}

static const struct bench inside[] = {
	{ .name = "agent", .what = "the agents' answers and throughput, and what memory a lab takes", .run = run_inside, .command = "lab-up LANE=tcg-svm", .cleanup = "lab-down" },
};
BENCHES(inside);
