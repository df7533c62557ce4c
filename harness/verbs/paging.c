// SPDX-License-Identifier: GPL-2.0-only
/*
 * What nested paging saves: L2's boot with it and without (npt=0, ept=0), the exits of each reason
 * side by side.
 */
#include <asm/svm.h>
#include <asm/vmx.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "core/util.h"
#include "evidence/oracle.h"
#include "judge/testcase.h"
#include "lab/lab.h"
#include "report/text.h"
#include "verbs/verb.h"

static int verb_paging(int argc, char **argv);

static const struct verb paging_verb = {
	.name = "paging",
	.usage = "",
	.summary = "boot L2 with and without nested paging: exits by reason, side by side",
	.order = 15,
	.run = verb_paging,
};
VERB(paging_verb);

/*
 * Exceptions by number (SDM volume 3, table 6-1), as the header's names of SVM's exits want them.
 */
enum {
	DE_VECTOR,
	DB_VECTOR,
	BP_VECTOR = 3,
	OF_VECTOR,
	BR_VECTOR,
	UD_VECTOR,
	NM_VECTOR,
	DF_VECTOR,
	TS_VECTOR = 10,
	NP_VECTOR,
	SS_VECTOR,
	GP_VECTOR,
	PF_VECTOR,
	MF_VECTOR = 16,
	AC_VECTOR,
	MC_VECTOR,
	XM_VECTOR,
};

/* Names as the kernel's own trace has them (uapi headers). */
struct reason_name {
	uint64_t reason;
	const char *name;
};
static const struct reason_name svm_names[] = { SVM_EXIT_REASONS };
static const struct reason_name vmx_names[] = { VMX_EXIT_REASONS };

static const char *name_of(bool intel, uint64_t reason)
{
	const struct reason_name *names = intel ? vmx_names : svm_names;
	size_t n = intel ? ARRAY_SIZE(vmx_names) : ARRAY_SIZE(svm_names);

	for (size_t i = 0; i < n; i++)
		if (names[i].reason == reason)
			return names[i].name;
	return "";
}

/* One boot of L2, restored from a state or new. */
struct boot {
	struct oracle o; /* its reasons */
	uint64_t exits;
	double seconds;
	bool intel;
};

static int take_boot(const struct lab *lab, struct boot *b)
{
	b->exits = lab->boot.exits;
	b->seconds = lab->boot.seconds;
	b->intel = lab->plan->lane.intel;
	if (oracle_parse_reasons(lab->boot.reasons ? lab->boot.reasons : "", &b->o))
		return 0;
	return fail(OUT_BROKEN, "L1's kernel counts no exits by reason (CONFIG_HIST_TRIGGERS)");
}

static int boot_l2(const struct plan *plan, struct boot *b)
{
	_cleanup_free_ char *dir = NULL;
	struct lab lab;
	int ret = lab_open(&lab, plan, "paging");

	dir = strf("%s/consoles", path_run());
	if (!ret && mkdir_p(dir))
		ret = fail(OUT_BROKEN, "can't make %s", dir);
	if (!ret)
		ret = lab_prepare(&lab);
	if (!ret)
		ret = lab_up(&lab, dir, false);
	if (!ret)
		ret = take_boot(&lab, b);
	lab_close(&lab, false);
	return ret;
}

static int boot_with(const char *nested, struct boot *b)
{
	struct plan plan = { 0 };
	struct knobs k;
	int ret = knobs_load(&k);

	if (!ret)
		ret = knobs_set(&k, "NESTED_PAGING", nested);
	if (!ret)
		ret = plan_make(&k, &plan);
	if (!ret)
		ret = boot_l2(&plan, b);
	knobs_free(&k);
	plan_free(&plan);
	return ret;
}

static void print_row(const char *what, uint64_t with, uint64_t without)
{
	_cleanup_free_ char *a = text_count(with), *b = text_count(without);

	printf("%-28s %14s %14s\n", what, a, b);
}

static void print_reason(const struct boot *with, const struct boot *without, uint64_t reason)
{
	_cleanup_free_ char *what = strf("0x%03llx %s", (unsigned long long)reason, name_of(with->intel, reason));

	print_row(what, oracle_exits_with_reason(&with->o, reason),
		  oracle_exits_with_reason(&without->o, reason));
}

#define NO_REASON UINT64_MAX

/* The lowest from `at` on that was seen. */
static uint64_t next_reason(const struct oracle *o, uint64_t at)
{
	uint64_t next = NO_REASON;

	for (size_t i = 0; i < o->n_reasons; i++)
		if (o->reasons[i].reason >= at && o->reasons[i].reason < next)
			next = o->reasons[i].reason;
	return next;
}

/* By number: each reason that was seen in either. */
static void print_reasons(const struct boot *with, const struct boot *without)
{
	uint64_t at = 0;

	for (;;) {
		uint64_t a = next_reason(&with->o, at), b = next_reason(&without->o, at);
		uint64_t next = a < b ? a : b;

		if (next == NO_REASON)
			return;
		print_reason(with, without, next);
		at = next + 1;
	}
}

static void print_table(const struct boot *with, const struct boot *without)
{
	printf("exits of one boot of L2      nested paging    without it\n");
	print_reasons(with, without);
	print_row("all", with->exits, without->exits);
	printf("%-28s %12.2f s %12.2f s\n", "power-on to ready", with->seconds, without->seconds);
}

static int verb_paging(int argc, char **argv)
{
	struct boot with = { 0 }, without = { 0 };
	int ret;

	(void)argv;
	if (argc != 1)
		return verb_usage(&paging_verb);
	ret = boot_with("1", &with);
	if (!ret)
		ret = boot_with("0", &without);
	if (!ret)
		print_table(&with, &without);
	return ret;
}
