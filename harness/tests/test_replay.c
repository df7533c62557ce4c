// SPDX-License-Identifier: GPL-2.0-only
/* What a recorded run of Bochs is: its log, what it was started with, and what is told of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/util.h"
#include "replay/log.h"
#include "replay/record.h"

#include <cmocka.h>

#define FNV_PRIME 16777619u

/* As config/bochs/0003 writes it. */
static void note(struct buf *b, uint32_t *sum, uint64_t tick, unsigned int kind, unsigned int byte,
		 uint32_t value)
{
	struct log_entry e = { .what = tick << 16 | kind << 8 | byte, .value = value };
	const unsigned char *p = (const unsigned char *)&e;

	for (size_t i = 0; i < offsetof(struct log_entry, sum); i++)
		*sum = (*sum ^ p[i]) * FNV_PRIME;
	e.sum = *sum;
	buf_add(b, &e, sizeof(e));
}

/* In at 100, out at 200, the registers at 300, out at 400; then a file's empty rest. */
static void make_log(struct log *l, unsigned int last_byte, uint32_t registers)
{
	static const char rest[1000];
	struct buf b = { 0 };
	uint32_t sum = LOG_NOTHING_SUM;

	note(&b, &sum, 100, LOG_IN, 'A', 0);
	note(&b, &sum, 200, LOG_OUT, 'B', 0);
	note(&b, &sum, 300, LOG_CHECK, 0, registers);
	note(&b, &sum, 400, LOG_OUT, last_byte, 0);
	buf_add(&b, rest, sizeof(rest));
	log_take(&b, l);
}

static void test_log(void **state)
{
	struct log l;

	(void)state;
	make_log(&l, 'C', 7);
	assert_int_equal(l.n, 4);
	assert_int_equal(log_count(&l, LOG_IN), 1);
	assert_int_equal(log_count(&l, LOG_OUT), 2);
	assert_int_equal(log_count(&l, LOG_CHECK), 1);
	assert_int_equal(log_tick(log_at(&l, 2)), 300);
	assert_int_equal(log_first_changed(&l), 4);
	log_free(&l);
}

/* Half an entry: Bochs was killed while it wrote, or the disk was full. */
static void test_cut_off(void **state)
{
	struct buf b = { 0 };
	uint32_t sum = LOG_NOTHING_SUM;
	struct log l;

	(void)state;
	note(&b, &sum, 100, LOG_IN, 'A', 0);
	note(&b, &sum, 200, LOG_OUT, 'B', 0);
	b.len -= 3;
	log_take(&b, &l);
	assert_int_equal(l.n, 1);
	assert_int_equal(log_first_changed(&l), 1);
	log_free(&l);
	log_take(&b, &l);
	assert_int_equal(l.n, 0);
	log_free(&l);
}

/* What a reader sees beside a Bochs that writes: an entry whose sum is not there yet. */
static void test_follows(void **state)
{
	struct log_entry half;
	struct log l;

	(void)state;
	make_log(&l, 'C', 7);
	assert_true(log_follows(log_at(&l, 0), LOG_NOTHING_SUM));
	assert_true(log_follows(log_at(&l, 1), log_at(&l, 0)->sum));
	assert_false(log_follows(log_at(&l, 1), LOG_NOTHING_SUM));
	half = *log_at(&l, 0);
	half.sum = 0;
	assert_false(log_follows(&half, LOG_NOTHING_SUM));
	assert_false(log_follows(&(struct log_entry){ 0 }, LOG_NOTHING_SUM));
	log_free(&l);
}

/* Any byte of any entry; and none but of the entry that it is in. */
static void test_any_changed_byte(void **state)
{
	struct log l;

	(void)state;
	make_log(&l, 'C', 7);
	for (size_t i = 0; i < l.n * sizeof(struct log_entry); i++) {
		l.bytes.data[i] ^= 0x20;
		assert_int_equal(log_first_changed(&l), i / sizeof(struct log_entry));
		l.bytes.data[i] ^= 0x20;
	}
	assert_int_equal(log_first_changed(&l), l.n);
	log_free(&l);
}

static void tells(const struct log *a, const struct log *b, size_t at, const char *text)
{
	_cleanup_free_ char *told = NULL;

	assert_int_equal(log_first_difference(a, b, 0), at);
	assert_int_equal(log_first_difference(a, b, 2), at);
	told = log_tell_difference(log_at(a, at), log_at(b, at));
	assert_string_equal(told, text);
}

static void test_difference(void **state)
{
	struct log run, same, byte, registers;

	(void)state;
	make_log(&run, 'C', 7);
	make_log(&same, 'C', 7);
	make_log(&byte, 'D', 7);
	make_log(&registers, 'C', 0xabc);
	assert_int_equal(log_first_difference(&run, &same, 0), run.n);
	tells(&run, &byte, 3, "the run gave byte 0x43 at tick 400, the replay gave byte 0x44 at tick 400");
	tells(&run, &registers, 2, "the run had the registers and ports 00000007 at tick 300, the replay had the registers and ports 00000abc at tick 300");
	/* What is not there yet does not differ. */
	same.n = 2;
	assert_int_equal(log_first_difference(&run, &same, 0), 2);
	log_free(&run);
	log_free(&same);
	log_free(&byte);
	log_free(&registers);
}

/* ---- what it was started with ---- */

static char *temp_folder(void)
{
	char name[] = "/tmp/nestlab-test-replay-XXXXXX";

	assert_non_null(mkdtemp(name));
	return xstrdup(name);
}

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
}

static char *at(const char *dir, const char *name)
{
	return strf("%s/%s", dir, name);
}

/* A state of two files, a medium, a disk; and a program, in place of Bochs. */
static void make_parts(const char *dir)
{
	_cleanup_free_ char *state = at(dir, "saved");

	assert_int_equal(mkdir_p(state), 0);
	put(dir, "program", "bochs");
	put(dir, "medium", "boot");
	put(dir, "disk", "root");
	put(state, "cpu0", "RIP=1");
	put(state, "cpu1", "RIP=2");
}

static void begin(const char *dir, char **log)
{
	_cleanup_free_ char *program = at(dir, "program"), *saved = at(dir, "saved"), *medium = at(dir, "medium"), *disk = at(dir, "disk");
	const struct bochs_spec spec = { .program = program,
					 .state = saved,
					 .cpu = "some",
					 .cpus = 2,
					 .memory_mib = 64,
					 .medium = "l1.iso",
					 .disk = "l1-disk",
					 .console = "l1-console",
					 .seed = 7 };
	const struct record_from from = { .state = saved, .medium = medium, .disk = disk };

	assert_int_equal(record_begin(dir, &spec, &from, log), 0);
}

static bool bios_is_here(void)
{
	return path_exists(BOCHS_BIOS) && path_exists(BOCHS_VGABIOS);
}

static void test_record(void **state)
{
	_cleanup_free_ char *dir = temp_folder(), *first = NULL, *second = NULL, *json = at(dir, "record/2.json"), *modules = NULL;
	struct record r;

	(void)state;
	if (!bios_is_here())
		skip();
	make_parts(dir);
	assert_false(record_exists(dir));
	begin(dir, &first);
	begin(dir, &second);
	assert_true(record_exists(dir));
	assert_true(str_ends(first, "/record/1.log"));
	assert_true(str_ends(second, "/record/2.log"));
	modules = record_modules(second);
	assert_true(str_ends(modules, "/record/2.modules"));
	assert_int_equal(record_load(json, &r), 0);
	assert_int_equal(r.seed, 7);
	assert_true(r.restored);
	assert_string_equal(r.console, "l1-console");
	assert_non_null(strstr(r.rc, "path=l1-disk,"));
	assert_true(record_names(&r, RECORD_STATE));
	assert_false(record_names(&r, "l1-suite"));
	record_free(&r);
	record_drop_one(second);
	assert_false(path_exists(json));
	assert_true(record_exists(dir));
	record_drop(dir);
	assert_false(record_exists(dir));
	rm_rf(dir);
}

static void lacks(const struct record *r, const char *as, const char *const *words, size_t n)
{
	_cleanup_free_ char *path = NULL;

	assert_int_equal(record_find(r, as, NULL, &path), -OUT_BROKEN);
	for (size_t i = 0; i < n; i++)
		if (!strstr(fail_text(), words[i]))
			fail_msg("no '%s' in: %s", words[i], fail_text());
	fail_clear();
}
#define LACKS(r, as, ...)                                                                          \
	lacks(r, as, (const char *const[]){ __VA_ARGS__ },                                         \
	      sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* A state that was saved again under the same name is another one. */
static void test_what_is_missing(void **state)
{
	_cleanup_free_ char *dir = temp_folder(), *log = NULL, *json = at(dir, "record/1.json"), *saved = at(dir, "saved");
	_cleanup_free_ char *medium = at(dir, "medium"), *found = NULL;
	struct record r;

	(void)state;
	if (!bios_is_here())
		skip();
	make_parts(dir);
	begin(dir, &log);
	assert_int_equal(record_load(json, &r), 0);
	assert_int_equal(record_find(&r, RECORD_STATE, NULL, &found), 0);
	assert_string_equal(found, saved);
	put(saved, "cpu1", "RIP=3");
	LACKS(&r, RECORD_STATE, saved, "another one now", "nestlab run");
	put(dir, "program", "another");
	LACKS(&r, RECORD_PROGRAM, "another one now", "make bochs");
	unlink(medium);
	LACKS(&r, "l1.iso", medium, "is gone");
	record_free(&r);
	rm_rf(dir);
}

/* What is no record, or would lay links elsewhere. */
static void test_no_record(void **state)
{
	static const char *const texts[] = {
		"", "[]", "{\"format\": 2}", "{\"format\": 1, \"rc\": \"\", \"console\": \"c\", \"parts\": []}",
		"{\"format\": 1, \"rc\": \"\", \"console\": \"c\", \"parts\": [{\"as\": \"bochs\", \"in\": \"b\"}, {\"as\": \"../x\", \"in\": \"b\"}]}",
		"{\"format\": 1, \"rc\": \"\", \"console\": \"c\", \"parts\": [{\"as\": \"bochs\", \"in\": \"b\"}, {\"as\": \"l1.iso\"}]}",
	};
	_cleanup_free_ char *dir = temp_folder(), *json = at(dir, "1.json");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct record r;

		put(dir, "1.json", texts[i]);
		assert_int_equal(record_load(json, &r), -OUT_USAGE);
		assert_non_null(strstr(fail_text(), json));
		fail_clear();
		record_free(&r);
	}
	rm_rf(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_any_changed_byte),
		cmocka_unit_test(test_difference),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
