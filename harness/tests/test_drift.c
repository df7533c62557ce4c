// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole files of a kernel that is no base, in a class of several ages: what is somebody's own must
 * come onto the base, and nothing of upstream's with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include "intake/intake.h"
#include "intake/own.h"

#define CPUID "arch/x86/kvm/cpuid.c"
#define AGE_LINES 120
#define AGE_STEP 30 /* of them are written anew from one age to the next */
#define HIS 99 /* whose the looked-at file is */

enum age { OLD, NEW, NEWEST };

static char top[] = "/tmp/nestlab-test-drift-XXXXXX";
static char *given, *scratch;
static struct base base_list[] = { { .name = (char *)"5.10" }, { .name = (char *)"6.1" },
				   { .name = (char *)"6.12" } };
static struct bases bases = { .v = base_list, .n = 1 };
static char *seed_list[] = { (char *)"0x4ffffff", NULL };
static char *leaf_list[] = { (char *)"0x4fffffff", (char *)"0x4ffffffe", NULL };
static const struct strv seeds = { seed_list, 1 };
static struct strv leaves = { leaf_list, 2 };
static struct peers peers;

/* ---- texts ---- */

/* The parts of a file that differ from one person to another. */
struct work {
	const char *top;    /* before the functions */
	const char *before; /* kvm_emulate_cpuid() */
	const char *first;  /* in it, behind its variables */
	const char *in;	    /* in it; NULL: what upstream has */
	const char *whole;  /* kvm_emulate_cpuid(); NULL: of what is in it */
	const char *other;  /* a statement of another function; NULL: what upstream has */
};

#define ASKS "\tkvm_cpuid(vcpu, &eax, &ebx, &ecx, &edx, false);\n"
#define OTHER "\tif (wants_bus_lock(vcpu) &&\n\t    host_initiated_it(vcpu))\n\t\tdebugctl_of(vcpu);\n"

static const char *or_none(const char *text, const char *none)
{
	return text ? text : none;
}

/* From age to age upstream writes some more lines anew. */
static void put_age(struct buf *b, unsigned int age)
{
	for (unsigned int i = 0; i < AGE_LINES; i++)
		buf_printf(b, "int common_part_%u(void)\n{\n\treturn upstream_%s(%u);\n}\n\n", i, i < age * AGE_STEP ? "anew" : "as_ever", i);
}

/* The file as it is at that age (0: the base's), with somebody's work in it; the caller owns it. */
static char *text_of(unsigned int age, const struct work *w)
{
	struct buf b = { 0 };

	buf_puts(&b, "#include <linux/kvm_host.h>\n\n");
	buf_puts(&b, or_none(w->top, ""));
	buf_puts(&b, "/*\n * What the parts have in common.\n */\n");
	put_age(&b, age);
	buf_printf(&b, "int vmx_debugctl(struct kvm_vcpu *vcpu)\n{\n%s\treturn common_part_1();\n}\n\n", or_none(w->other, OTHER));
	buf_puts(&b, or_none(w->before, ""));
	if (w->whole) {
		buf_puts(&b, w->whole);
		return b.data;
	}
	buf_printf(&b, "int kvm_emulate_cpuid(struct kvm_vcpu *vcpu)\n{\n\tu32 eax, ebx, ecx, edx;\n%s\n\teax = kvm_rax_read(vcpu);\n",
		   or_none(w->first, ""));
	buf_printf(&b, "%s\tkvm_rax_write(vcpu, eax);\n\treturn kvm_skip_emulated_instruction(vcpu);\n}\n", or_none(w->in, ASKS));
	return b.data;
}

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name), *folder = xstrdup(path);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(mkdir_p(folder), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static void add_peers(unsigned int age, const struct work *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *in = strf("\tif (eax == 0x4fffffff)\n\t\teax = counted_by_peer_%zu(%u);\n" ASKS, peers.n, age);
		struct work his = *w;
		_cleanup_free_ char *text = NULL;

		his.in = in;
		text = text_of(age, &his);
		peers_add(&peers, peers.n, CPUID, text);
	}
}

static void add_newer_base(const char *function)
{
	_cleanup_free_ char *text = text_of(4, &(struct work){ .before = function });

	put(base_list[NEW].dir, CPUID, text);
	bases.n = 2;
}

static void hand_in(unsigned int age, const struct work *w)
{
	_cleanup_free_ char *text = text_of(age, w);

	put(given, "cpuid.c", text);
}

static void take(enum intake_outcome o, struct intake *in)
{
	const struct intake_how how = { .bases = &bases, .seeds = &seeds, .leaves = &leaves,
					.peers = &peers, .who = HIS };

	assert_int_equal(intake_take(given, &how, scratch, in), 0);
	for (size_t i = 0; in->outcome != o && i < in->notes.n; i++)
		print_error("%s\n", in->notes.v[i]);
	assert_int_equal(in->outcome, o);
}

static size_t count_taken(const struct intake *in)
{
	size_t n = 0;

	for (const char *at = buf_str(&in->patch); (at = strstr(at, "\n-")); at++)
		n += !str_starts(at, "\n---");
	return n;
}

static void expect_lines(const struct intake *in, const char *lines)
{
	if (!strstr(buf_str(&in->patch), lines))
		print_error("%s", buf_str(&in->patch));
	assert_non_null(strstr(buf_str(&in->patch), lines));
	assert_null(strstr(buf_str(&in->patch), "upstream_"));
}

/* ---- tests ---- */

#define LEAF "\tif (eax == 0x4fffffff)\n\t\teax = my_exits;\n"
#define ADDED_LEAF "+\tif (eax == 0x4fffffff)\n+\t\teax = my_exits;\n"

/* In a class of three of another age, and two of this one. */
static void take_in_class(const struct work *his, struct intake *in)
{
	add_peers(3, &(struct work){ .other = his->other }, 3);
	add_peers(2, &(struct work){ 0 }, 6);
	hand_in(3, his);
	take(INTAKE_TAKEN, in);
}

/* Of his own age the statement has other lines; those of another age have what the base has. */
static void test_another_age_in_the_class(void **state)
{
	const struct work his = { .in = LEAF ASKS, .other = "\tif (!host_asked(vcpu))\n\t\tmask_debugctl_of(vcpu);\n" };
	struct intake in;

	(void)state;
	take_in_class(&his, &in);
	expect_lines(&in, ADDED_LEAF);
	assert_int_equal(count_taken(&in), 0);
	intake_free(&in);
}

/* What none of his neighbours has is his: but not what upstream did with a variable of that age. */
static void test_upstreams_use_of_its_variable(void **state)
{
	const char *theirs = "\tunsigned long *bitmap;\n\n" OTHER;
	const struct work his = { .in = LEAF ASKS, .other = "\tunsigned long *bitmap;\n\n\tbitmap = bitmap_of(vcpu);\n" OTHER };
	struct intake in;

	(void)state;
	add_peers(3, &(struct work){ .other = theirs }, 6);
	hand_in(3, &his);
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, ADDED_LEAF);
	assert_null(strstr(buf_str(&in.patch), "bitmap_of"));
	intake_free(&in);
}

/* No base has it, and upstream had it between two of them. */
static void test_a_line_between_the_bases(void **state)
{
	const struct work his = { .first = "\tu32 function = *eax, index = *ecx;\n\tu64 begun = my_exits;\n", .in = LEAF ASKS };
	struct intake in;

	(void)state;
	take_in_class(&his, &in);
	expect_lines(&in, "+\tu64 begun = my_exits;\n");
	assert_null(strstr(buf_str(&in.patch), "index = *ecx"));
	intake_free(&in);
}

/* Exits that it does not see are missed in its own kernel, too: not by the base alone. */
static void test_a_fastpath_of_its_own(void **state)
{
	const struct work his = { .in = LEAF ASKS,
				  .other = "\tif (path == EXIT_FASTPATH_REENTER_GUEST)\n\t\tenter_again(vcpu);\n" };
	struct intake in;

	(void)state;
	take_in_class(&his, &in);
	assert_true(strv_has(&in.notes, INTAKE_FASTPATH));
	intake_free(&in);
	hand_in(3, &(struct work){ .in = LEAF ASKS });
	take(INTAKE_TAKEN, &in);
	assert_false(strv_has(&in.notes, INTAKE_FASTPATH));
	intake_free(&in);
}

/* All have what the course handed out, and none of the base's lines is missing: no other age. */
static void test_a_handout_on_the_very_base(void **state)
{
	static const char handout[] = "void course_begin(void)\n{\n\tcourse_lock();\n\tcourse_clear();\n}\n\n"
				      "void course_end(void)\n{\n\tcourse_store();\n\tcourse_unlock();\n}\n\n";
	struct intake in;

	(void)state;
	add_peers(0, &(struct work){ .before = handout }, 4);
	hand_in(0, &(struct work){ .before = handout, .in = LEAF ASKS });
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, ADDED_LEAF);
	expect_lines(&in, "+\tcourse_store();\n");
	assert_true(in.exact && !in.drift && !in.merged);
	intake_free(&in);
}

/* diff may say that a comment was put in from behind its first line up to upstream's next one. */
static void test_a_comment_is_one(void **state)
{
	const struct work his = { .top = "/*\n * Counted for assignment 2.\n */\n", .in = LEAF ASKS,
				  .before = "/*\n * Of the exits.\n */\n" };
	struct intake in;

	(void)state;
	add_peers(1, &(struct work){ 0 }, 4);
	hand_in(1, &his);
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, "+/*\n+ * Of the exits.\n+ */\n");
	expect_lines(&in, ADDED_LEAF);
	assert_int_equal(count_taken(&in), 0);
	intake_free(&in);
}

/* The block goes on behind a line that upstream has, too. */
static void test_a_block_around_upstreams_line(void **state)
{
	const struct work his = { .in = "\tif (eax == 0x4fffffff) {\n" ASKS "\t\teax = atomic_read(&my_exits);\n\t} else {\n" ASKS "\t}\n" };
	struct intake in;

	(void)state;
	add_newer_base("");
	hand_in(1, &his);
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, "+\tif (eax == 0x4fffffff) {\n");
	expect_lines(&in, "+\t\teax = atomic_read(&my_exits);\n+\t} else {\n");
	intake_free(&in);
}

/* A name that another function has, too, is declared here for his line. */
static void test_a_variable_of_a_usual_name(void **state)
{
	const struct work his = { .first = "\tu64 debugctl_of;\n", .in = "\tdebugctl_of = 0;\n" LEAF ASKS };
	struct intake in;

	(void)state;
	add_newer_base("");
	hand_in(1, &his);
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, "+\tu64 debugctl_of;\n");
	intake_free(&in);
}

static void expect_extern(const char *lines, const char *in_function, enum intake_outcome o)
{
	_cleanup_free_ char *in = strf("%s" LEAF ASKS, in_function);
	struct intake taken;

	hand_in(1, &(struct work){ .top = lines, .in = in });
	take(o, &taken);
	intake_free(&taken);
}

/* Only what is used has to be somewhere. */
static void test_declared_and_not_used(void **state)
{
	(void)state;
	add_peers(1, &(struct work){ 0 }, 4);
	expect_extern("extern u64 my_exits;\n", "", INTAKE_HALF);
	expect_extern("extern u64 my_cycles;\n", "", INTAKE_TAKEN);
	expect_extern("//extern u64 my_exits, of all types\n", "", INTAKE_TAKEN);
	expect_extern("/* in 0x4fffffff:\nextern u64 my_exits;\n */\n", "", INTAKE_TAKEN);
	expect_extern("extern const ulong my_exits;\n", "\tasm(\"my_exits: nop\");\n", INTAKE_TAKEN);
}

/* What he exports is for another file, where nothing in this one counts with it. */
static void test_exported_for_no_file(void **state)
{
#define TOTAL "atomic64_t my_exits;\nEXPORT_SYMBOL(my_exits);\n\n"
	(void)state;
	add_peers(1, &(struct work){ 0 }, 4);
	expect_extern(TOTAL, "", INTAKE_HALF);
	expect_extern(TOTAL, "\tatomic64_inc(&my_exits);\n", INTAKE_TAKEN);
	expect_extern("u64 my_exits;\nEXPORT_SYMBOL_GPL(my_exits);\n\n", "\tmy_exits++;\n", INTAKE_TAKEN);
	expect_extern("u64 my_exits = 0;\nEXPORT_SYMBOL_GPL(my_exits);\n\n", "", INTAKE_HALF);
	expect_extern(TOTAL "u64 my_cycles;\nEXPORT_SYMBOL(my_cycles);\n\n", "\tmy_cycles = 0x4fffffff;\n", INTAKE_TAKEN);
	expect_extern("void my_exits(void)\n{\n}\nEXPORT_SYMBOL(my_exits);\n\n", "", INTAKE_HALF);
	expect_extern("void my_exits(void)\n{\n}\nEXPORT_SYMBOL(my_exits);\n\n", "\tmy_exits();\n", INTAKE_TAKEN);
#undef TOTAL
}

#define CALLS "\tif (eax == 0x4fffffff)\n\t\tkvm_invoke_handler(vcpu, eax);\n" ASKS

/* The nearest base has no function of a name that his lines call, and the other one has. */
static void test_the_base_that_has_the_function(void **state)
{
	static const char function[] = "int kvm_invoke_handler(struct kvm_vcpu *vcpu, u32 leaf)\n{\n\treturn common_part_2();\n}\n\n";
	struct intake in;

	(void)state;
	add_newer_base(function);
	add_peers(1, &(struct work){ .before = function }, 4);
	hand_in(1, &(struct work){ .before = function, .in = CALLS });
	take(INTAKE_TAKEN, &in);
	assert_string_equal(in.base->name, "6.1");
	expect_lines(&in, "+\t\tkvm_invoke_handler(vcpu, eax);\n");
	intake_free(&in);
}

#define WRAPPER(first, last) "int kvm_wrap(struct kvm_vcpu *vcpu)\n{\n\tint ret;\n\n" first "\tret = kvm_wrapped_by_it(vcpu);\n" \
	last "\n\tif (bus_lock_seen(vcpu))\n\t\trun_flags_of(vcpu);\n\treturn ret;\n}\n\n"

#define REMARK "\t/*\n\t * Of that age, so that user space hears of it.\n\t */\n"

/* Upstream has a function that the nearest base lacks: he put in two lines of it, and not all. */
static void test_a_function_of_a_later_age(void **state)
{
	const struct work his = { .top = "u64 my_exits, my_cycles;\n", .in = LEAF ASKS,
				  .before = WRAPPER("\tmy_cycles -= rdtsc();\n", "\tmy_cycles += rdtsc();\n" REMARK) };
	struct intake in;

	(void)state;
	add_newer_base(WRAPPER("", ""));
	add_peers(1, &(struct work){ .before = WRAPPER("", REMARK) }, 4);
	hand_in(1, &his);
	take(INTAKE_TAKEN, &in);
	assert_string_equal(in.base->name, "6.1");
	expect_lines(&in, "+\tmy_cycles -= rdtsc();\n");
	assert_null(strstr(buf_str(&in.patch), "+int kvm_wrap("));
	intake_free(&in);
}

/* The base has a function that his age has not, where he put in a line: he did not take it away. */
static void test_a_function_that_was_not_there_yet(void **state)
{
	_cleanup_free_ char *text = text_of(0, &(struct work){ .before = WRAPPER("", "") });
	struct intake in;

	(void)state;
	put(base_list[OLD].dir, CPUID, text);
	add_newer_base(WRAPPER("", ""));
	hand_in(1, &(struct work){ .before = "u64 my_exits;\n\n", .in = LEAF ASKS });
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, "+u64 my_exits;\n");
	assert_int_equal(count_taken(&in), 0);
	intake_free(&in);
}

/* Another file of the kernel has the name that he gave to his, and the same "}" in some lines. */
static void test_a_file_by_the_name_of_another(void **state)
{
	_cleanup_free_ char *text = text_of(0, &(struct work){ .in = LEAF ASKS });
	struct buf other = { 0 };
	struct intake in;

	(void)state;
	for (unsigned int i = 0; i < AGE_LINES; i++)
		buf_printf(&other, "int cpu_part_%u(void)\n{\n\tup_%u();\n\tdown_%u();\n\tsend_%u();\n}\n\n", i, i, i, i);
	put(base_list[OLD].dir, "kernel/cpu.c", buf_str(&other));
	buf_free(&other);
	put(given, "cpu.c", text);
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, "+++ b/" CPUID "\n");
	expect_lines(&in, ADDED_LEAF);
	intake_free(&in);
}

#define TREE_FILES 3100 /* more than what is looked at file by file */

/* A whole tree of another age. A document that no base has may have a diff of another file. */
static void test_a_whole_tree_of_another_age(void **state)
{
	_cleanup_free_ char *text = text_of(1, &(struct work){ .in = LEAF ASKS });
	struct intake in;

	(void)state;
	add_newer_base("");
	put(base_list[NEW].dir, "Documentation/index.rst", "All of it.\n");
	put(base_list[OLD].dir, "arch/powerpc/kvm/irq.h", "int ppc_irq(void);\n");
	put(base_list[NEW].dir, "arch/x86/kvm/irq.h", "int x86_irq(void);\n");
	for (unsigned int i = 0; i < TREE_FILES; i++) {
		_cleanup_free_ char *name = strf("linux/drivers/d%u.h", i);

		put(given, name, "int of_another_age(void);\n");
	}
	put(given, "linux/arch/powerpc/kvm/irq.h", "int ppc_irq_of_that_age(void);\n");
	put(given, "linux/Documentation/index.rst", "All of it.\n");
	put(given, "linux/Documentation/moving.txt",
	    "--- a/mm/mremap.c\n+++ b/mm/mremap.c\n@@ -1,1 +1,2 @@\n int a;\n+int b;\n");
	put(given, "linux/" CPUID, text);
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, ADDED_LEAF);
	assert_null(strstr(buf_str(&in.patch), "irq"));
	intake_free(&in);
}

/* One with few of its own age in the class: what a second try is sure of must fit together. */
static void test_a_second_try(void **state)
{
	static const char upstreams[] = "\tif (invalid_of(vcpu))\n\t\treturn 1;\n\tdebugctl_set(vcpu, invalid_of(vcpu));\n";
	const struct work his = { .top = "u64 my_exits;\n", .in = LEAF ASKS, .other = upstreams };
	struct intake in;

	(void)state;
	add_newer_base("");
	add_peers(1, &(struct work){ 0 }, 3);
	hand_in(2, &his);
	take(INTAKE_TAKEN, &in);
	expect_lines(&in, ADDED_LEAF);
	assert_int_equal(count_taken(&in), 0);
	assert_null(strstr(buf_str(&in.patch), "debugctl_set"));
	intake_free(&in);
}

/* Both bases have what theirs says, and he hands in his. */
static void take_beside(const struct work *theirs, const struct work *his, struct intake *in)
{
	_cleanup_free_ char *text = text_of(0, theirs);

	put(base_list[OLD].dir, CPUID, text);
	add_newer_base("");
	text[0] = '\n';
	put(base_list[NEW].dir, CPUID, text);
	hand_in(1, his);
	take(INTAKE_TAKEN, in);
}

/* Where he put in his lines the base has a variable that it uses farther down. */
static void test_a_variable_that_the_base_needs(void **state)
{
	const struct work theirs = { .first = "\tu16 handler_index;\n", .in = "\thandler_index = index_of(eax);\n" ASKS };
	struct intake in;

	(void)state;
	take_beside(&theirs, &(struct work){ .first = "\tu64 my_exits = rdtsc();\n", .in = ASKS LEAF }, &in);
	expect_lines(&in, "+\tu64 my_exits = rdtsc();\n");
	assert_int_equal(count_taken(&in), 0);
	intake_free(&in);
}

/* What upstream did there since then is the nearest base's no more, and the next base's already. */
static void test_as_the_next_bases_diff(void **state)
{
	static const char handlers[] = "\tif (leaf >= ARRAY_SIZE(handlers_of) ||\n\t    !handlers_of[leaf]) {\n\t\tdump_of(vcpu);\n\t\treturn 0;\n\t}\n"
				       "#ifdef CONFIG_RETPOLINE\n\tif (leaf == EXIT_OF_MSR)\n\t\treturn msr_of(vcpu);\n#endif\n"
				       "\treturn handlers_of[leaf](vcpu);\n";
	_cleanup_free_ char *text = text_of(0, &(struct work){ .other = handlers });
	_cleanup_free_ char *newer = text_of(4, &(struct work){ .other = "\treturn handlers_by(leaf)(vcpu);\n" });
	struct intake in;

	(void)state;
	put(base_list[OLD].dir, CPUID, text);
	add_newer_base("");
	put(base_list[NEW].dir, CPUID, newer);
	hand_in(1, &(struct work){ .top = "u64 my_cycles;\n", .in = "\tif (eax == 0x4fffffff)\n\t\teax = my_cycles;\n" ASKS,
				   .other = "\tformer_return = handlers_by(leaf)(vcpu);\n\tmy_cycles += rdtsc();\n\treturn former_return;\n" });
	take(INTAKE_TAKEN, &in);
	assert_string_equal(in.base->name, "6.1");
	assert_true(in.drift && !in.why);
	expect_lines(&in, "+\tmy_cycles += rdtsc();\n");
	assert_int_equal(count_taken(&in), 1);
	intake_free(&in);
}

/* All of his work is taken, these lines as they stand, and nothing of theirs. */
static void taken_beside(const struct work *theirs, const struct work *his, const char *lines)
{
	struct intake in;

	take_beside(theirs, his, &in);
	expect_lines(&in, lines);
	assert_int_equal(count_taken(&in), 0);
	intake_free(&in);
}

/* diff pairs braces of his new functions with those of one that his age had not. */
static void test_functions_in_anothers_place(void **state)
{
	const struct work theirs = { .before = "struct sizes_of_it {\n\tu32 eax;\n};\n\nvoid init_sizes_of_it(void)\n{\n\tu32 ign;\n\tint i;\n\n"
						"\tfor (i = XFEATURE_OF_IT; i < ARRAY_OF_IT; i++) {\n\t\tcount_of_it(i, &ign);\n\n\t\tsizes_of(i);\n\t}\n}\n\n" };
	const struct work his = { .before = "/* Is it one of ours? */\nint is_valid(u32 ecx)\n{\nif (ecx == 5 || ecx == 6) {\nreturn 0;\n}\nreturn 1;\n}\n\n"
					     "int is_in_sdm(u32 ecx)\n{\nif (ecx == 35) {\nreturn 0;\n}\nreturn 1;\n}\n\n",
				  .in = "\tif (eax == 0x4fffffff && is_valid(ecx) && is_in_sdm(ecx))\n\t\teax = my_exits;\n" ASKS };

	(void)state;
	taken_beside(&theirs, &his, "+int is_in_sdm(u32 ecx)\n+{\n+if (ecx == 35) {\n+return 0;\n+}\n+return 1;\n+}\n");
}

/* diff pairs blank lines between his variables with those in a function that his age had not. */
static void test_variables_in_a_functions_place(void **state)
{
	const struct work theirs = { .before = "void init_sizes_of_it(void)\n{\n\tu32 ign;\n\tint i;\n\n"
						"\tfor (i = XFEATURE_OF_IT; i < ARRAY_OF_IT; i++)\n\t\tsizes_of(i, &ign);\n}\n\n" };
	const struct work his = { .before = "atomic64_t my_exits;\nEXPORT_SYMBOL(my_exits);\n\natomic64_t my_each[69];\nEXPORT_SYMBOL(my_each);\n\n",
				  .in = "\tatomic64_inc(&my_exits);\n\tif (eax == 0x4fffffff)\n\t\teax = my_exits + my_each[ecx];\n" ASKS };

	(void)state;
	taken_beside(&theirs, &his, "+EXPORT_SYMBOL(my_exits);\n+\n+atomic64_t my_each[69];\n");
}

/* A function of the base's, with other names for all that is in it. */
static void test_a_function_with_other_names(void **state)
{
	const struct work his = { .whole = "int kvm_emulate_cpuid(struct kvm_vcpu *vcpu_ptr)\n{\n\tu32 eax_rg, ebx_rg, ecx_rg, edx_rg;\n\n"
					   "\teax_rg = kvm_rax_read(vcpu_ptr);\n\tif (eax_rg == 0x4fffffff)\n\t\teax_rg = my_exits;\n\telse\n"
					   "\t\tkvm_cpuid(vcpu_ptr, &eax_rg, &ebx_rg, &ecx_rg, &edx_rg, false);\n\tkvm_rax_write(vcpu_ptr, eax_rg);\n"
					   "\treturn kvm_skip_emulated_instruction(vcpu_ptr);\n}\n" };
	struct intake in;

	(void)state;
	take_beside(&(struct work){ 0 }, &his, &in);
	expect_lines(&in, "+int kvm_emulate_cpuid(struct kvm_vcpu *vcpu_ptr)\n");
	assert_int_equal(count_taken(&in), 6);
	intake_free(&in);
}

/* The base's function has got another name, and his calls it: of the base's lines none is his. */
static void test_a_function_around_the_bases(void **state)
{
	const struct work theirs = { .whole = "int kvm_emulate_cpuid(struct kvm_vcpu *vcpu, fastpath_t exit_fastpath)\n{\n\tu32 eax, ebx, ecx, edx;\n\n"
					      "\teax = kvm_rax_read(vcpu);\n" ASKS "\tlater_age_does(vcpu);\n\tkvm_rax_write(vcpu, eax);\n"
					      "\treturn kvm_skip_emulated_instruction(vcpu);\n}\n" };
	const struct work his = { .whole = "int inner_cpuid(struct kvm_vcpu *vcpu, fastpath_t exit_fastpath)\n{\n\tu32 eax, ebx, ecx, edx;\n\n\teax = kvm_rax_read(vcpu);\n" ASKS
					   "\tkvm_rax_write(vcpu, eax);\n\treturn kvm_skip_emulated_instruction(vcpu);\n}\n\n"
					   "int kvm_emulate_cpuid(struct kvm_vcpu *vcpu, fastpath_t exit_fastpath)\n{\n\tmy_exits++;\n\tif (leaf_of(vcpu) == 0x4fffffff)\n"
					   "\t\treturn my_answer(vcpu, my_exits);\n\treturn inner_cpuid(vcpu);\n}\n" };
	struct intake in;

	(void)state;
	take_beside(&theirs, &his, &in);
	expect_lines(&in, "+int inner_cpuid(struct kvm_vcpu *vcpu, fastpath_t exit_fastpath)\n");
	assert_null(strstr(buf_str(&in.patch), "-\tlater_age_does(vcpu);"));
	intake_free(&in);
}

/* The same of one of the file's, where he put his own. */
static void test_a_variable_of_the_file(void **state)
{
	const struct work theirs = { .before = "static bool fb_clear_available;\n\n", .in = "\tfb_clear_available = eax;\n" ASKS };
	struct intake in;

	(void)state;
	take_beside(&theirs, &(struct work){ .before = "u64 my_exits;\n\n", .in = ASKS LEAF }, &in);
	expect_lines(&in, "+u64 my_exits;\n");
	assert_null(strstr(buf_str(&in.patch), "-static bool fb_clear_available;"));
	intake_free(&in);
}

#define TRACE(first) "\ttrace_exit_of(" first "vcpu, KVM_ISA_OF_IT);\n"

/* The base's call has another argument than that of his age, among lines of his own. */
static void test_a_call_with_other_arguments(void **state)
{
	_cleanup_free_ char *text = text_of(0, &(struct work){ .other = TRACE("leaf, ") "\n", .before = "void trace_it(void)\n{\n" TRACE("") "}\n\n" });
	_cleanup_free_ char *newer = text_of(4, &(struct work){ .other = TRACE("") "\n" });
	struct intake in;

	(void)state;
	put(base_list[OLD].dir, CPUID, text);
	add_newer_base("");
	put(base_list[NEW].dir, CPUID, newer);
	hand_in(3, &(struct work){ .top = "u64 my_exits;\n", .in = LEAF ASKS, .other = "\tmy_exits++;\n\n" TRACE("leaf, ") "\n" });
	take(INTAKE_TAKEN, &in);
	assert_string_equal(in.base->name, "6.1");
	expect_lines(&in, "+\tmy_exits++;\n");
	assert_int_equal(count_taken(&in), 0);
	intake_free(&in);
}

/* What no compiler takes is not said to be a merge that went wrong. */
static void test_a_block_without_an_end(void **state)
{
	struct intake in;

	(void)state;
	add_newer_base("");
	hand_in(1, &(struct work){ .in = "\tif (eax == 0x4fffffff) {\n\t\teax = my_exits;\n" ASKS });
	take(INTAKE_PERSON, &in);
	assert_string_equal(in.why, "cpuid.c opens 1 block more than it closes: as it was handed in, no compiler takes it");
	intake_free(&in);
}

/* A comment whose begin was cut away is left out as another age's, and no compiler took it. */
static void test_prose_in_the_code(void **state)
{
	struct intake in;

	(void)state;
	add_newer_base("");
	hand_in(1, &(struct work){ .in = "\tif (eax == 0x4fffffff) {\n\t\teax = my_exits;\n\t}\n"
				   "\thus they can be handled by common code.\n" ASKS });
	take(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "has prose in its code"));
	intake_free(&in);
}

static void test_prose_is_no_code(void **state)
{
	(void)state;
	assert_int_equal(own_prose_line("/* they can be handled by\n common code */\nint a;\n"), 0);
	assert_int_equal(own_prose_line("#error they can be handled by\nstatic inline unsigned long long foo(void);\n"), 0);
	assert_int_equal(own_prose_line("int a = b(\"they can be handled\");\nreturn a;\n"), 0);
	assert_int_equal(own_prose_line("#define A 1 /* they can be\n * handled by common code */\nint a;\n"), 0);
	assert_int_equal(own_prose_line("int a;\n\ntile waiting, but inform the user\n"), 3);
}

static void test_programs(void **state)
{
	(void)state;
	assert_true(own_is_program("printf(\"%u\", eax);\n"));
	assert_true(own_is_program("int main(void)\n{\n}\n"));
	assert_false(own_is_program("/* no printf() here */\nint a;\n"));
	assert_false(own_is_program("void f(const char *s) __attribute__((format(printf, 1, 2)));\n"));
	assert_false(own_is_program("snprintf(s, n, \"printf(\");\n"));
}

/* ---- work for several assignments ---- */

#define VMX "arch/x86/kvm/vmx/vmx.c"
#define VMX_TEXT "int vmx_handle_exit(void)\n{\n%s\treturn 0;\n}\n"

static void put_folder(const char *folder, const char *in, const char *in_vmx)
{
	_cleanup_free_ char *cpuid = strf("%s/cpuid.c", folder), *vmx = strf("%s/vmx.c", folder);
	_cleanup_free_ char *text = text_of(0, &(struct work){ .in = in });
	_cleanup_free_ char *other = strf(VMX_TEXT, in_vmx);

	put(given, cpuid, text);
	put(given, vmx, other);
}

static void expect_folder(const char *line, const char *of_vmx)
{
	struct intake in;

	take(INTAKE_TAKEN, &in);
	expect_lines(&in, line);
	expect_lines(&in, of_vmx);
	intake_free(&in);
}

#define OF_2 "\tif (eax == 0x4fffffff)\n\t\teax = exits_of_2;\n"
#define OF_3 OF_2 "\tif (eax == 0x4ffffffe)\n\t\teax = exits_of_3;\n"

/* The folder that fits this assignment, and never one's file with another one's. */
static void test_a_folder_for_each_assignment(void **state)
{
	_cleanup_free_ char *vmx = strf(VMX_TEXT, "");
	struct intake in;

	(void)state;
	put(base_list[OLD].dir, VMX, vmx);
	put_folder("Assignment 2", OF_2 ASKS, "\texits_of_2++;\n");
	put_folder("Assignment 3", OF_3 ASKS, "\texits_of_2++, exits_of_3++; /* 0x4fffffff */\n");
	expect_folder("+\t\teax = exits_of_3;\n", "+\texits_of_2++, exits_of_3++;");
	leaves.n = 1;
	expect_folder("+\t\teax = exits_of_2;\n", "+\texits_of_2++;\n");
	/* one with fewer files is a part, one with as many is as good */
	put_folder("again", OF_2 OF_2 ASKS, "");
	take(INTAKE_TAKEN, &in);
	assert_true(in.drift && strstr(buf_str(&in.patch), "+\texits_of_2++;\n"));
	intake_free(&in);
	put_folder("again", OF_2 OF_2 ASKS, "\texits_of_2++;\n");
	take(INTAKE_PERSON, &in);
	intake_free(&in);
}

/* As much of the assignment is in both: the one whose files go on with each other is meant. */
static void test_a_folder_with_both_halves(void **state)
{
	static const char exports[] = OF_2 ASKS "\treturn 0;\n}\nEXPORT_SYMBOL(exits_of_2);\n\nint more(void)\n{\n";
	_cleanup_free_ char *vmx = strf(VMX_TEXT, "");
	struct intake in;

	(void)state;
	put(base_list[OLD].dir, VMX, vmx);
	put_folder("modified", exports, "\texits_of_2++;\n");
	put_folder("tree", exports, "\treturn 1;\n");
	put(given, "tree/x86.c", "int of_no_base;\n");
	take(INTAKE_TAKEN, &in);
	assert_non_null(strstr(buf_str(&in.patch), "+\texits_of_2++;\n"));
	assert_false(strv_has(&in.notes, "another version may be meant than the one that was taken: a failure proves nothing"));
	intake_free(&in);
}

/* ---- the other end of its age ---- */

/* from and to: as long as each other. */
static void rewrite_some(char *text, const char *from, const char *to, unsigned int lines)
{
	char *at = strstr(text, from);

	for (unsigned int i = 0; i < lines; i++, at = strstr(at, from))
		memcpy(at, to, strlen(to));
}

static void expect_end(const char *base, const char *end, bool is_told)
{
	struct intake in;

	take(INTAKE_TAKEN, &in);
	assert_string_equal(in.base->name, base);
	assert_int_equal(!in.end, !end);
	if (end) {
		assert_string_equal(in.end->name, end);
		assert_non_null(strstr(buf_str(&in.end_patch), "+\t\teax = my_exits;\n"));
	}
	for (size_t i = 0; i < in.notes.n; i++)
		is_told &= !strstr(in.notes.v[i], "stand where it worked");
	assert_false(is_told);
	intake_free(&in);
}

/* Between two bases it is put on both; with a line of its own left out a failure says nothing. */
static void test_both_ends(void **state)
{
	(void)state;
	add_newer_base("");
	hand_in(1, &(struct work){ .in = LEAF ASKS });
	expect_end("5.10", "6.1", false);
	hand_in(3, &(struct work){ .in = LEAF ASKS });
	expect_end("6.1", "5.10", false);
	hand_in(1, &(struct work){ .in = LEAF ASKS, .first = "\tturn_off_for_the_test(vcpu);\n" });
	expect_end("5.10", NULL, true);
}

/* In words of upstream's, in place of what the base has: that is another age's, and not missing. */
static void test_an_age_of_its_function(void **state)
{
	(void)state;
	add_newer_base("");
	hand_in(1, &(struct work){ .in = LEAF "\tkvm_cpuid(vcpu, &eax, &ecx, &edx, true);\n" });
	expect_end("5.10", "6.1", false);
}

/* What is older than the oldest base is put on the next one; with one base there is none beyond. */
static void test_beyond_the_ends(void **state)
{
	_cleanup_free_ char *text = text_of(0, &(struct work){ .in = LEAF ASKS });

	(void)state;
	add_newer_base("");
	rewrite_some(text, "upstream_as_ever", "upstream_as_once", 30);
	put(given, "cpuid.c", text);
	expect_end("5.10", "6.1", false);
	bases.n = 1;
	expect_end("5.10", NULL, false);
	bases.n = 2;
	rewrite_some(text, "int common_part", "int formed_part", 60);
	put(given, "cpuid.c", text);
	expect_end("5.10", NULL, false);
}

/* Nearly of a base's age: the newer one is as good, where it does not merge onto the older one. */
static void test_nearly_of_an_age(void **state)
{
	static const char function[] = "int kvm_ask(struct kvm_vcpu *vcpu, u32 leaf)\n{\n\treturn common_part_2();\n}\n\n";
	const struct work upstream = { .before = function };
	const struct work his = { .before = function, .in = LEAF ASKS "\tkvm_ask(vcpu, eax);\n" };
	_cleanup_free_ char *new = text_of(2, &upstream), *newest = text_of(4, &upstream);
	_cleanup_free_ char *text = text_of(2, &his);

	(void)state;
	put(base_list[NEW].dir, CPUID, new);
	put(base_list[NEWEST].dir, CPUID, newest);
	bases.n = 3;
	rewrite_some(text, "upstream_anew", "upstream_once", 8);
	put(given, "cpuid.c", text);
	expect_end("6.1", "6.12", false);
}

static void expect_end_of_newest(const char *new, unsigned int newer_lines, const char *end)
{
	_cleanup_free_ char *text = text_of(4, &(struct work){ .before = new, .in = LEAF ASKS });

	rewrite_some(text, "upstream_anew", "upstream_soon", newer_lines);
	put(given, "cpuid.c", text);
	expect_end("6.1", end, false);
}

/* Little newer than the newest base is of its age; how much newer the rest is nobody knows. */
static void test_newer_than_all(void **state)
{
	_cleanup_buf_ struct buf new = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 30; i++)
		buf_printf(&new, "int later_part_%u(void)\n{\n\treturn upstream_later(%u);\n}\n\n", i, i);
	add_newer_base(buf_str(&new));
	expect_end_of_newest(buf_str(&new), 25, "5.10");
	expect_end_of_newest(buf_str(&new), 50, NULL);
}

/* ---- all ---- */

static int make_bases(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	given = strf("%s/given", top);
	scratch = strf("%s/scratch", top);
	base_list[OLD].dir = strf("%s/old", top);
	base_list[NEW].dir = strf("%s/new", top);
	base_list[NEWEST].dir = strf("%s/newest", top);
	setenv("NESTLAB_CACHE", top, 1);
	return 0;
}

static int remove_bases(void **state)
{
	(void)state;
	rm_rf(top);
	free(given);
	free(scratch);
	free((char *)base_list[OLD].dir);
	free((char *)base_list[NEW].dir);
	free((char *)base_list[NEWEST].dir);
	return 0;
}

static int begin(void **state)
{
	_cleanup_free_ char *text = text_of(0, &(struct work){ 0 });

	(void)state;
	bases.n = 1;
	leaves.n = 2;
	put(base_list[OLD].dir, CPUID, text);
	return rm_rf(given) || rm_rf(scratch) || mkdir_p(given) || mkdir_p(scratch);
}

static int end(void **state)
{
	(void)state;
	peers_free(&peers);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_another_age_in_the_class, begin, end),
		cmocka_unit_test_setup_teardown(test_upstreams_use_of_its_variable, begin, end),
		cmocka_unit_test_setup_teardown(test_a_line_between_the_bases, begin, end),
		cmocka_unit_test_setup_teardown(test_a_fastpath_of_its_own, begin, end),
		cmocka_unit_test_setup_teardown(test_a_handout_on_the_very_base, begin, end),
		cmocka_unit_test_setup_teardown(test_a_comment_is_one, begin, end),
		cmocka_unit_test_setup_teardown(test_a_block_around_upstreams_line, begin, end),
		cmocka_unit_test_setup_teardown(test_a_variable_of_a_usual_name, begin, end),
		cmocka_unit_test_setup_teardown(test_declared_and_not_used, begin, end),
		cmocka_unit_test_setup_teardown(test_exported_for_no_file, begin, end),
		cmocka_unit_test_setup_teardown(test_the_base_that_has_the_function, begin, end),
		cmocka_unit_test_setup_teardown(test_a_function_of_a_later_age, begin, end),
		cmocka_unit_test_setup_teardown(test_a_function_that_was_not_there_yet, begin, end),
		cmocka_unit_test_setup_teardown(test_a_file_by_the_name_of_another, begin, end),
		cmocka_unit_test_setup_teardown(test_a_whole_tree_of_another_age, begin, end),
		cmocka_unit_test_setup_teardown(test_a_second_try, begin, end),
		cmocka_unit_test_setup_teardown(test_a_variable_that_the_base_needs, begin, end),
		cmocka_unit_test_setup_teardown(test_as_the_next_bases_diff, begin, end),
		cmocka_unit_test_setup_teardown(test_a_block_without_an_end, begin, end),
		cmocka_unit_test_setup_teardown(test_a_variable_of_the_file, begin, end),
		cmocka_unit_test_setup_teardown(test_functions_in_anothers_place, begin, end),
		cmocka_unit_test_setup_teardown(test_variables_in_a_functions_place, begin, end),
		cmocka_unit_test_setup_teardown(test_a_function_with_other_names, begin, end),
		cmocka_unit_test_setup_teardown(test_a_function_around_the_bases, begin, end),
		cmocka_unit_test_setup_teardown(test_a_call_with_other_arguments, begin, end),
		cmocka_unit_test_setup_teardown(test_a_folder_for_each_assignment, begin, end),
		cmocka_unit_test_setup_teardown(test_a_folder_with_both_halves, begin, end),
		cmocka_unit_test_setup_teardown(test_prose_in_the_code, begin, end),
		cmocka_unit_test(test_prose_is_no_code),
		cmocka_unit_test(test_programs),
		cmocka_unit_test_setup_teardown(test_both_ends, begin, end),
		cmocka_unit_test_setup_teardown(test_an_age_of_its_function, begin, end),
		cmocka_unit_test_setup_teardown(test_beyond_the_ends, begin, end),
		cmocka_unit_test_setup_teardown(test_nearly_of_an_age, begin, end),
		cmocka_unit_test_setup_teardown(test_newer_than_all, begin, end),
	};

	return cmocka_run_group_tests(tests, make_bases, remove_bases);
}
