// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge of cpuid-exits/exact on a recorded run of the reference: it passes there, and finds
 * each fault that is put into what the kernel told, while what the emulator counted stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "evidence/observation.h"
#include "evidence/oracle.h"
#include "judge/checks.h"

#include <cmocka.h>

#include "tests/fixed_list.h"
#include "tests/vmruns_text.h"

#define DATA "harness/tests/data/checks/test_cpuid_exact/"

static void read_data(const char *name, struct buf *b)
{
	_cleanup_free_ char *path = strf(DATA "%s", name);

	assert_int_equal(file_read(path, b), 0);
}

static void read_observations(struct evidence *e)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct output o;

	read_data("output.txt", &b);
	output_init(&o);
	output_feed(&o, 1, b.data, b.len);
	output_end(&o);
	e->obs = o.obs;
	o.obs = (struct observations){ 0 };
	output_free(&o);
}

static void read_oracle(const char *name, struct oracle *o)
{
	_cleanup_buf_ struct buf cpus = { 0 }, stats = { 0 };

	read_data("cpus.json", &cpus);
	read_data(name, &stats);
	assert_int_equal(oracle_parse(buf_str(&cpus), buf_str(&stats), o), 0);
}

static void load(struct evidence *e)
{
	_cleanup_buf_ struct buf b = { 0 };

	*e = (struct evidence){ .l2_cpus = 2 };
	read_observations(e);
	read_oracle("before.json", &e->before);
	read_oracle("after.json", &e->after);
	read_data("vmruns.txt", &b);
	e->vmruns = vmruns_read(buf_str(&b));
}

static void unload(struct evidence *e)
{
	observations_free(&e->obs);
	vmruns_free(&e->vmruns);
}

static struct run_result *judge(const struct evidence *e)
{
	const struct testcase *t = testcase_find("cpuid-exits/exact");
	struct run_result *run = result_new("unit");
	struct test_result *res = result_add_test(run, t->name, t->assignment);

	judge_fixed(t, e, res);
	result_judge_test(res);
	return run;
}

static const struct check_result *find_check(const struct run_result *run, const char *name)
{
	const struct test_result *t = &run->tests[0];

	for (size_t i = 0; i < t->n_checks; i++)
		if (!strcmp(t->checks[i].name, name))
			return &t->checks[i];
	fail_msg("there is no check '%s'", name);
	return NULL;
}

static void test_reference(void **state)
{
	struct run_result *run;
	struct evidence e;

	(void)state;
	load(&e);
	run = judge(&e);
	for (size_t i = 0; i < run->tests[0].n_checks; i++) {
		const struct check_result *c = &run->tests[0].checks[i];

		if (c->verdict != OUT_PASS && !is_unasked(c))
			fail_msg("%s: expected %s, observed %s", c->name, c->expected, c->observed);
	}
	assert_int_equal(run->tests[0].verdict, OUT_PASS);
	result_free(run);
	unload(&e);
}

/* -- faults -- */

/* The i-th value of this key, or NULL. */
static uint64_t *value(struct evidence *e, const char *key, size_t i)
{
	struct observation *o = (struct observation *)obs_get(&e->obs, key, i);

	return o ? &o->u64 : NULL;
}

/* New readings from the old ones: what step i grew by becomes what f makes of it. */
static void change_steps(struct evidence *e, const char *key,
			 uint64_t (*f)(uint64_t step, size_t i))
{
	uint64_t *v, old = *value(e, key, 0), now = old;

	for (size_t i = 1; (v = value(e, key, i)); i++) {
		uint64_t step = *v - old;

		old = *v;
		now += f(step, i);
		*v = now;
	}
}

static uint64_t one_in_64_twice(uint64_t step, size_t i)
{
	(void)i;
	return step + step / 64;
}

static void exits_some_twice(struct evidence *e)
{
	change_steps(e, "reading.exits", one_in_64_twice);
}

/* Of a bout of 100 or so: what else came than CPUID. */
static uint64_t only_the_programs(uint64_t step, size_t i)
{
	(void)i;
	return step > 100 && step < 120 ? 101 : step;
}

static void exits_without_interrupts(struct evidence *e)
{
	change_steps(e, "reading.exits", only_the_programs);
}

static uint64_t a_few_lost(uint64_t step, size_t i)
{
	(void)i;
	return step > 1000 ? step - 5 : step;
}

static void exits_lost_together(struct evidence *e)
{
	change_steps(e, "reading.exits", a_few_lost);
}

static uint64_t nothing(uint64_t step, size_t i)
{
	(void)step;
	(void)i;
	return 0;
}

static void exits_frozen(struct evidence *e)
{
	change_steps(e, "reading.exits", nothing);
}

static void cycles_frozen(struct evidence *e)
{
	change_steps(e, "reading.cycles", nothing);
}

static uint64_t hundredth(uint64_t step, size_t i)
{
	(void)i;
	return step / 100;
}

static void cycles_of_nothing(struct evidence *e)
{
	change_steps(e, "reading.cycles", hundredth);
}

/* The first vCPU's bouts come first. */
static uint64_t first_cpu_only(uint64_t step, size_t i)
{
	return i >= 16 && i <= 31 ? 0 : step;
}

static void cycles_of_first_vcpu(struct evidence *e)
{
	change_steps(e, "reading.cycles", first_cpu_only);
}

/* 7,000 for each exit, whatever it was. */
static void cycles_before_handler(struct evidence *e)
{
	uint64_t *cycles, first = *value(e, "reading.exits", 0);

	for (size_t i = 0; (cycles = value(e, "reading.cycles", i)); i++)
		*cycles = (*value(e, "reading.exits", i) - first) * 7000;
}

/* All the time that passed, on both vCPUs. */
static void cycles_of_guest(struct evidence *e)
{
	uint64_t *cycles;

	for (size_t i = 0; (cycles = value(e, "reading.cycles", i)); i++)
		*cycles = 2 * e->vmruns.marks[2 * i].sample.begin;
}

static void statistics_too_many(struct evidence *e)
{
	e->after.vcpus[0].exits += 40;
}

static void statistics_too_few(struct evidence *e)
{
	e->after.vcpus[1].exits -= 40;
}

static void mark_of_somebody_else(struct evidence *e)
{
	e->vmruns.marks[5].number = 9;
}

static void mark_missing(struct evidence *e)
{
	e->vmruns.n_marks--;
}

static void no_emulator(struct evidence *e)
{
	e->vmruns.present = false;
	e->vmruns.missing = xstrdup("QEMU does not take it");
}

/* What was touched the first time costs no more than what is touched again. */
static void no_fresh_memory(struct evidence *e)
{
	for (size_t i = 0; i < e->obs.n; i++) {
		struct observation *o = &e->obs.v[i];

		if (!strcmp(o->str, "touching again"))
			str_set(&o->str, "touching");
		else if (!strcmp(o->str, "touching"))
			str_set(&o->str, "touching again");
	}
}

/* The other vCPU never left its guest. */
static void others_in_guest(struct evidence *e)
{
	for (size_t i = 0; i < e->vmruns.n_marks; i++) {
		struct counters_sample *s = &e->vmruns.marks[i].sample;

		s->guest_most += s->begin;
		s->guest_least += s->begin;
	}
}

#define EXITS "exits grow as #VMEXITs"
#define GUEST "cycles have no guest's time"
#define FAIR "cycles are a fair part"
#define SLOW "cycles of slow exits"
#define STATS "KVM's statistics"
#define FAULT(put, check, verdict)                                                                 \
	{                                                                                          \
#put, put, check, verdict                                                          \
	}

static const struct {
	const char *name;
	void (*put)(struct evidence *e);
	const char *check; /* that finds it */
	enum outcome verdict;
} faults[] = {
	FAULT(exits_some_twice, EXITS, OUT_FAIL),
	FAULT(exits_without_interrupts, EXITS, OUT_FAIL),
	FAULT(exits_lost_together, EXITS, OUT_FAIL),
	FAULT(exits_frozen, EXITS, OUT_FAIL),
	FAULT(cycles_frozen, FAIR, OUT_FAIL),
	FAULT(cycles_frozen, SLOW, OUT_FAIL),
	FAULT(cycles_of_nothing, FAIR, OUT_FAIL),
	FAULT(cycles_of_first_vcpu, FAIR, OUT_FAIL),
	FAULT(cycles_before_handler, SLOW, OUT_FAIL),
	FAULT(cycles_of_guest, GUEST, OUT_FAIL),
	FAULT(statistics_too_many, STATS, OUT_FAIL),
	FAULT(statistics_too_few, STATS, OUT_FAIL),
	FAULT(mark_of_somebody_else, "readings", OUT_BROKEN),
	FAULT(mark_missing, "readings", OUT_BROKEN),
	FAULT(no_emulator, "exits grow as #VMEXITs", OUT_SKIP),
	FAULT(no_emulator, SLOW, OUT_SKIP),
	FAULT(no_emulator, STATS, OUT_SKIP),
	FAULT(no_fresh_memory, SLOW, OUT_SKIP),
	FAULT(others_in_guest, SLOW, OUT_SKIP),
	FAULT(others_in_guest, FAIR, OUT_SKIP),
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct check_result *c;
		struct run_result *run;
		struct evidence e;

		load(&e);
		faults[i].put(&e);
		run = judge(&e);
		c = find_check(run, faults[i].check);
		if (c->verdict != faults[i].verdict)
			fail_msg("fault '%s': check '%s' says %s: expected %s, observed %s",
				 faults[i].name, c->name, outcome_name(c->verdict), c->expected,
				 c->observed);
		result_free(run);
		unload(&e);
	}
}

/* -- what is right, in other forms -- */

/* The leaf has 32 bits; a host that is up for long has passed them. */
static void exits_wrap(struct evidence *e)
{
	uint32_t shift = UINT32_MAX - (uint32_t)*value(e, "reading.exits", 20);
	uint64_t *v;

	for (size_t i = 0; (v = value(e, "reading.exits", i)); i++)
		*v = (uint32_t)*v + shift;
	for (size_t i = 0; (v = value(e, "reading.exits", i)); i++)
		*v = (uint32_t)*v;
}

/* Counted at the end of an exit: none holds the one that reads it. */
static void counted_at_the_end(struct evidence *e)
{
	uint64_t *v;

	for (size_t i = 0; (v = value(e, "reading.exits", i)); i++)
		*v -= 1;
}

/* Only the handlers are measured, not the way to them. */
static uint64_t two_thirds(uint64_t step, size_t i)
{
	(void)i;
	return step * 2 / 3;
}

static void handlers_only(struct evidence *e)
{
	change_steps(e, "reading.cycles", two_thirds);
}

static void test_other_forms(void **state)
{
	void (*const right[])(struct evidence *) = { exits_wrap, counted_at_the_end,
						     handlers_only };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		struct run_result *run;
		struct evidence e;

		load(&e);
		right[i](&e);
		run = judge(&e);
		assert_int_equal(run->tests[0].verdict, OUT_PASS);
		result_free(run);
		unload(&e);
	}
}

/* Its program ran and told all, but nothing about the change was judged: that is no pass. */
static void test_without_the_emulator(void **state)
{
	const struct test_result *t;
	struct run_result *run;
	struct evidence e;

	(void)state;
	load(&e);
	no_emulator(&e);
	run = judge(&e);
	t = &run->tests[0];
	assert_int_equal(find_check(run, "the test program's end")->verdict, OUT_PASS);
	assert_int_equal(t->verdict, OUT_SKIP);
	assert_string_equal(t->reason, "exits grow as #VMEXITs: QEMU does not take it");
	result_free(run);
	unload(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_other_forms),
		cmocka_unit_test(test_without_the_emulator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
