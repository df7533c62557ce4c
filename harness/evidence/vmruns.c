// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/vmruns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The samples by the names that they have in the text. */
static const struct {
	const char *name;
	size_t offset;
} samples[] = {
	{ "before.0", offsetof(struct vmruns, before[0]) },
	{ "before.1", offsetof(struct vmruns, before[1]) },
	{ "after.0", offsetof(struct vmruns, after[0]) },
	{ "after.1", offsetof(struct vmruns, after[1]) },
};

#define SAMPLE_FORMAT                                                                              \
	"begin=%" PRIu64 " end=%" PRIu64 " vmruns=%" PRIu64 " vmexits=%" PRIu64                    \
	" guest_least=%" PRIu64 " guest_most=%" PRIu64 " outside=%" PRIu64

void vmruns_free(struct vmruns *v)
{
	free(v->missing);
	free(v->marks);
	*v = (struct vmruns){ 0 };
}

/* -- text -- */

static void print_sample(struct buf *text, const char *name, const struct counters_sample *s)
{
	buf_printf(text, "%s " SAMPLE_FORMAT "\n", name, s->begin, s->end, s->vmruns, s->vmexits,
		   s->guest_least, s->guest_most, s->outside);
}

static void print_mark(struct buf *text, const struct counters_mark *m)
{
	_cleanup_free_ char *name = strf("mark.%" PRIu64, m->number);

	print_sample(text, name, &m->sample);
}

void vmruns_print(const struct vmruns *v, struct buf *text)
{
	if (!v->present) {
		buf_printf(text, "missing %s\n", v->missing ? v->missing : "not asked for");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		print_sample(text, samples[i].name,
			     (const struct counters_sample *)((const char *)v + samples[i].offset));
	for (size_t i = 0; i < v->n_marks; i++)
		print_mark(text, &v->marks[i]);
}

/* -- bounds -- */

/* a - b, but not below 0. */
static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

struct bounds vmruns_stats_growth(const struct vmruns *v, unsigned int n, bool alone)
{
	return (struct bounds){
		.least = alone ? less(v->after[0].vmexits - v->before[1].vmexits, n) : 0,
		.most = v->after[1].vmexits - v->before[0].vmexits + n,
	};
}

struct bounds vmruns_exits_growth(struct marked a, struct marked b, unsigned int n)
{
	/* The exit that reads lies between the marks: E is one more than at the first, at least. */
	return (struct bounds){
		.least = less(b.from->vmexits + 1, a.to->vmexits + n - 1),
		.most = b.to->vmexits - (a.from->vmexits + 1) + n - 1,
	};
}

uint64_t vmruns_cycles_most(struct marked a, struct marked b, unsigned int n)
{
	/* A vCPU that makes a mark handles no exit: there is an earlier one only with others. */
	uint64_t earlier = n > 1 ? a.from->outside : 0;
	uint64_t passed = n * (b.to->end - a.from->begin) + earlier;

	return less(passed, less(b.to->guest_least, a.from->guest_most));
}

uint64_t vmruns_outside_least(struct marked a, struct marked b)
{
	return less(b.from->begin - a.to->end, less(b.from->guest_most, a.to->guest_least));
}
