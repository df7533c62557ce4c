// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's page tables, walked as testcases/kvm-api/lib/walk.c does it in L1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "testcases/kvm-api/lib/walk.c"

static uint8_t memory[0x10000];

static bool read_memory(void *ctx, uint64_t gpa, void *to, size_t len)
{
	(void)ctx;
	if (gpa > sizeof(memory) - len)
		return false;
	memcpy(to, memory + gpa, len);
	return true;
}

static void put(uint64_t at, uint64_t value, size_t len)
{
	memcpy(memory + at, &value, len);
}

static const struct walk_cpu real = { .cr0 = 0x10 };
static const struct walk_cpu protected = { .cr0 = 0x11, .code32 = true };
static const struct walk_cpu paged = {
	.cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x10, .code32 = true
};
static const struct walk_cpu pae = {
	.cr0 = 0x80000011, .cr3 = 0x1020, .cr4 = 0x20, .code32 = true
};
static const struct walk_cpu long_mode = {
	.cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x20, .efer = 0x500, .code64 = true
};

static void test_modes(void **state)
{
	struct walk_cpu cpu;

	(void)state;
	assert_string_equal(walk_mode(&real), "real");
	assert_string_equal(walk_mode(&protected), "protected");
	assert_string_equal(walk_mode(&paged), "paged");
	assert_string_equal(walk_mode(&pae), "paged with PAE");
	assert_string_equal(walk_mode(&long_mode), "long");
	cpu = long_mode;
	cpu.code64 = false;
	assert_string_equal(walk_mode(&cpu), "compatibility");
	cpu = protected;
	cpu.code32 = false;
	assert_string_equal(walk_mode(&cpu), "protected, 16 bits");
}

static void assert_mapped(const struct walk_cpu *cpu, uint64_t gva, uint64_t gpa, uint64_t page)
{
	struct walk_result r;

	walk(cpu, gva, read_memory, NULL, &r);
	assert_true(r.mapped);
	assert_int_equal(r.gpa, gpa);
	assert_int_equal(r.page, page);
}

static void assert_unmapped(const struct walk_cpu *cpu, uint64_t gva)
{
	struct walk_result r;

	walk(cpu, gva, read_memory, NULL, &r);
	assert_false(r.mapped);
}

static void test_32_bits(void **state)
{
	struct walk_cpu no_pse = paged;
	struct walk_result r;

	(void)state;
	memset(memory, 0, sizeof(memory));
	put(0x1000, 0x00c00087, 4);	/* 4 MiB at 12 MiB */
	put(0x1004, 0x2007, 4);		/* a table of pages */
	put(0x2000 + 4 * 3, 0x5007, 4); /* its fourth */
	assert_mapped(&paged, 0x123456, 0xd23456, 4 << 20);
	assert_mapped(&paged, 0x403abc, 0x5abc, 4096);
	assert_unmapped(&paged, 0x404000);
	assert_unmapped(&paged, 0x800000);
	/* Without CR4.PSE the bit means nothing: the entry is a table's, outside of the memory. */
	no_pse.cr4 = 0;
	assert_unmapped(&no_pse, 0x123456);
	walk(&paged, 0xfff, read_memory, NULL, &r);
	assert_int_equal(r.directory_entry, 0x1000);
	assert_int_equal(r.entry_bytes, 4);
}

static void test_pae(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	put(0x1020 + 8, 0x2001, 8); /* the second GiB */
	put(0x2000, 0x200083, 8);   /* 2 MiB at 2 MiB */
	assert_mapped(&pae, 0x40001234, 0x201234, 2 << 20);
	assert_unmapped(&pae, 0x1234);
}

static void test_long(void **state)
{
	struct walk_result r;

	(void)state;
	memset(memory, 0, sizeof(memory));
	put(0x1000, 0x2007, 8);
	put(0x2000, 0x3007, 8);
	put(0x2008, 0x40000083, 8);	       /* 1 GiB at 1 GiB */
	put(0x3000, 0x8000000000000083ULL, 8); /* 2 MiB at 0, not to be executed */
	put(0x3008, 0x4007, 8);		       /* a table of pages */
	put(0x4000 + 8 * 511, 0x7007, 8);
	assert_mapped(&long_mode, 0x1ffffe, 0x1ffffe, 2 << 20);
	assert_mapped(&long_mode, 0x3ff123, 0x7123, 4096);
	assert_mapped(&long_mode, 0x40001234, 0x40001234, 1 << 30);
	assert_unmapped(&long_mode, 0x400000);
	assert_unmapped(&long_mode, 0x8000000000);
	walk(&long_mode, 0x200000, read_memory, NULL, &r);
	assert_int_equal(r.directory_entry, 0x3008);
	assert_int_equal(r.entry_bytes, 8);
}

static void test_unpaged(void **state)
{
	(void)state;
	assert_mapped(&real, 0x7c00, 0x7c00, 0);
	assert_mapped(&protected, 0xfffffff0, 0xfffffff0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),	cmocka_unit_test(test_32_bits),
		cmocka_unit_test(test_pae),	cmocka_unit_test(test_long),
		cmocka_unit_test(test_unpaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
