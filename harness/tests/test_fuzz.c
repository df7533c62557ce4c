// SPDX-License-Identifier: GPL-2.0-only
/*
 * The corpus of fuzz_proto.c, and random changes of it, under the sanitizers. NESTLAB_FUZZ_RUNS
 * and NESTLAB_FUZZ_SEED change how many and which; the seed is printed first, and the same seed
 * gives the same inputs again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include "core/util.h"
#include "tests/fuzz_agent.c"
#include "tests/fuzz_proto.c"

#define CORPUS "harness/tests/data/proto-corpus"
#define INPUT_MAX 8192

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t v;

	return text && parse_u64(text, &v) ? v : otherwise;
}

/* xorshift64: the same inputs for the same seed, on every machine. */
static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void load_corpus(struct buf **files, size_t *count)
{
	_cleanup_strv_ struct strv names = { 0 };

	assert_int_equal(dir_list(CORPUS, NULL, &names), 0);
	assert_true(names.n > 0);
	*files = xcalloc(names.n, sizeof(**files));
	*count = names.n;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf(CORPUS "/%s", names.v[i]);

		assert_int_equal(file_read(path, &(*files)[i]), 0);
	}
}

static void free_corpus(struct buf *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_free(&files[i]);
	free(files);
}

/* In memory of just this size. */
static void run_one(const uint8_t *data, size_t len)
{
	uint8_t *copy = xcalloc(1, len + !len);

	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void test_corpus(void **state)
{
	struct buf *files;
	size_t count;

	(void)state;
	load_corpus(&files, &count);
	for (size_t i = 0; i < count; i++)
		run_one((const uint8_t *)files[i].data, files[i].len);
	print_message("fuzz: %zu files of the corpus\n", count);
	free_corpus(files, count);
}

/* Some bytes changed, a piece cut out, a piece of another file put in: what fits into to. */
static size_t change(uint64_t *x, const struct buf *a, const struct buf *b, uint8_t *to)
{
	size_t len = a->len < INPUT_MAX / 2 ? a->len : INPUT_MAX / 2;
	size_t cut = next_random(x) % (len + 1), from = next_random(x) % (b->len + 1);
	size_t more = next_random(x) % (b->len - from + 1);

	if (more > INPUT_MAX / 2)
		more = INPUT_MAX / 2;
	memcpy(to, buf_str(a), len);
	if (next_random(x) % 4 == 0) {
		memcpy(to + cut, buf_str(b) + from, more);
		len = cut + more;
	}
	for (uint64_t n = next_random(x) % 8; len && n; n--)
		to[next_random(x) % len] = (uint8_t)next_random(x);
	return len;
}

static void test_changes(void **state)
{
	uint64_t seed = setting("NESTLAB_FUZZ_SEED", 0x6e6573746c6162), x = seed | 1;
	uint64_t runs = setting("NESTLAB_FUZZ_RUNS", 10000);
	static uint8_t input[INPUT_MAX];
	struct buf *files;
	size_t count;

	(void)state;
	load_corpus(&files, &count);
	print_message("fuzz: %llu changes, NESTLAB_FUZZ_SEED=%llu\n", (unsigned long long)runs,
		      (unsigned long long)seed);
	for (uint64_t i = 0; i < runs; i++) {
		const struct buf *a = &files[next_random(&x) % count];
		const struct buf *b = &files[next_random(&x) % count];

		run_one(input, change(&x, a, b, input));
	}
	free_corpus(files, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
