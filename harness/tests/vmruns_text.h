/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vmruns_print() wrote into a run's folder, read back: recorded evidence. Included by tests
 * alone, after <cmocka.h>.
 */
#ifndef NESTLAB_TESTS_VMRUNS_TEXT_H
#define NESTLAB_TESTS_VMRUNS_TEXT_H

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/vmruns.h"

static struct counters_sample scan_sample(const char *text)
{
	struct counters_sample s;
	int n = sscanf(text,
		       "begin=%" SCNu64 " end=%" SCNu64 " vmruns=%" SCNu64 " vmexits=%" SCNu64
		       " guest_least=%" SCNu64 " guest_most=%" SCNu64 " outside=%" SCNu64,
		       &s.begin, &s.end, &s.vmruns, &s.vmexits, &s.guest_least, &s.guest_most,
		       &s.outside);

	assert_int_equal(n, 7);
	return s;
}

static void scan_mark(const char *number, const char *sample, struct vmruns *v)
{
	v->marks = xrealloc(v->marks, v->n_marks + 1, sizeof(*v->marks));
	v->marks[v->n_marks] = (struct counters_mark){ .number = strtoull(number, NULL, 10),
						       .order = v->n_marks + 1,
						       .sample = scan_sample(sample) };
	v->n_marks++;
}

static void scan_line(char *line, struct vmruns *v)
{
	char *space = strchr(line, ' ');

	assert_non_null(space);
	*space = '\0';
	if (!strcmp(line, "missing"))
		str_set(&v->missing, space + 1);
	else if (str_starts(line, "mark."))
		scan_mark(line + strlen("mark."), space + 1, v);
	else if (str_starts(line, "before."))
		v->before[line[strlen("before.")] == '1'] = scan_sample(space + 1);
	else
		v->after[line[strlen("after.")] == '1'] = scan_sample(space + 1);
}

/* The caller frees it. */
static struct vmruns vmruns_read(const char *text)
{
	_cleanup_strv_ struct strv lines = { 0 };
	struct vmruns v = { 0 };

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++)
		scan_line(lines.v[i], &v);
	v.present = !v.missing;
	return v;
}

#endif
