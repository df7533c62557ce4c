// SPDX-License-Identifier: GPL-2.0-only
/* The guest's memory, as its CPU sees it and as the monitor has it. */
#include "watch-internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SLOT_BYTES (64u << 20)
#define CR0_PE 0x1

const struct slot *slot_of(const struct watch *w, uint64_t gpa)
{
	for (size_t i = 0; i < w->n_slots; i++)
		if (gpa >= w->slots[i].guest && gpa - w->slots[i].guest < w->slots[i].size)
			return &w->slots[i];
	return NULL;
}

static uint64_t hva_of(const struct watch *w, uint64_t gpa)
{
	const struct slot *s = slot_of(w, gpa);

	return s ? s->host + (gpa - s->guest) : 0;
}

/* Not over the end of a slot. */
bool read_guest(void *ctx, uint64_t gpa, void *to, size_t len)
{
	struct watch *w = ctx;
	const struct slot *s = slot_of(w, gpa);

	return s && gpa - s->guest + len <= s->size && tracee_read(w->t, hva_of(w, gpa), to, len);
}

bool write_guest(struct watch *w, uint64_t gpa, const void *from, size_t len)
{
	uint64_t hva = hva_of(w, gpa);

	return hva && tracee_write(w->t, hva, from, len);
}

struct walk_cpu cpu_of(const struct watch *w)
{
	const struct kvm_sregs *s = &w->sregs;

	return (struct walk_cpu){ .cr0 = s->cr0,
				  .cr3 = s->cr3,
				  .cr4 = s->cr4,
				  .efer = s->efer,
				  .code64 = s->cs.l,
				  .code32 = s->cs.db };
}

void walk_gva(struct watch *w, uint64_t gva, struct walk_result *r)
{
	struct walk_cpu cpu = cpu_of(w);

	walk(&cpu, gva, read_guest, w, r);
}

/* Where an address in an exit really is, and the string there. */
void look_up(struct watch *w, uint64_t gva)
{
	struct exit_seen *s = &w->seen;
	struct walk_result r;
	const struct slot *slot;
	size_t room;

	walk_gva(w, gva, &r);
	slot = r.mapped ? slot_of(w, r.gpa) : NULL;
	s->has_hva = true;
	s->text_len = 0;
	s->hva = slot ? hva_of(w, r.gpa) : 0;
	if (!slot)
		return;
	room = slot->size - (r.gpa - slot->guest);
	room = room < sizeof(s->text) ? room : sizeof(s->text);
	if (tracee_read(w->t, s->hva, s->text, room))
		s->text_len = strnlen(s->text, room);
}

void look_up_at(struct watch *w, uint64_t gva)
{
	struct exit_seen *s = &w->seen;

	look_up(w, gva);
	s->word_at = s->hva;
	s->has_word = s->hva && tracee_read(w->t, s->hva, &s->word, sizeof(s->word));
	if (s->has_word)
		look_up(w, s->word);
}

void remember_memory(struct watch *w)
{
	for (size_t i = 0; i < w->n_slots; i++) {
		struct slot *s = &w->slots[i];

		s->before = s->size <= MAX_SLOT_BYTES ? malloc(s->size) : NULL;
		if (s->before && !tracee_read(w->t, s->host, s->before, s->size)) {
			free(s->before);
			s->before = NULL;
		}
	}
}

/* By words: libc's goes by bytes, and all of the guest's memory comes by here. */
static bool same_page(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < PAGE; i += sizeof(uint64_t)) {
		uint64_t x, y;

		memcpy(&x, a + i, sizeof(x));
		memcpy(&y, b + i, sizeof(y));
		if (x != y)
			return false;
	}
	return true;
}

unsigned int width_of(const struct watch *w)
{
	return w->sregs.cr0 & CR0_PE ? 4 : 2;
}

/* Places of one page where 42 was stored. */
static unsigned int stored_in_page(struct watch *w, const struct slot *s, uint64_t at, bool spoil)
{
	unsigned int n = 0, width = width_of(w);
	static const uint8_t wanted[4] = { WANTED }, spoiled = WANTED - 1;
	uint8_t now[PAGE];

	if (!tracee_read(w->t, s->host + at, now, PAGE) || same_page(now, s->before + at))
		return 0;
	for (size_t i = 0; i + width <= PAGE; i++) {
		if (memcmp(now + i, wanted, width) || !memcmp(s->before + at + i, wanted, width))
			continue;
		n++;
		if (spoil)
			tracee_write(w->t, s->host + at + i, &spoiled, 1);
	}
	return n;
}

unsigned int find_stored(struct watch *w, bool spoil)
{
	unsigned int n = 0;

	for (size_t i = 0; i < w->n_slots; i++)
		for (uint64_t at = 0; w->slots[i].before && at + PAGE <= w->slots[i].size;
		     at += PAGE)
			n += stored_in_page(w, &w->slots[i], at, spoil);
	return n;
}
