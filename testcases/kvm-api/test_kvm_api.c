// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-api/...: somebody's virtual machine monitor, watched at its border to KVM (lib/watch.h) in
 * each of the four modes: as it is, with exits that its guest never made (questions), and with a
 * world in which something is wrong, which it must notice.
 */
#ifdef NESTLAB_GUEST
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kvm-api/lib/watch.h"

#define DEADLINE_MS 5000 /* a run takes some 0.1 s */
#define DEADLINE_MS_PER_SLOWDOWN 1000

static const char *setting(const char *variable, const char *by_default)
{
	const char *value = getenv(variable);

	return value ? value : by_default;
}

/* "NESTLAB_OPTION_" and the mode in capitals; NULL: the monitor does not offer it. */
static const char *option_of(const char *mode)
{
	char variable[64] = "NESTLAB_OPTION_";
	size_t n = strlen(variable);

	for (; *mode && n + 1 < sizeof(variable); mode++)
		variable[n++] = (char)(*mode - 'a' + 'A');
	variable[n] = '\0';
	return getenv(variable);
}

static void read_ports(struct watch_ports *p)
{
	p->serial = (uint16_t)guest_number("NESTLAB_PORT_SERIAL", 0);
	p->print32 = (uint16_t)guest_number("NESTLAB_PORT_PRINT32", 0);
	p->exits = (uint16_t)guest_number("NESTLAB_PORT_EXITS", 0);
	p->exits_text = (uint16_t)guest_number("NESTLAB_PORT_EXITS_TEXT", 0);
	p->string = (uint16_t)guest_number("NESTLAB_PORT_STRING", 0);
	p->translate = (uint16_t)guest_number("NESTLAB_PORT_TRANSLATE", 0);
	p->hva = (uint16_t)guest_number("NESTLAB_PORT_HVA", 0);
}

static void tell_settings(const struct watch_ports *p)
{
	observe_u64("memory", guest_number("NESTLAB_MEMORY", 0x200000));
	observe_u64("port.serial", p->serial);
	observe_u64("port.print32", p->print32);
	observe_u64("port.exits", p->exits);
	observe_u64("port.exits_text", p->exits_text);
	observe_u64("port.string", p->string);
	observe_u64("port.translate", p->translate);
	observe_u64("port.hva", p->hva);
	observe_str("words.wrong", setting("NESTLAB_WORDS_WRONG", "wrong"));
	observe_str("words.invalid", setting("NESTLAB_WORDS_INVALID", "invalid"));
}

static const char *first_mode(void)
{
	static const char *const modes[] = { "long", "protected", "paged", "real" };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (option_of(modes[i]))
			return modes[i];
	guest_skip("this monitor offers none of the four modes");
}

static enum watch_twist twist_of(const char *name)
{
	for (unsigned int i = 0; i < TWISTS; i++)
		if (!strcmp(watch_twist_names[i], name))
			return (enum watch_twist)i;
	guest_broken(__FILE__, __LINE__, "there is no twist '%s'", name);
}

/* Arguments: a mode, or "any"; then the twists, a run each. */
static void run(void)
{
	const char *mode = guest_args[0];
	struct guest_cpus cpus;
	struct stat kvm;
	unsigned int slow = (unsigned int)guest_number("NESTLAB_SLOWDOWN", 1) * DEADLINE_MS_PER_SLOWDOWN;
	struct watch_run w = { .deadline_ms = slow > DEADLINE_MS ? slow : DEADLINE_MS };

	w.program = getenv("NESTLAB_MONITOR");
	if (!w.program || !mode)
		guest_skip("no monitor: the lab runs this with NESTLAB_MONITOR=... and a mode");
	w.mode = strcmp(mode, "any") ? mode : first_mode();
	w.option = option_of(w.mode);
	if (!w.option)
		guest_skip("this monitor does not offer the mode '%s'", w.mode);
	/* The monitor is nobody. */
	if (stat("/dev/kvm", &kvm) || chmod("/dev/kvm", 0666))
		guest_skip("this level has no /dev/kvm");
	/* Watcher and watched take turns: on two CPUs each turn would wake the other one up. */
	guest_cpus(&cpus);
	SAFE_PIN(cpus.cpu[0]);
	/* Some hundred lines a run: sent one by one they would take longer than the run. */
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	read_ports(&w.ports);
	tell_settings(&w.ports);
	for (char **twist = guest_args + 1; *twist; twist++) {
		w.twist = twist_of(*twist);
		/* One that does not end does not end in the other runs either. */
		if (!watch_monitor(&w))
			break;
		fflush(stdout);
	}
	chmod("/dev/kvm", kvm.st_mode & 07777);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/lines.h"
#include "judge/checks.h"
#include "judge/monitor_runs.h"

#define BY_WATCHING "oracle: the monitor's calls to KVM and its memory, by ptrace in L1"

/* <linux/kvm.h> */
enum { EXIT_IO = 2, EXIT_HLT = 5 };
enum { WANTED = 42, STRANGER = 1, TSS_BYTES = 3 * 4096 };

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

static bool is_serial(const struct runs *r, const struct left *x)
{
	return x->reason == EXIT_IO && x->out && x->size == 1 && x->port == r->serial;
}

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

static void look_printed(const struct runs *r, const struct seen *s, struct tally *y)
{
	struct reader reader = { .s = s };

	for (size_t i = 0; i < s->n_exits; i++) {
		const struct left *x = &s->exits[i];
		_cleanup_free_ char *text = shown_bytes(&x->bytes);

		if (!is_serial(r, x))
			continue;
		if (read_text(&reader, x->bytes.data, x->bytes.len))
			tally_good(y);
		else
			tally_bad(y, "'%s' was sent, and not printed", text);
	}
}

/* Letters came in the wrong case in the second run: the monitor can't know the text beforehand. */
static void check_printed(const struct runs *r, struct test_result *t)
{
	const struct seen *questions = run_with(r, "questions");
	struct tally y = { .unit = "text" };

	look_printed(r, run_with(r, "none"), &y);
	if (questions)
		look_printed(r, questions, &y);
	tally_check(t, "text on the serial port", "sent by the guest, and printed as it was sent",
		    &y, BY_WATCHING);
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

static char *how_it_ended(const struct seen *s)
{
	if (!strcmp(s->end, "exited"))
		return strf("exit code %" PRId64, s->code);
	if (!strcmp(s->end, "signal"))
		return strf("signal %" PRId64 " (%s)", s->code, strsignal((int)s->code));
	if (!strcmp(s->end, "deadline"))
		return xstrdup("still running at its deadline, killed");
	return xstrdup(
		"killed: too many calls to KVM, exits or processes for a guest of this kind");
}

static bool has_ended(const struct seen *s)
{
	return !strcmp(s->end, "exited") || !strcmp(s->end, "signal");
}

/* In every run, whatever is wrong in it. */
static void check_ends(const struct runs *r, struct test_result *t)
{
	struct tally y = { .unit = "run" };

	for (size_t i = 0; i < r->n; i++) {
		_cleanup_free_ char *how = how_it_ended(&r->v[i]);

		if (has_ended(&r->v[i]))
			tally_good(&y);
		else
			tally_bad(&y, "%s (%s)", how, r->v[i].twist);
	}
	tally_check(t, "the monitor ends", "by itself", &y, BY_WATCHING);
}

static void check_code(const struct seen *s, struct test_result *t)
{
	_cleanup_free_ char *how = how_it_ended(s);

	check_that(t, "the monitor's verdict", !strcmp(s->end, "exited") && !s->code,
		   "exit code 0, as all is right", how, BY_WATCHING);
}

/* By its exit code, by an assertion, or in words that it did not use when all was right. */
static bool has_noticed(const struct runs *r, const struct seen *s)
{
	const struct seen *plain = run_with(r, "none");

	if (!strcmp(s->end, "signal"))
		return s->code == 6; /* SIGABRT */
	return !strcmp(s->end, "exited") &&
	       (s->code || count_words(&s->out, 0, r->wrong) + count_words(&s->err, 0, r->wrong) >
				   count_words(&plain->out, 0, r->wrong) +
					   count_words(&plain->err, 0, r->wrong));
}

/* One that refuses all has noticed nothing. */
static bool was_right(const struct runs *r)
{
	const struct seen *plain = run_with(r, "none");

	return plain && !strcmp(plain->end, "exited") && !plain->code;
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
	got = strf("%s, %s", how, has_noticed(r, s) ? "noticed" : "and no word about it");
	check_that(t, name, has_noticed(r, s), expected, got, BY_WATCHING);
}

/* -- the variants: in the guest's own exits and in those that were made up -- */

struct variant {
	const char *name, *expected;
	uint64_t port;
	bool out;
	/* Look at one exit; a sentence when it is wrong (the caller owns it), else NULL. */
	char *(*look)(const struct runs *r, const struct seen *s, const struct left *x,
		      struct reader *reader);
};

static char *look_number(const struct runs *r, const struct seen *s, const struct left *x,
			 struct reader *reader)
{
	(void)r;
	(void)s;
	if (read_number(reader, exit_value(x)))
		return NULL;
	return strf("%" PRIu32 " was not printed", exit_value(x));
}

static char *look_exits(const struct runs *r, const struct seen *s, const struct left *x,
			struct reader *reader)
{
	(void)r;
	(void)s;
	(void)reader;
	if (exit_value(x) == x->total || exit_value(x) + 1 == x->total)
		return NULL;
	return strf("%" PRIu32 " at exit %" PRIu64, exit_value(x), x->total);
}

/*
 * The first two numbers of the text: in, out. The exit that asks may be counted already, or not
 * yet.
 */
static char *look_directions(const struct runs *r, const struct seen *s, const struct left *x,
			     struct reader *reader)
{
	const char *p = buf_str(&x->text);
	uint64_t n[2] = { UINT64_MAX, UINT64_MAX };

	(void)r;
	(void)s;
	(void)reader;
	for (unsigned int i = 0; i < 2 && *p; i++) {
		p += strcspn(p, "0123456789");
		if (*p)
			n[i] = strtoull(p, (char **)(void *)&p, 10);
	}
	if ((n[0] == x->ins || n[0] + 1 == x->ins) && n[1] == x->outs)
		return NULL;
	if (!x->hva)
		return strf("%#" PRIx32 " is no address of the guest", exit_value(x));
	_cleanup_free_ char *text = shown_bytes(&x->text);

	return strf("'%s' after %" PRIu64 " in and %" PRIu64 " out", text, x->ins, x->outs);
}

static char *look_string(const struct runs *r, const struct seen *s, const struct left *x,
			 struct reader *reader)
{
	_cleanup_free_ char *text = shown_bytes(&x->text);

	if (!x->hva || read_text(reader, x->text.data, x->text.len))
		return NULL;
	/* One that the memory's end cuts off may be refused. */
	if (x->hva + x->text.len == s->slot_host + s->slot_size && read_word(reader, r->invalid))
		return NULL;
	return strf("'%s' was not printed", text);
}

/* No address of the guest's memory is the answer for one that is nowhere. */
static char *look_no_hva(const struct seen *s, const struct left *asked, const struct left *x)
{
	uint32_t told = exit_value(x);

	/* 0 and -1 are what one would answer; by chance they can look like an address, too. */
	if (!told || told == UINT32_MAX || told - (uint32_t)s->slot_host >= s->slot_size)
		return NULL;
	return strf("%#" PRIx32 " is nowhere, the monitor told %#" PRIx32, exit_value(asked), told);
}

/* The address was given by the exit before it. */
static char *look_hva(const struct runs *r, const struct seen *s, const struct left *x,
		      struct reader *reader)
{
	const struct left *asked = x > s->exits ? x - 1 : NULL;

	(void)reader;
	if (!asked || asked->port != r->translate || !asked->out ||
	    (asked->hva && exit_value(x) == (uint32_t)asked->hva))
		return NULL;
	if (!asked->hva)
		return look_no_hva(s, asked, x);
	return strf("%#" PRIx32 " is at %#" PRIx32 " (low half), the monitor told %#" PRIx32,
		    exit_value(asked), (uint32_t)asked->hva, exit_value(x));
}

/*
 * Nothing tells the end of the monitor's last sentence: what was not matched yet must hold the
 * word.
 */
static char *look_invalid(const struct runs *r, const struct seen *s, const struct left *x,
			  struct reader *reader)
{
	if (x->hva || read_word(reader, r->invalid))
		return NULL;
	if (!has_ended(s) || (!strcmp(s->end, "signal")))
		return strf("%#" PRIx32 ": a signal ended the monitor", exit_value(x));
	return strf("%#" PRIx32 ": no word of '%s' was printed", exit_value(x), r->invalid);
}

static void look_all(const struct runs *r, const struct seen *s, const struct variant *v,
		     struct tally *y)
{
	struct reader reader = { .s = s };

	for (size_t i = 0; i < s->n_exits; i++) {
		const struct left *x = &s->exits[i];
		_cleanup_free_ char *wrong = NULL;

		if (x->reason != EXIT_IO || x->size != 4 || x->port != v->port || x->out != v->out)
			continue;
		wrong = v->look(r, s, x, &reader);
		if (wrong)
			tally_bad(y, "%s", wrong);
		else
			tally_good(y);
	}
}

static void check_variant(const struct runs *r, const struct variant *v, struct test_result *t)
{
	struct tally y = { .unit = "exit" };

	if (!v->port) {
		check_skip(t, v->name, "this monitor does not offer it");
		return;
	}
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].twist, "none") || !strcmp(r->v[i].twist, "questions"))
			look_all(r, &r->v[i], v, &y);
	tally_check(t, v->name, v->expected, &y, BY_WATCHING);
}

static void check_variants(const struct runs *r, struct test_result *t)
{
	const struct variant variants[] = {
		{ "32-bit values", "each is printed", r->print32, true, look_number },
		{ "the number of exits", "as many as KVM_RUN came back", r->exits, false,
		  look_exits },
		{ "the exits by direction", "in, then out, as they were", r->exits_text, false,
		  look_directions },
		{ "a string with one exit", "printed whole", r->string, true, look_string },
		{ "guest to host addresses", "by the guest's page tables and the memory slot",
		  r->translate ? r->hva : 0, false, look_hva },
		{ "an invalid guest address", "told, where there is no memory", r->translate, true,
		  look_invalid },
		{ "a string at an invalid address", "told, where there is no memory", r->string,
		  true, look_invalid },
	};

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		check_variant(r, &variants[i], t);
}

/* -- the tests -- */

static bool begin(const struct evidence *e, struct test_result *t, struct runs *r)
{
	const struct observation *wrong = obs_get(&e->obs, "words.wrong", 0);
	const struct observation *invalid = obs_get(&e->obs, "words.invalid", 0);

	*r = (struct runs){ .e = e,
			    .wrong = wrong ? wrong->str : "",
			    .invalid = invalid ? invalid->str : "" };
	if (!check_program(e, t) || !want_u64(e, t, "memory", &r->memory) ||
	    !want_u64(e, t, "port.serial", &r->serial) ||
	    !want_u64(e, t, "port.print32", &r->print32) ||
	    !want_u64(e, t, "port.exits", &r->exits) ||
	    !want_u64(e, t, "port.exits_text", &r->exits_text) ||
	    !want_u64(e, t, "port.string", &r->string) ||
	    !want_u64(e, t, "port.translate", &r->translate) ||
	    !want_u64(e, t, "port.hva", &r->hva))
		return false;
	runs_collect(r);
	if (!run_with(r, "none"))
		check_broken(t, "the runs", "one in which all is right", "there is none");
	return run_with(r, "none");
}

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

	if (begin(e, t, &r)) {
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

/* A byte that no text has: what the monitor printed it can only have from the wrong place. */
static void check_stranger(const struct runs *r, struct test_result *t, const char *twist,
			   const char *name, const char *expected)
{
	const struct seen *s = run_with(r, twist);
	const char stranger = STRANGER;
	size_t from = 0;
	bool printed;

	if (!s || !s->twisted) {
		check_skip(t, name, "it never came that far");
		return;
	}
	printed = find_bytes(&s->out, &from, &stranger, 1) ||
		  find_bytes(&s->err, &from, &stranger, 1);
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

static void judge_refusals(const struct evidence *e, struct test_result *t)
{
	struct runs r;

	if (begin(e, t, &r)) {
		check_ends(&r, t);
		check_version(&r, t);
		check_noticed(&r, t, "reason", "another exit reason than hlt",
			      "KVM_EXIT_SHUTDOWN at the end is noticed");
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
	"a byte to another port",
	"an in from the serial port",
	NULL,
};

static const char *const refusals_args[] = { "any",  "none",	  "version", "reason",
					     "port", "direction", NULL };

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
