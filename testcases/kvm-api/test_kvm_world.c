// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-api/world: a monitor among answers of KVM that it does not get while all goes well.
 *
 * What is a fault for each monitor, whatever its assignment says:
 * - the guest could not be run (a failed entry, an internal error, a shutdown, a reason that nobody
 *   knows), and the monitor tells success, or goes on as if nothing were;
 * - accesses to no memory, and debug exits, that nobody is told of: the guest's work is half done;
 * - data taken from elsewhere than io.data_offset says, or more of it than was sent;
 * - a KVM_RUN that failed taken for an exit: the last one is served once more;
 * - a KVM_RUN that fails, or a /dev/kvm that can't be opened, that nobody is told of;
 * - bytes that the guest sent, whatever their values, that are not printed;
 * - counts that are right only while they are small; another monitor that it disturbs; a crash; a
 *   loop.
 *
 * What no assignment's text asks for, and the usual handout does not do, is a hint (a skip), unless
 * the monitor's folder promises it: io.count over 1, other sizes at the serial port, going on after
 * EINTR and EAGAIN in place of a clear error, output that takes less than it is given. No guest of
 * such a monitor uses a string instruction, and a monitor with no signal handler is interrupted by
 * debuggers only.
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

#define NOT_RIGHT "the monitor is not right when all is right"
#define NOT_REACHED "it never came to what is changed in this run"
#define SIGNAL_ABORT 6
#define DIGITS "0123456789abcdefABCDEFx"

/* Further words by which a monitor that ends with exit code 0 can have told what it met. */
#define REASON_WORDS "unknown unhandled unsupported reason shutdown mmio debug internal entry unable"

#define FAILURE_WORDS "open kvm_run permission denied bad address"

/* -- what is looked at in many runs -- */

static void look_at(const struct runs *r, const struct seen *s, const unsigned int *which, size_t n,
		    struct tally *y)
{
	struct variant v[VARIANTS];

	variants_of(r, v);
	for (size_t i = 0; i < n; i++)
		if (is_offered(&v[which[i]]))
			look_variant(r, s, &v[which[i]], y);
}

static void look_output(const struct runs *r, const struct seen *s, struct tally *y)
{
	static const unsigned int which[] = { VARIANT_NUMBER, VARIANT_STRING };

	look_printed(r, s, y);
	look_at(r, s, which, ARRAY_SIZE(which), y);
}

static void look_counts(const struct runs *r, const struct seen *s, struct tally *y)
{
	static const unsigned int which[] = { VARIANT_EXITS, VARIANT_DIRECTIONS };

	look_at(r, s, which, ARRAY_SIZE(which), y);
}

static void look_end(const struct seen *s, struct tally *y)
{
	_cleanup_free_ char *how = how_it_ended(s);

	if (has_succeeded(s))
		tally_good(y);
	else
		tally_bad(y, "%s", how);
}

static void look_stranger(const struct seen *s, struct tally *y)
{
	if (has_printed_stranger(s))
		tally_bad(y, "what lies beside the data was printed");
	else
		tally_good(y);
}

/* A program that is no monitor at all is never disturbed, either. */
static void check_right(const struct runs *r, struct test_result *t)
{
	const struct seen *s = run_with(r, "none");
	_cleanup_free_ char *how = how_it_ended(s);
	_cleanup_free_ char *got = strf("%s, %s", s->has_halt ? "a hlt" : "no hlt", how);

	check_that(t, "nothing that disturbs it", was_right(r), "a hlt, exit code 0", got,
		   BY_WATCHING);
}

/* The run with a twist that was applied; NULL: the check is skipped. */
static const struct seen *twisted_run(const struct runs *r, struct test_result *t, const char *name,
				      const char *twist)
{
	const struct seen *s = run_with(r, twist);

	if (was_right(r) && s && s->twisted)
		return s;
	check_skip(t, name, was_right(r) ? NOT_REACHED : NOT_RIGHT);
	return NULL;
}

/* -- exits that are none of the guest's -- */

static const struct reason {
	const char *name, *expected;
	const char *twists[2]; /* as the first exit; in place of the guest's hlt, NULL: elsewhere */
	bool may_go_on; /* where it tells of it */
} reasons[] = {
	{ "a shutdown at the start", "KVM_EXIT_SHUTDOWN is noticed", { "shutdown" }, false },
	{ "an entry to the guest that failed", "KVM_EXIT_FAIL_ENTRY is noticed",
	  { "fail-entry", "late-fail-entry" }, false },
	{ "an internal error of KVM", "KVM_EXIT_INTERNAL_ERROR is noticed",
	  { "internal", "late-internal" }, false },
	{ "an access to no memory", "KVM_EXIT_MMIO is noticed", { "mmio", "late-mmio" }, true },
	{ "a debug exit that nobody asked for", "KVM_EXIT_DEBUG is noticed",
	  { "debug", "late-debug" }, true },
	{ "an exit reason that nobody knows", "reason 0x105 is noticed",
	  { "unknown", "late-unknown" }, false },
};

static void look_reason(const struct runs *r, const struct seen *s, bool may_go_on, struct tally *y)
{
	_cleanup_free_ char *how = how_it_ended(s);
	const char *when = str_starts(s->twist, "late-") ? "in place of the hlt" : "at the start";

	if (!has_noticed(r, s, REASON_WORDS))
		tally_bad(y, "%s (%s), and no word about it", how, when);
	else if (has_succeeded(s) && s->went_on && !may_go_on)
		tally_bad(y, "it went on, and ended with success (%s)", when);
	else
		tally_good(y);
}

static void check_reason(const struct runs *r, const struct reason *w, struct test_result *t)
{
	struct tally y = { .unit = "run" };

	for (size_t i = 0; was_right(r) && i < ARRAY_SIZE(w->twists) && w->twists[i]; i++) {
		const struct seen *s = run_with(r, w->twists[i]);

		if (s && s->twisted)
			look_reason(r, s, w->may_go_on, &y);
	}
	if (y.n)
		tally_check(t, w->name, w->expected, &y, BY_WATCHING);
	else
		check_skip(t, w->name, was_right(r) ? NOT_REACHED : NOT_RIGHT);
}

static void check_failure(const struct runs *r, struct test_result *t, const char *twist,
			  const char *name, const char *expected)
{
	const struct seen *s = twisted_run(r, t, name, twist);
	_cleanup_free_ char *how = s ? how_it_ended(s) : NULL, *got = NULL;
	bool noticed = s && has_noticed(r, s, FAILURE_WORDS);

	if (!s)
		return;
	got = strf("%s%s", how, noticed ? "" : ", and no word about it");
	check_that(t, name, noticed, expected, got, BY_WATCHING);
}

/* -- what a monitor may promise -- */

static const struct custom {
	const char *name, *expected, *twist, *promise;
	const char *hint;  /* why it is no fault where it was not promised */
	bool may_refuse;   /* an error serves as well */
	bool loss_is_hint; /* else output that is not right is a fault, promised or not */
} customs[] = {
	{ "KVM_RUN interrupted", "it goes on, and all is printed once", "interrupted", "interrupts",
	  "KVM_RUN's EINTR ends it: a debugger, or ^Z and fg, end its guest", false, false },
	{ "KVM_RUN to be called again", "it goes on, and all is printed once", "again",
	  "interrupts", "KVM_RUN's EAGAIN ends it", false, false },
	{ "many values in one exit", "all are printed, or it ends with an error", "many-values",
	  "counts", "it takes io.count for 1: of a rep outs of its guest the first value is served",
	  true, true },
	{ "other sizes at the serial port", "all bytes are printed, or it ends with an error",
	  "sizes", "sizes", "it looks at one byte, whatever io.size is", true, true },
	{ "output that takes less than it is given", "all is printed in the end", "short-writes",
	  "short-writes", "it does not look how much write() took", true, true },
};

/* Made up for the serial port, of more than a byte. */
static void look_sizes(const struct runs *r, const struct seen *s, struct tally *y)
{
	struct reader reader = { .s = s };

	for (size_t i = 0; i < s->n_exits; i++) {
		const struct left *x = &s->exits[i];
		_cleanup_free_ char *text = shown_bytes(&x->bytes);

		if (!x->made || x->reason != EXIT_IO || x->port != r->serial || x->size == 1)
			continue;
		if (read_text(&reader, x->bytes.data, x->bytes.len))
			tally_good(y);
		else
			tally_bad(y, "'%s' was not printed", text);
	}
}

/* A signal other than an assertion's, a loop, a stranger's byte. */
static bool is_unsound(const struct seen *s)
{
	return !has_ended(s) || has_printed_stranger(s) ||
	       (!strcmp(s->end, "signal") && s->code != SIGNAL_ABORT);
}

static void tell_unsound(const struct seen *s, struct tally *y)
{
	if (has_printed_stranger(s))
		look_stranger(s, y);
	else
		look_end(s, y);
}

/* With a clear error, whatever its exit code. */
static bool has_refused(const struct runs *r, const struct seen *s)
{
	return !has_succeeded(s) || has_noticed(r, s, NULL);
}

/* Sound, and not as it should be. True: that is no fault of this monitor. */
static bool is_hint(const struct runs *r, const struct custom *c, const struct seen *s)
{
	return !has_promised(r, c->promise) && (has_refused(r, s) || c->loss_is_hint);
}

static void check_custom(const struct runs *r, const struct custom *c, struct test_result *t)
{
	const struct seen *s = twisted_run(r, t, c->name, c->twist);
	_cleanup_free_ char *how = s ? how_it_ended(s) : NULL;
	struct tally y = { .unit = "thing" };

	if (!s)
		return;
	if (is_unsound(s)) {
		tell_unsound(s, &y);
	} else if (!has_refused(r, s)) {
		look_output(r, s, &y);
		look_sizes(r, s, &y);
		/* Whether a KVM_RUN that failed is an exit is nowhere said. */
		if (strcmp(c->promise, "interrupts") != 0)
			look_counts(r, s, &y);
	} else if (c->may_refuse) {
		tally_good(&y);
	} else {
		tally_bad(&y, "it ended with an error (%s)", how);
	}
	if (y.n_bad && !is_unsound(s) && is_hint(r, c, s)) {
		tally_drop(&y);
		check_skip(t, c->name, c->hint);
		return;
	}
	tally_check(t, c->name, c->expected, &y, BY_WATCHING);
}

/* -- the data -- */

static void check_moved(const struct runs *r, struct test_result *t)
{
	static const char name[] = "data at another place";
	const struct seen *s = twisted_run(r, t, name, "moved");
	struct tally y = { .unit = "thing" };

	if (!s)
		return;
	look_output(r, s, &y);
	look_counts(r, s, &y);
	look_end(s, &y);
	tally_check(t, name, "it is taken and answered where io.data_offset says", &y, BY_WATCHING);
}

static void check_beside(const struct runs *r, struct test_result *t)
{
	static const char name[] = "what lies beside the data";
	const struct seen *s = twisted_run(r, t, name, "beside");
	struct tally y = { .unit = "thing" };

	if (!s)
		return;
	look_stranger(s, &y);
	look_output(r, s, &y);
	look_counts(r, s, &y);
	look_end(s, &y);
	tally_check(t, name, "it is not printed, and no part of an answer", &y, BY_WATCHING);
}

static void check_last_bytes(const struct runs *r, struct test_result *t)
{
	static const char name[] = "a text of any bytes, without an end of line";
	const struct seen *s = twisted_run(r, t, name, "last-bytes");
	struct tally y = { .unit = "thing" };

	if (!s)
		return;
	look_printed(r, s, &y);
	look_end(s, &y);
	tally_check(t, name, "it is printed as it was sent, to its last byte", &y, BY_WATCHING);
}

static void check_many_exits(const struct runs *r, struct test_result *t)
{
	static const char name[] = "more than 255 exits";
	const struct seen *s;
	struct tally y = { .unit = "thing" };

	if (!r->exits && !r->exits_text && !r->exits_in) {
		check_skip(t, name, "this monitor does not offer their number");
		return;
	}
	s = twisted_run(r, t, name, "many-exits");
	if (!s)
		return;
	look_printed(r, s, &y);
	look_counts(r, s, &y);
	look_end(s, &y);
	tally_check(t, name, "all are counted, as few are", &y, BY_WATCHING);
}

/* -- another monitor -- */

/* Numbers left out: where its memory lies is another place each time. */
static bool same_text(const struct buf *a, const struct buf *b)
{
	const char *p = buf_str(a), *q = buf_str(b);

	for (;; p++, q++) {
		p += strspn(p, DIGITS);
		q += strspn(q, DIGITS);
		if (*p != *q)
			return false;
		if (!*p)
			return true;
	}
}

static void look_other(const struct seen *s, struct tally *y)
{
	_cleanup_free_ char *alone = printable(buf_str(&s->alone.out), s->alone.out.len, 60);
	_cleanup_free_ char *beside = printable(buf_str(&s->beside.out), s->beside.out.len, 60);

	if (strcmp(s->alone.end, s->beside.end) || s->alone.code != s->beside.code)
		tally_bad(y, "the second one: %s, code %" PRId64 "; alone: %s, code %" PRId64,
			  s->beside.end, s->beside.code, s->alone.end, s->alone.code);
	else if (!same_text(&s->alone.out, &s->beside.out))
		tally_bad(y, "the second one printed '%s'; alone '%s'", beside, alone);
	else
		tally_good(y);
}

static void check_two(const struct runs *r, struct test_result *t)
{
	static const char name[] = "two monitors at once";
	const struct seen *s = twisted_run(r, t, name, "two");
	struct tally y = { .unit = "thing" };

	if (!s)
		return;
	look_end(s, &y);
	look_output(r, s, &y);
	look_counts(r, s, &y);
	if (s->alone.end && s->beside.end)
		look_other(s, &y);
	tally_check(t, name, "each as if it were alone", &y, BY_WATCHING);
}

static void judge_world(const struct evidence *e, struct test_result *t)
{
	struct runs r;

	if (runs_begin(e, t, &r)) {
		check_ends(&r, t);
		check_right(&r, t);
		for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
			check_reason(&r, &reasons[i], t);
		for (size_t i = 0; i < ARRAY_SIZE(customs); i++)
			check_custom(&r, &customs[i], t);
		check_moved(&r, t);
		check_beside(&r, t);
		check_last_bytes(&r, t);
		check_many_exits(&r, t);
		check_two(&r, t);
		check_failure(&r, t, "no-kvm", "no right to open /dev/kvm", "it says so, and ends");
		check_failure(&r, t, "fails", "KVM_RUN that fails", "it says so, and ends");
	}
	runs_free(&r);
}

static const char *const world_checks[] = {
	"the monitor ends",
	"nothing that disturbs it",
	"a shutdown at the start",
	"an entry to the guest that failed",
	"an internal error of KVM",
	"an access to no memory",
	"a debug exit that nobody asked for",
	"an exit reason that nobody knows",
	"KVM_RUN interrupted",
	"KVM_RUN to be called again",
	"many values in one exit",
	"other sizes at the serial port",
	"output that takes less than it is given",
	"data at another place",
	"what lies beside the data",
	"a text of any bytes, without an end of line",
	"more than 255 exits",
	"two monitors at once",
	"no right to open /dev/kvm",
	"KVM_RUN that fails",
	NULL,
};

static const char *const world_args[] = {
	"any",	 "none",       "shutdown", "fail-entry",   "late-fail-entry", "internal",
	"late-internal", "mmio", "late-mmio", "debug",	   "late-debug",      "unknown",
	"late-unknown", "interrupted", "again", "many-values", "sizes",	      "moved",
	"beside", "many-exits", "short-writes", "last-bytes", "two", "no-kvm",
	"fails", NULL,
};

static const struct testcase kvm_api_world = {
	.name = "kvm-api/world",
	.assignment = "kvm-api",
	.summary = "a monitor when KVM answers what it never does while all goes well",
	.program = "test_kvm_world",
	.args = world_args,
	.level = 1,
	.timeout_s = 120, /* 24 runs took 11 s on two busy CPUs, 13 in one; it makes 25 */
	.wants_monitor = true,
	.checks = world_checks,
	.judge = judge_world,
};
TESTCASE(kvm_api_world);
#endif
