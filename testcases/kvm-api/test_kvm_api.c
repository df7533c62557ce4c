// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-api/...: somebody's virtual machine monitor, watched at its border to KVM (lib/watch.h) in
 * each of the four modes: as it is, with exits that its guest never made (questions), and with a
 * world in which something is wrong, which it must notice.
 */
#ifdef NESTLAB_GUEST
#include "guest.h"
#include "kvm-api/lib/run.h"

GUEST_TEST(run_monitor)

#else

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/lines.h"
#include "judge/monitor_checks.h"

enum { WANTED = 42, TSS_BYTES = 3 * 4096 };

/* -- the calls -- */

static const struct call *first_call(const struct seen *s, const char *name)
{
	for (size_t i = 0; i < s->n_calls; i++)
		if (!strcmp(s->calls[i].name, name))
			return &s->calls[i];
	return NULL;
}

/*
 * Independent ones may come in any order. The slot and KVM's three pages may be set after the vCPU
 * was made.
 */
static const struct {
	const char *first, *then;
} order[] = {
	{ "open /dev/kvm", "KVM_GET_API_VERSION" },
	{ "KVM_GET_API_VERSION", "KVM_CREATE_VM" },
	{ "KVM_CREATE_VM", "KVM_SET_TSS_ADDR" },
	{ "KVM_CREATE_VM", "KVM_SET_USER_MEMORY_REGION" },
	{ "KVM_CREATE_VM", "KVM_CREATE_VCPU" },
	{ "KVM_GET_VCPU_MMAP_SIZE", "mmap" },
	{ "KVM_CREATE_VCPU", "mmap" },
	{ "KVM_CREATE_VCPU", "KVM_GET_SREGS" },
	{ "KVM_GET_SREGS", "KVM_SET_SREGS" },
	{ "KVM_SET_TSS_ADDR", "KVM_RUN" },
	{ "KVM_SET_USER_MEMORY_REGION", "KVM_RUN" },
	{ "mmap", "KVM_RUN" },
	{ "KVM_SET_SREGS", "KVM_RUN" },
	{ "KVM_SET_REGS", "KVM_RUN" },
};

static void check_order(const struct seen *s, struct test_result *t)
{
	struct tally y = { .unit = "pair" };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct call *first = first_call(s, order[i].first);
		const struct call *then = first_call(s, order[i].then);
		const char *missing = first ? order[i].then : order[i].first;

		if (first && then && first < then)
			tally_good(&y);
		else if (first && then)
			tally_bad(&y, "%s after %s", order[i].first, order[i].then);
		else if (!strstr(buf_str(&y.bad), missing)) /* once, though several need it */
			tally_bad(&y, "no %s", missing);
		else
			y.n++;
	}
	tally_check(t, "the order of the calls", "each after what it needs", &y, BY_WATCHING);
}

static void check_failures(const struct seen *s, struct test_result *t)
{
	struct tally y = { .unit = "call" };

	for (size_t i = 0; i < s->n_calls; i++) {
		if (s->calls[i].result < 0)
			tally_bad(&y, "%s: %s", s->calls[i].name,
				  strerror((int)-s->calls[i].result));
		else
			tally_good(&y);
	}
	tally_check(t, "the calls' results", "none fails", &y, s->given ? s->given : BY_WATCHING);
}

static void check_slot(const struct runs *r, const struct seen *s, struct test_result *t)
{
	_cleanup_free_ char *want = strf("%#" PRIx64 " bytes at guest address 0", r->memory);
	_cleanup_free_ char *got = s->has_slot
					   ? strf("%#" PRIx64 " bytes at guest address %#" PRIx64,
						  s->slot_size, s->slot_guest)
					   : xstrdup("no memory slot");

	check_that(t, "the guest's memory",
		   s->has_slot && !s->slot_guest && s->slot_size == r->memory, want, got,
		   BY_WATCHING);
}

/*
 * The text of the assignment has it among the calls, and on Intel no guest runs in real mode
 * without it, so it is wanted on AMD too. Any place does that KVM's documentation allows.
 */
static void check_tss(const struct seen *s, struct test_result *t)
{
	_cleanup_free_ char *got =
		s->has_tss ? strf("%#" PRIx64, s->tss) : xstrdup("KVM_SET_TSS_ADDR was not called");
	bool over_slot = s->has_slot && s->tss < s->slot_guest + s->slot_size &&
			 s->tss + TSS_BYTES > s->slot_guest;

	check_that(t, "KVM's three pages",
		   s->has_tss && !(s->tss & 4095) && s->tss + TSS_BYTES <= 1ULL << 32 && !over_slot,
		   "page-aligned, below 4 GiB, not in the guest's memory (0xfffbd000 is)", got,
		   BY_WATCHING);
}

static void check_map(const struct seen *s, struct test_result *t)
{
	_cleanup_free_ char *got =
		s->has_map ? strf("%" PRIu64 " bytes%s; KVM told %" PRIu64, s->map_size,
				  s->map_shared ? ", shared" : ", private", s->map_told)
			   : xstrdup("the vCPU was not mapped");

	check_that(t, "struct kvm_run",
		   s->has_map && s->map_shared && s->map_told && s->map_size == s->map_told,
		   "as many bytes as KVM_GET_VCPU_MMAP_SIZE told, shared", got, BY_WATCHING);
}

static void check_start(const struct seen *s, struct test_result *t)
{
	_cleanup_free_ char *got =
		s->has_start ? strf("%#" PRIx64 ", rflags %#" PRIx64, s->start_at, s->start_flags)
			     : xstrdup("it never ran");

	check_that(t, "the guest's start", s->has_start && !s->start_at && s->start_flags & 2,
		   "at address 0, with bit 1 of rflags set", got, BY_WATCHING);
}

/* -- the guest -- */

static void check_mode(const struct runs *r, const struct seen *s, struct test_result *t)
{
	struct tally y = { .unit = "exit" };
	_cleanup_free_ char *want = strf("%s, by CR0, CR4, EFER and CS", s->mode);

	for (size_t i = 0; i < s->n_exits; i++) {
		const struct left *x = &s->exits[i];

		if (!is_serial(r, x) && x->reason != EXIT_HLT)
			continue;
		if (strcmp(x->mode, s->mode))
			tally_bad(&y, "%s", x->mode);
		else
			tally_good(&y);
	}
	tally_check(t, "the mode", want, &y, BY_WATCHING);
}

static void check_pages(const struct seen *s, struct test_result *t)
{
	static const struct {
		const char *mode;
		uint64_t size;
	} pages[] = { { "paged", 4 << 20 }, { "long", 2 << 20 } };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (!strcmp(pages[i].mode, s->mode))
			check_equal_u64(t, "the size of the page that it runs in", pages[i].size,
					s->halt_page, BY_WATCHING);
}

/* Its guest may compute and halt, and say nothing, as the usual handout's does in real mode. */
static bool may_be_silent(const struct runs *r)
{
	return !strcmp(r->text, "none");
}

static bool is_silent(const struct runs *r)
{
	const struct seen *s = run_with(r, "none");

	for (size_t i = 0; i < s->n_exits; i++)
		if (s->exits[i].reason == EXIT_IO)
			return false;
	return may_be_silent(r);
}

/* Sent to the port that it names, or to which? */
static void look_other_port(const struct runs *r, struct tally *y)
{
	const struct seen *s = run_with(r, "none");

	for (size_t i = 0; i < s->n_exits; i++) {
		const struct left *x = &s->exits[i];
		_cleanup_free_ char *text = shown_bytes(&x->bytes);

		if (x->reason != EXIT_IO || !x->out || x->size != 1)
			continue;
		tally_bad(y, "'%s' was sent to port %#" PRIx64 "; the serial port is %#" PRIx64
			     " (serial = in [ports] of monitor.conf)", text, x->port, r->serial);
		return;
	}
}

static void look_agreed_text(const struct runs *r, struct tally *y)
{
	const struct seen *s = run_with(r, "none");
	struct buf sent = { 0 };
	size_t from = 0;

	for (size_t i = 0; i < s->n_exits; i++)
		if (is_serial(r, &s->exits[i]))
			buf_add(&sent, s->exits[i].bytes.data, s->exits[i].bytes.len);
	if (!find_bytes(&sent, &from, r->text, strlen(r->text)))
		tally_bad(y, "'%s' was not sent ([texts] of monitor.conf)", r->text);
	buf_free(&sent);
}

/* Letters came in the wrong case in the second run: the monitor can't know the text beforehand. */
static void check_printed(const struct runs *r, struct test_result *t)
{
	static const char name[] = "text on the serial port";
	const struct seen *questions = run_with(r, "questions");
	struct tally y = { .unit = "text" };
	bool nothing;

	look_printed(r, run_with(r, "none"), &y);
	nothing = !y.n;
	if (nothing && may_be_silent(r)) {
		check_skip(t, name, "this monitor's guest may be silent in this mode, and is");
		return;
	}
	if (nothing)
		look_other_port(r, &y);
	else if (*r->text && !may_be_silent(r))
		look_agreed_text(r, &y);
	if (questions)
		look_printed(r, questions, &y);
	tally_check(t, name, "sent by the guest, and printed as it was sent", &y, BY_WATCHING);
}

static void check_halt(const struct seen *s, struct test_result *t)
{
	const struct left *last = s->n_exits ? &s->exits[s->n_exits - 1] : NULL;
	_cleanup_free_ char *got =
		last ? strf("exit reason %" PRIu64, last->reason) : xstrdup("no exit at all");

	check_that(t, "the guest's end", last && last->reason == EXIT_HLT,
		   "the last exit is its hlt (KVM_EXIT_HLT, 5)", got, BY_WATCHING);
}

static void check_wanted(const struct seen *s, struct test_result *t)
{
	_cleanup_free_ char *got =
		s->has_halt ? strf("eax is %" PRIu64 ", 42 was stored %" PRIu64 " times",
				   s->halt_eax, s->halt_stored)
			    : xstrdup("the guest did not come to a hlt");

	check_that(t, "42 in memory and in eax",
		   s->has_halt && s->halt_eax == WANTED && s->halt_stored,
		   "both, made by the guest", got, BY_WATCHING);
}

/* -- how the monitor ends -- */

static void check_code(const struct seen *s, struct test_result *t)
{
	_cleanup_free_ char *how = how_it_ended(s);

	check_that(t, "the monitor's verdict", !strcmp(s->end, "exited") && !s->code,
		   "exit code 0, as all is right", how, BY_WATCHING);
}

static void check_noticed(const struct runs *r, struct test_result *t, const char *twist,
			  const char *name, const char *expected)
{
	const struct seen *s = run_with(r, twist);
	_cleanup_free_ char *how = s ? how_it_ended(s) : NULL;
	_cleanup_free_ char *got = NULL;

	if (!s || !was_right(r)) {
		check_skip(t, name, "the monitor is not right when all is right");
		return;
	}
	if (!s->twisted) {
		check_skip(t, name, "it never came that far");
		return;
	}
	got = strf("%s, %s", how, has_noticed(r, s, NULL) ? "noticed" : "and no word about it");
	check_that(t, name, has_noticed(r, s, NULL), expected, got, BY_WATCHING);
}

static void check_variant(const struct runs *r, const struct variant *v, unsigned int which,
			  struct test_result *t)
{
	bool strings = which == VARIANT_STRING_NOWHERE;
	struct tally y = { .unit = "exit" };

	if (!is_offered(v)) {
		check_skip(t, v->name, "this monitor does not offer it");
		return;
	}
	if (is_silent(r)) {
		check_skip(t, v->name, "this mode's guest uses no port");
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->v[i].twist, "none") && strcmp(r->v[i].twist, "questions"))
			continue;
		look_variant(r, &r->v[i], v, &y);
		if (which == VARIANT_NOWHERE || strings)
			look_told(r, &r->v[i], strings, &y);
	}
	tally_check(t, v->name, v->expected, &y, BY_WATCHING);
}

static void check_variants(const struct runs *r, struct test_result *t)
{
	struct variant v[VARIANTS];

	variants_of(r, v);
	for (unsigned int i = 0; i < VARIANTS; i++)
		check_variant(r, &v[i], i, t);
}

/* -- the tests -- */

static void log_output(const struct runs *r, struct test_result *t)
{
	const struct seen *s = run_with(r, "none");
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, buf_str(&s->out), "\n");
	strv_split(&lines, buf_str(&s->err), "\n");
	for (size_t i = 0; i < lines.n && i < 40; i++) {
		_cleanup_free_ char *line = printable(lines.v[i], strlen(lines.v[i]), 200);

		strv_add(&t->log, line);
	}
}

static void judge_mode(const struct evidence *e, struct test_result *t)
{
	const struct seen *s;
	struct runs r;

	if (runs_begin(e, t, &r)) {
		s = run_with(&r, "none");
		log_output(&r, t);
		result_add_measure(t, "calls to KVM", "calls", (double)s->n_calls);
		result_add_measure(t, "exits of the guest", "exits", (double)s->n_exits);
		check_ends(&r, t);
		check_order(s, t);
		check_failures(s, t);
		check_slot(&r, s, t);
		check_tss(s, t);
		check_map(s, t);
		check_start(s, t);
		check_mode(&r, s, t);
		check_pages(s, t);
		check_printed(&r, t);
		check_halt(s, t);
		check_wanted(s, t);
		check_code(s, t);
		check_variants(&r, t);
		check_noticed(&r, t, "memory", "41 in memory", "noticed at the end");
		check_noticed(&r, t, "eax", "41 in eax", "noticed at the end");
	}
	runs_free(&r);
}

static void check_stranger(const struct runs *r, struct test_result *t, const char *twist,
			   const char *name, const char *expected)
{
	const struct seen *s = run_with(r, twist);
	bool printed;

	if (!s || !s->twisted) {
		check_skip(t, name, "it never came that far");
		return;
	}
	printed = has_printed_stranger(s);
	check_that(t, name, !printed, expected, printed ? "it was printed" : "it was not",
		   BY_WATCHING);
}

static void check_version(const struct runs *r, struct test_result *t)
{
	static const char name[] = "another version of KVM's API", expected[] = "no VM is made";
	const struct seen *s = run_with(r, "version");
	bool made;

	if (!s || !s->twisted) {
		check_that(t, name, false, expected, "KVM_GET_API_VERSION is not called",
			   BY_WATCHING);
		return;
	}
	made = first_call(s, "KVM_CREATE_VM");
	check_that(t, name, !made, expected, made ? "it is made all the same" : "so it is",
		   BY_WATCHING);
}

#define PART_OF_EAX "42 in a part of eax"

static void judge_refusals(const struct evidence *e, struct test_result *t)
{
	struct runs r;

	if (runs_begin(e, t, &r)) {
		check_ends(&r, t);
		check_version(&r, t);
		check_noticed(&r, t, "reason", "another exit reason than hlt",
			      "KVM_EXIT_SHUTDOWN at the end is noticed");
		check_noticed(&r, t, "eax-part", PART_OF_EAX,
			      "a number is 42 if all of its bytes are");
		check_stranger(&r, t, "port", "a byte to another port", "it is not printed");
		check_stranger(&r, t, "direction", "an in from the serial port",
			       "what lies there is not printed");
	}
	runs_free(&r);
}

#define CHECKS_BEFORE_PAGES                                                                        \
	"the monitor ends", "the order of the calls", "the calls' results", "the guest's memory",  \
		"KVM's three pages", "struct kvm_run", "the guest's start", "the mode"
#define CHECKS_BEHIND_PAGES                                                                        \
	"text on the serial port", "the guest's end", "42 in memory and in eax",                   \
		"the monitor's verdict", "32-bit values", "the number of exits",                   \
		"the exits by direction", "a string with one exit", "guest to host addresses",     \
		"an invalid guest address", "a string at an invalid address", "41 in memory",      \
		"41 in eax"

static const char *const unpaged_checks[] = { CHECKS_BEFORE_PAGES, CHECKS_BEHIND_PAGES, NULL };
static const char *const paged_checks[] = { CHECKS_BEFORE_PAGES,
					    "the size of the page that it runs in",
					    CHECKS_BEHIND_PAGES, NULL };

#define MODE_TEST(m, checks_, text)                                                                \
	static const char *const m##_args[] = { #m, "none", "questions", "memory", "eax", NULL };  \
	static const struct testcase kvm_api_##m = {                                               \
		.name = "kvm-api/" #m,                                                             \
		.assignment = "kvm-api",                                                           \
		.summary = text,                                                                   \
		.program = "test_kvm_api",                                                         \
		.args = m##_args,                                                                  \
		.level = 1,                                                                        \
		.timeout_s = 60,                                                                   \
		.wants_monitor = true,                                                             \
		.checks = checks_,                                                                 \
		.judge = judge_mode,                                                               \
	};                                                                                         \
	TESTCASE(kvm_api_##m)

MODE_TEST(real, unpaged_checks, "a monitor's guest in real mode: calls, text, addresses, 42");
MODE_TEST(protected, unpaged_checks, "the same in protected mode");
MODE_TEST(paged, paged_checks, "the same in protected mode with 32-bit paging");
MODE_TEST(long, paged_checks, "the same in long mode");

static const char *const refusals_checks[] = {
	"the monitor ends",
	"another version of KVM's API",
	"another exit reason than hlt",
	PART_OF_EAX,
	"a byte to another port",
	"an in from the serial port",
	NULL,
};

static const char *const refusals_args[] = { "any",	 "none", "version",   "reason",
					     "eax-part", "port", "direction", NULL };

static const struct testcase kvm_api_refusals = {
	.name = "kvm-api/refusals",
	.assignment = "kvm-api",
	.summary = "what a monitor must not accept: versions, exit reasons, ports, directions",
	.program = "test_kvm_api",
	.args = refusals_args,
	.level = 1,
	.timeout_s = 60,
	.wants_monitor = true,
	.checks = refusals_checks,
	.judge = judge_refusals,
};
TESTCASE(kvm_api_refusals);
#endif
