/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the watcher share: watch.c (the calls), watch-memory.c (the guest's memory),
 * watch-twist.c (the twists), watch-world.c (those of a monitor's world).
 */
#ifndef NESTLAB_TESTCASES_WATCH_INTERNAL_H
#define NESTLAB_TESTCASES_WATCH_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "tracee.h"
#include "walk.h"
#include "watch.h"

#define MAX_SLOTS 8
#define MAX_BYTES 512 /* of one exit as it is told, and of a string */
#define PAGE 4096
#define WANTED 42
#define TAIL_BYTES 16

struct slot {
	uint64_t guest, size, host;
	uint8_t *before; /* what it held when the guest started */
};

/* An exit that is not told yet: bytes may be joined to it, and an answer is still to come. */
struct exit_seen {
	bool valid, io, out, made, answered, has_hva;
	bool quiet; /* counted, and not told */
	uint32_t reason, port, size, count, total, ins, outs;
	uint64_t data_at;
	uint8_t bytes[MAX_BYTES];
	size_t n;
	uint64_t hva;
	char text[MAX_BYTES];
	size_t text_len;
	const char *mode;
	uint64_t word_at; /* where a question lies that was asked by its address; 0: nowhere */
	uint32_t word, answer;
	bool has_word;
};

struct question {
	uint16_t port;
	bool out;
	uint32_t value;
};

struct watch {
	const struct watch_run *run;
	struct tracee *t;
	struct slot slots[MAX_SLOTS];
	size_t n_slots;
	int kvm_fd, vcpu_fd;
	uint64_t told_size, run_at; /* of struct kvm_run; where the monitor has mapped it */
	bool has_cpuid, started, making;
	uint32_t lie; /* for eax, to KVM_GET_REGS, too; 0: none */
	struct kvm_regs regs; /* as set or, after an exit, as they were */
	struct kvm_sregs sregs;
	uint32_t total, ins, outs, real_outs;
	uint32_t twisted, told, went_on;
	bool quiet, over; /* over: from now on, each exit is a hlt */
	char *const *beside; /* the second one's command line */
	uint64_t moved_from; /* where KVM has the data that was moved */
	struct exit_seen seen;
	struct question questions[32];
	size_t n_questions, asked;
	bool prepared;
	/* the page's addresses for the guest; high_gva: above 2 GiB, 0: it has none */
	uint32_t gva, high_gva;
	uint64_t page; /* guest physical: what the questions put there */
	uint64_t tail;		    /* the memory's last bytes, and what they were */
	uint8_t tail_was[TAIL_BYTES];
	struct alias {
		uint64_t entry; /* of a page table; guest physical */
		unsigned int bytes;
	} aliases[2];
	size_t n_aliases;
};

/* -- watch.c -- */

/* Tell of a second monitor, from its start to its end. when: "alone", "beside" */
void run_beside(struct watch *w, const char *when);

/* -- watch-memory.c: guest physical addresses -- */

/* The slot that holds it, or NULL. */
const struct slot *slot_of(const struct watch *w, uint64_t gpa);
/* Not over the end of a slot. ctx: the struct watch. */
bool read_guest(void *ctx, uint64_t gpa, void *to, size_t len);
bool write_guest(struct watch *w, uint64_t gpa, const void *from, size_t len);
struct walk_cpu cpu_of(const struct watch *w);
void walk_gva(struct watch *w, uint64_t gva, struct walk_result *r);
/* Where an address in the exit that was seen really is, and the string there: into w->seen. */
void look_up(struct watch *w, uint64_t gva);
/* The same of what lies at the address. */
void look_up_at(struct watch *w, uint64_t gva);
void remember_memory(struct watch *w);
/* How wide what holds the 42 is at least, in bytes: 2 in real mode, 4 elsewhere. */
unsigned int width_of(const struct watch *w);
/* How many places hold 42 that did not when it was remembered. spoil: 41 from now on. */
unsigned int find_stored(struct watch *w, bool spoil);

/* -- watch-twist.c -- */

bool put_run(struct watch *w, size_t offset, const void *from,
	     size_t len); /* into struct kvm_run */
#define PUT_RUN(w, field, type, value)                                                             \
	do {                                                                                       \
		type put_value = (value);                                                          \
		put_run(w, offsetof(struct kvm_run, field), &put_value, sizeof(put_value));        \
	} while (0)

/* Before KVM_RUN. False: it is left out, and its exit or its failure (call->result) is made up. */
bool twist_entry(struct watch *w, struct tracee_call *call);
/*
 * An exit that the guest never made: count values of size bytes each. A byte that no text has lies
 * behind them. Returns false.
 */
bool make_io(struct watch *w, const struct question *q, uint8_t size, uint32_t count,
	     const void *data);
/* After it. */
void change_text(struct watch *w, struct exit_seen *s, size_t len);
void twist_halt(struct watch *w);

/* -- watch-world.c -- */

/* A letter that no text has. */
#define STRANGER 1

bool world_entry(struct watch *w, struct tracee_call *call);
/* The guest's own exit, its data before the monitor sees it; the answer before KVM does. */
void world_data(struct watch *w, struct exit_seen *s, size_t len);
void world_answer(struct watch *w, struct exit_seen *s);
bool world_halt(struct watch *w); /* false: none of its twists */
/* The guest has come to its hlt, and the monitor is to see something else first. */
bool world_before_halt(struct watch *w, const struct kvm_run *run);
/* What was opened is /dev/kvm. True: it was not. */
bool hide_kvm(struct watch *w, struct tracee_call *call);
void shorten_write(struct watch *w, struct tracee_call *call);

#endif
