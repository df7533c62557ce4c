// SPDX-License-Identifier: GPL-2.0-only
/* The world twisted, to see what the monitor makes of it. */
#include "watch-internal.h"

#include <ctype.h>
#include <string.h>

#define WORD_AT 256 /* in the page of the questions */
#define MIB (1u << 20)
#define GIB (1u << 30)

const char *const watch_twist_names[TWISTS] = {
	[TWIST_NONE] = "none",
	[TWIST_QUESTIONS] = "questions",
	[TWIST_MEMORY] = "memory",
	[TWIST_EAX] = "eax",
	[TWIST_EAX_PART] = "eax-part",
	[TWIST_REASON] = "reason",
	[TWIST_VERSION] = "version",
	[TWIST_PORT] = "port",
	[TWIST_DIRECTION] = "direction",
	[TWIST_SHUTDOWN] = "shutdown",
	[TWIST_FAIL_ENTRY] = "fail-entry",
	[TWIST_LATE_FAIL_ENTRY] = "late-fail-entry",
	[TWIST_INTERNAL] = "internal",
	[TWIST_LATE_INTERNAL] = "late-internal",
	[TWIST_MMIO] = "mmio",
	[TWIST_LATE_MMIO] = "late-mmio",
	[TWIST_DEBUG] = "debug",
	[TWIST_LATE_DEBUG] = "late-debug",
	[TWIST_UNKNOWN] = "unknown",
	[TWIST_LATE_UNKNOWN] = "late-unknown",
	[TWIST_INTERRUPTED] = "interrupted",
	[TWIST_AGAIN] = "again",
	[TWIST_MANY_VALUES] = "many-values",
	[TWIST_SIZES] = "sizes",
	[TWIST_MOVED] = "moved",
	[TWIST_BESIDE] = "beside",
	[TWIST_MANY_EXITS] = "many-exits",
	[TWIST_SHORT_WRITES] = "short-writes",
	[TWIST_FAILS] = "fails",
	[TWIST_NO_KVM] = "no-kvm",
	[TWIST_LAST_BYTES] = "last-bytes",
	[TWIST_TWO] = "two",
};

bool put_run(struct watch *w, size_t offset, const void *from, size_t len)
{
	return tracee_write(w->t, w->run_at + offset, from, len);
}

/* -- the questions: exits that the guest never made -- */

/* KVM puts a port's data on the page behind struct kvm_run. */
bool make_io(struct watch *w, const struct question *q, uint8_t size, uint32_t count,
	     const void *data)
{
	static const uint8_t strangers[16] = { [0 ... 15] = STRANGER };

	PUT_RUN(w, exit_reason, uint32_t, KVM_EXIT_IO);
	PUT_RUN(w, io.direction, uint8_t, q->out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN);
	PUT_RUN(w, io.size, uint8_t, size);
	PUT_RUN(w, io.port, uint16_t, q->port);
	PUT_RUN(w, io.count, uint32_t, count);
	PUT_RUN(w, io.data_offset, uint64_t, PAGE);
	put_run(w, PAGE, data, (size_t)size * count);
	put_run(w, PAGE + (size_t)size * count, strangers, sizeof(strangers));
	w->making = true;
	w->twisted++;
	return false;
}

static void ask(struct watch *w, uint16_t port, bool out, uint32_t value)
{
	if (port)
		w->questions[w->n_questions++] = (struct question){ port, out, value };
}

static void ask_translation(struct watch *w, uint32_t gva)
{
	const struct watch_ports *p = &w->run->ports;

	ask(w, p->hva ? p->translate : 0, true, gva);
	ask(w, p->translate ? p->hva : 0, false, 0);
	ask(w, p->translate_at, true, gva);
}

/* The address of a question in place of the question. */
static bool ask_at(struct watch *w, uint32_t gva)
{
	const uint32_t at = w->gva + WORD_AT;

	write_guest(w, w->page + WORD_AT, &gva, sizeof(gva));
	return make_io(w, &(struct question){ w->run->ports.translate_at, true, 0 }, 4, 1, &at);
}

/*
 * Two pages that are all zeros, behind the guest's code and tables: nothing is running, it gets
 * them back.
 */
static uint64_t find_unused_pages(struct watch *w)
{
	static const uint8_t zero[2 * PAGE];
	static uint8_t pages[2 * PAGE];

	for (uint64_t at = 0x8000; read_guest(w, at, pages, sizeof(pages)); at += PAGE)
		if (!memcmp(pages, zero, sizeof(pages)))
			return at;
	return 0;
}

/*
 * Most guests map each address to itself, and a monitor that takes one for the other is never
 * found out. So the page gets a second address in the guest's own tables: a free entry of those
 * from `from` on of the table gets what this entry has. Returns the entry's number; 0: none is free.
 */
static unsigned int make_alias(struct watch *w, uint64_t like, unsigned int bytes, unsigned int from)
{
	uint64_t table = like & ~(uint64_t)(PAGE - 1), entry = 0;

	if (!like || !read_guest(w, like, &entry, bytes))
		return 0;
	for (unsigned int i = from; i < PAGE / bytes; i++) {
		uint64_t other = 0, at = table + i * bytes;

		if (!read_guest(w, at, &other, bytes) || other & 1)
			continue;
		write_guest(w, at, &entry, bytes);
		w->aliases[w->n_aliases++] = (struct alias){ at, bytes };
		return i;
	}
	return 0;
}

/* Where there is no paging, its own addresses alone. */
static void make_aliases(struct watch *w)
{
	struct walk_result r;
	unsigned int low, high;

	w->gva = (uint32_t)w->page;
	walk_gva(w, w->page, &r);
	if (!r.page || !r.mapped)
		return;
	low = make_alias(w, r.directory_entry, r.entry_bytes, 3);
	w->gva += low * (r.entry_bytes == 4 ? 4 * MIB : 2 * MIB);
	/* Of 32 bits, the highest is set: no number with a sign. Without it, nothing is there. */
	high = r.entry_bytes == 4 ? make_alias(w, r.directory_entry, 4, 3 * GIB / (4 * MIB))
				  : make_alias(w, r.upper_entry, 8, 3);
	if (high)
		w->high_gva = (uint32_t)w->page + high * (r.entry_bytes == 4 ? 4 * MIB : GIB);
}

/* A string that the memory's end cuts off: it has no other end. */
static void ask_tail(struct watch *w)
{
	static const char text[TAIL_BYTES + 1] = "ends with memory";
	const struct slot *s = slot_of(w, w->page);
	uint64_t at = s->guest + s->size - TAIL_BYTES;
	struct walk_result r;

	walk_gva(w, at, &r);
	if (!r.mapped || r.gpa != at || !read_guest(w, at, w->tail_was, TAIL_BYTES))
		return;
	write_guest(w, at, text, TAIL_BYTES);
	w->tail = at;
	ask(w, w->run->ports.string, true, (uint32_t)at);
}

static uint32_t end_of_memory(const struct watch *w)
{
	const struct slot *s = slot_of(w, w->page);

	return (uint32_t)(s->guest + s->size);
}

/* The last byte of the memory is an address of it, and the next one is not. */
static void ask_end(struct watch *w)
{
	uint32_t end = end_of_memory(w);

	ask_translation(w, end - 1);
	ask_translation(w, end);
	ask(w, w->run->ports.string, true, end);
}

/* Of 2 MiB in a page of 4 MiB: mapped, and there is no memory. */
#define BEHIND 0x100000

/* The text goes over from one page into the next. */
static void ask_across(struct watch *w, const char *text, size_t len)
{
	const uint32_t at = PAGE - 16;

	write_guest(w, w->page + at, text, len);
	ask(w, w->run->ports.string, true, w->gva + at);
}

static void prepare_questions(struct watch *w)
{
	static const char text[] = "this string was put into the guest's memory\n";
	const struct watch_ports *p = &w->run->ports;
	uint32_t nowhere;

	w->prepared = true;
	w->page = find_unused_pages(w);
	if (!w->page)
		return;
	write_guest(w, w->page, text, sizeof(text));
	make_aliases(w);
	ask(w, p->print32, true, 4123456789);
	ask(w, p->exits, false, 0);
	ask(w, p->exits_text, false, 0);
	ask(w, p->exits_in, false, 0);
	ask(w, p->exits_out, false, 0);
	ask(w, p->string, true, w->gva);
	ask_across(w, text, sizeof(text));
	ask_translation(w, w->gva + 5);
	if (w->high_gva)
		ask_translation(w, w->high_gva + 7);
	ask_end(w);
	nowhere = end_of_memory(w) + BEHIND;
	ask_translation(w, nowhere);
	ask_translation(w, 0x10000000);
	ask(w, p->string, true, nowhere);
	ask_tail(w);
}

static void clear_questions(struct watch *w)
{
	static const uint8_t zero[2 * PAGE];

	if (w->page)
		write_guest(w, w->page, zero, sizeof(zero));
	for (size_t i = 0; i < w->n_aliases; i++)
		write_guest(w, w->aliases[i].entry, zero, w->aliases[i].bytes);
	if (w->tail)
		write_guest(w, w->tail, w->tail_was, TAIL_BYTES);
	w->page = w->n_aliases = w->tail = 0;
}

static bool make_exit(struct watch *w, const struct question *q, uint8_t size)
{
	return make_io(w, q, size, 1, &q->value);
}

static bool next_question(struct watch *w)
{
	if (!w->prepared)
		prepare_questions(w);
	if (w->asked < w->n_questions) {
		const struct question *q = &w->questions[w->asked++];

		return q->port == w->run->ports.translate_at ? ask_at(w, q->value)
							     : make_exit(w, q, 4);
	}
	clear_questions(w);
	return true;
}

/* No monitor has this port, but one that looks at a part of the number takes it for its own. */
#define OTHER_PORT(port) ((port) ^ 0x4000)

static bool make_first(struct watch *w)
{
	struct question wrong_port = { OTHER_PORT(w->run->ports.serial), true, STRANGER };
	struct question wrong_direction = { w->run->ports.serial, false, STRANGER };

	if (w->run->twist == TWIST_PORT)
		return make_exit(w, &wrong_port, 1);
	return make_exit(w, &wrong_direction, 1);
}

bool twist_entry(struct watch *w, struct tracee_call *call)
{
	w->went_on += w->twisted > 0;
	if (w->over) {
		PUT_RUN(w, exit_reason, uint32_t, KVM_EXIT_HLT);
		w->making = true;
		return false;
	}
	switch (w->run->twist) {
	case TWIST_QUESTIONS:
		return w->real_outs ? next_question(w) : true;
	case TWIST_PORT:
	case TWIST_DIRECTION:
		return w->total ? true : make_first(w);
	default:
		return world_entry(w, call);
	}
}

/* -- what the guest does -- */

/* A monitor that prints what it was told, and not what it knows, prints this. */
void change_text(struct watch *w, struct exit_seen *s, size_t len)
{
	uint8_t *byte = s->bytes + s->n;

	if (w->run->twist != TWIST_QUESTIONS || s->made || !s->out || len != 1 ||
	    s->port != w->run->ports.serial || !isalpha(*byte))
		return;
	*byte ^= 'a' ^ 'A';
	tracee_write(w->t, s->data_at, byte, 1);
	w->twisted++;
}

static void spoil_eax(struct watch *w, uint32_t instead)
{
	const uint64_t rax = instead;

	put_run(w, offsetof(struct kvm_run, s.regs.regs.rax), &rax, sizeof(rax));
	w->lie = instead;
	w->twisted++;
}

void twist_halt(struct watch *w)
{
	const uint32_t part = WANTED | 1u << 8 * (width_of(w) - 1);

	switch (w->run->twist) {
	case TWIST_MEMORY:
		w->twisted += find_stored(w, true);
		break;
	case TWIST_EAX:
		spoil_eax(w, WANTED - 1);
		break;
	case TWIST_EAX_PART:
		spoil_eax(w, part);
		break;
	default:
		w->twisted += world_halt(w);
	}
}
