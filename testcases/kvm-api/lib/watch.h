/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual machine monitor watched at its border to KVM: which calls it makes with what, why each
 * KVM_RUN came back, and what it printed. All of it is told as observations (see below); what is
 * right is the judge's business.
 *
 * The border is also where the world can be twisted, to see what the monitor makes of it. It shows
 * what a run in which all goes well never can: whether an answer is looked at.
 *
 * Observations of a run, in this order; what is in brackets may be missing:
 *
 *	run str MODE, twist str NAME
 *	call str NAME, call.result i64		each KVM call, the opening of /dev/kvm, and the mmap of a
 *						vCPU; of all KVM_RUN only the first
 *	slot.guest, slot.size, slot.host u64	with each KVM_SET_USER_MEMORY_REGION
 *	tss u64					with KVM_SET_TSS_ADDR
 *	map.told, map.size, map.shared u64	with the mmap: what KVM said, what was mapped
 *	start.at, start.flags u64		at the first KVM_RUN: the address of the first
 *						instruction (cs.base + rip), rflags
 *	exit.reason u64				each return of KVM_RUN, KVM_EXIT_*; single bytes to or
 *						from one port in a row are one, and for KVM_EXIT_IO:
 *	exit.port, exit.out, exit.size, exit.count, exit.made u64	out: 1, made: 1 when the twist
 *						made it up
 *	exit.bytes str				of the guest, or the monitor's answer, in hex
 *	exit.total, exit.ins, exit.outs u64	exits so far, this one included
 *	exit.mode str				of the vCPU
 *	[exit.hva u64, exit.text str]		where the address in it really is (0: nowhere), and
 *						the string there, in hex
 *	[exit.asked, exit.answer u64]		what was at the address of translate_at before and
 *						after; exit.hva is then of what was before
 *	halt.mode str, halt.eax, halt.stored, halt.page u64	at hlt: eax, how many places hold 42 that
 *						did not when the guest started, the page size of rip
 *	twisted u64				how often the twist was applied
 *	went_on u64				how often KVM_RUN was called after that
 *	[alone.out str, alone.end str, alone.code i64]	of a second monitor, before the first one
 *	[beside.out str, beside.end str, beside.code i64]	and in the middle of it
 *	given str				what the watcher had to add for this kernel
 *	out str, err str			what it printed, in hex, in pieces
 *	end str, end.code i64			"exited", "signal", "deadline", "stopped"
 */
#ifndef NESTLAB_TESTCASES_WATCH_H
#define NESTLAB_TESTCASES_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* The ports by which a monitor serves its guest; 0: it does not offer this. */
struct watch_ports {
	uint16_t serial;     /* out, 8 bits: a character */
	uint16_t print32;    /* out, 32 bits: a number to print */
	uint16_t exits;	     /* in, 32 bits: exits so far */
	uint16_t exits_text; /* in, 32 bits: the address of a text with the exits in and out */
	uint16_t exits_in, exits_out; /* or: in, 32 bits: how many of each */
	uint16_t string;     /* out, 32 bits: the address of a string to print */
	uint16_t translate;  /* out, 32 bits: an address to translate */
	uint16_t hva;	     /* in, 32 bits: the low half of the answer; may be the same port */
	/* Or: out, 32 bits: the address of 32 bits that hold the question, and get the answer. */
	uint16_t translate_at;
};

enum watch_twist {
	TWIST_NONE,
	TWIST_QUESTIONS, /* exits that the guest never made: each offered port is asked for; and letters on
			    the serial port change their case */
	TWIST_MEMORY,	 /* at hlt there is 41 where 42 was stored */
	TWIST_EAX,	 /* and in eax */
	TWIST_EAX_PART,	 /* in eax, the low bytes are those of 42, and the highest is not */
	TWIST_REASON,	 /* the hlt reads as KVM_EXIT_SHUTDOWN */
	TWIST_VERSION,	 /* KVM's API has another version */
	TWIST_PORT,	 /* the first exit is an out to a port that nobody knows */
	TWIST_DIRECTION, /* the first exit is an in from the serial port */

	/* A monitor's world (watch-world.c). The first exit, or the guest's hlt (LATE), reads so: */
	TWIST_SHUTDOWN,
	TWIST_FAIL_ENTRY,
	TWIST_LATE_FAIL_ENTRY,
	TWIST_INTERNAL,
	TWIST_LATE_INTERNAL,
	TWIST_MMIO,
	TWIST_LATE_MMIO,
	TWIST_DEBUG,
	TWIST_LATE_DEBUG,
	TWIST_UNKNOWN, /* a reason that does not exist; its low byte is that of the hlt */
	TWIST_LATE_UNKNOWN,
	TWIST_INTERRUPTED, /* KVM_RUN fails now and then: EINTR */
	TWIST_AGAIN,	   /* EAGAIN; struct kvm_run is as it was */
	TWIST_MANY_VALUES, /* exits with io.count over 1 */
	TWIST_SIZES,	   /* 16 and 32 bits for the serial port */
	TWIST_MOVED,	   /* the data is elsewhere in its page, as io.data_offset says */
	TWIST_BESIDE,	   /* a byte that no text has lies around the data, and where an answer goes */
	TWIST_MANY_EXITS,  /* some hundred more of each direction */
	TWIST_SHORT_WRITES, /* write() of its output takes half of what it is given */
	TWIST_FAILS,	   /* KVM_RUN fails from its second call on: EFAULT */
	TWIST_NO_KVM,	   /* /dev/kvm can't be opened */
	TWIST_LAST_BYTES,  /* in front of the hlt: bytes of any value, and no newline behind them */
	TWIST_TWO,	   /* a second one runs, from start to end, in the middle of it */
	TWISTS
};
extern const char *const watch_twist_names[TWISTS];

struct watch_run {
	const char *program;
	const char *option; /* its arguments for this mode, with blanks between them; "" for none */
	const char *beside; /* the second one's, which runs in another mode if there is one */
	const char *mode;
	enum watch_twist twist;
	unsigned int deadline_ms;
	struct watch_ports ports;
};

/* False: it had to be ended. */
bool watch_monitor(const struct watch_run *run);

#endif
