// SPDX-License-Identifier: GPL-2.0-only
/*
 * A monitor's world: what KVM may answer, and never does while all goes well.
 *
 * What is asked of whom is the judge's business (test_kvm_world.c).
 */
#include "watch-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define UNKNOWN_REASON (0x100 | KVM_EXIT_HLT)
#define NO_MEMORY 0xd0000000 /* where PCI devices would be */
#define INTERRUPTIONS 20
#define MAX_FAILURES 100
#define MOVED_BY 0x5a8
#define AROUND 64
#define MORE_EXITS 300 /* more than a byte counts */

/* -- exits of other kinds -- */

static const struct bad_exit {
	enum watch_twist first, late;
	uint32_t reason;
} bad_exits[] = {
	{ TWIST_SHUTDOWN, TWIST_REASON, KVM_EXIT_SHUTDOWN },
	{ TWIST_FAIL_ENTRY, TWIST_LATE_FAIL_ENTRY, KVM_EXIT_FAIL_ENTRY },
	{ TWIST_INTERNAL, TWIST_LATE_INTERNAL, KVM_EXIT_INTERNAL_ERROR },
	{ TWIST_MMIO, TWIST_LATE_MMIO, KVM_EXIT_MMIO },
	{ TWIST_DEBUG, TWIST_LATE_DEBUG, KVM_EXIT_DEBUG },
	{ TWIST_UNKNOWN, TWIST_LATE_UNKNOWN, UNKNOWN_REASON },
};

static const struct bad_exit *bad_exit_of(const struct watch *w, bool late)
{
	for (size_t i = 0; i < sizeof(bad_exits) / sizeof(bad_exits[0]); i++)
		if ((late ? bad_exits[i].late : bad_exits[i].first) == w->run->twist)
			return &bad_exits[i];
	return NULL;
}

/* As KVM fills it in; for the reasons that have no more than their number it is not looked at. */
static void put_bad_exit(struct watch *w, const struct bad_exit *b)
{
	PUT_RUN(w, exit_reason, uint32_t, b->reason);
	if (b->reason == KVM_EXIT_FAIL_ENTRY) {
		PUT_RUN(w, fail_entry.hardware_entry_failure_reason, uint64_t, 0x80000021);
		PUT_RUN(w, fail_entry.cpu, uint32_t, 0);
	} else if (b->reason == KVM_EXIT_INTERNAL_ERROR) {
		PUT_RUN(w, internal.suberror, uint32_t, KVM_INTERNAL_ERROR_EMULATION);
		PUT_RUN(w, internal.ndata, uint32_t, 0);
	} else if (b->reason == KVM_EXIT_MMIO) {
		PUT_RUN(w, mmio.phys_addr, uint64_t, NO_MEMORY);
		PUT_RUN(w, mmio.len, uint32_t, 4);
		PUT_RUN(w, mmio.is_write, uint8_t, 1);
	}
}

static bool make_bad_exit(struct watch *w, const struct bad_exit *b)
{
	put_bad_exit(w, b);
	w->making = true;
	w->twisted++;
	return false;
}

/* One that goes on all the same comes to its hlt at once: what lies behind it is no code. */
bool world_halt(struct watch *w)
{
	const struct bad_exit *b = bad_exit_of(w, true);

	if (!b || w->over)
		return false;
	put_bad_exit(w, b);
	w->over = true;
	return true;
}

/* -- KVM_RUN that fails: each second one -- */

static bool fail_entry(struct watch *w, struct tracee_call *call)
{
	bool interrupted = w->run->twist == TWIST_INTERRUPTED;

	if (!w->total || w->twisted >= INTERRUPTIONS || w->went_on & 1)
		return true;
	if (interrupted)
		PUT_RUN(w, exit_reason, uint32_t, KVM_EXIT_INTR);
	call->result = interrupted ? -EINTR : -EAGAIN;
	w->twisted++;
	return false;
}

/* And one that fails for good: that is no reason to ask without end. */
static bool fail_for_good(struct watch *w, struct tracee_call *call)
{
	if (!w->total)
		return true;
	if (w->went_on > MAX_FAILURES)
		tracee_stop(w->t);
	call->result = -EFAULT;
	w->twisted++;
	return false;
}

bool hide_kvm(struct watch *w, struct tracee_call *call)
{
	if (w->run->twist != TWIST_NO_KVM)
		return false;
	call->result = -EACCES;
	w->twisted++;
	return true;
}

/* -- exits with many values, of other sizes, and many of them -- */

static bool make_many_values(struct watch *w)
{
	static const char some[] = "<several bytes at once>\n";
	const uint32_t numbers[] = { 4000000007, 70001, 3000000019 };
	const struct question serial = { w->run->ports.serial, true, 0 };
	const struct question print32 = { w->run->ports.print32, true, 0 };
	char text[MORE_EXITS];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('A' + i / 26 + i % 26);
	switch (w->asked++) {
	case 0:
		return make_io(w, &serial, 1, sizeof(some) - 1, some);
	case 1:
		return make_io(w, &serial, 1, sizeof(text), text);
	case 2:
		return print32.port ? make_io(w, &print32, 4, 3, numbers) : true;
	default:
		return true;
	}
}

static bool make_sizes(struct watch *w)
{
	const struct question serial = { w->run->ports.serial, true, 0 };

	switch (w->asked++) {
	case 0:
		return make_io(w, &serial, 2, 1, "2#");
	case 1:
		return make_io(w, &serial, 4, 1, "4<#>");
	default:
		return true;
	}
}

/* A text need not be ASCII, nor end with a line's end. */
static const char last_bytes[] = "caf\xc3\xa9 \x80\xbf\xff~";

static bool make_last_byte(struct watch *w)
{
	const struct question byte = { w->run->ports.serial, true, (uint8_t)last_bytes[w->asked] };

	w->asked++;
	return make_io(w, &byte, 1, 1, &byte.value);
}

bool world_before_halt(struct watch *w, const struct kvm_run *run)
{
	if (w->run->twist != TWIST_LAST_BYTES || run->exit_reason != KVM_EXIT_HLT || w->asked)
		return false;
	make_last_byte(w);
	return true;
}

/* Then the hlt. */
static bool make_last_bytes(struct watch *w)
{
	if (!w->asked)
		return true;
	if (last_bytes[w->asked])
		return make_last_byte(w);
	w->over = true;
	PUT_RUN(w, exit_reason, uint32_t, KVM_EXIT_HLT);
	w->making = true;
	return false;
}

static size_t ports_that_count(const struct watch *w, struct question q[4])
{
	const struct watch_ports *p = &w->run->ports;
	const uint16_t all[] = { p->exits, p->exits_text, p->exits_in, p->exits_out };
	size_t n = 0;

	for (size_t i = 0; i < 4; i++)
		if (all[i])
			q[n++] = (struct question){ .port = all[i] };
	return n;
}

/* Bytes for the serial port, then many questions how many exits there were; one of each is told. */
static bool make_many_exits(struct watch *w)
{
	const struct question byte = { w->run->ports.serial, true, 'a' + w->asked % 26 };
	struct question q[4];
	size_t n = w->asked++, kinds = ports_that_count(w, q);

	w->quiet = n >= MORE_EXITS && n < 2 * MORE_EXITS;
	if (!kinds || n >= 2 * MORE_EXITS + kinds)
		return true;
	if (n < MORE_EXITS)
		return make_io(w, &byte, 1, 1, &byte.value);
	return make_io(w, &q[w->quiet ? 0 : n - 2 * MORE_EXITS], 4, 1, &q[0].value);
}

/* -- where the data is, and what lies beside it -- */

static void put_strangers(struct watch *w, uint64_t at, size_t len)
{
	uint8_t strangers[MAX_BYTES];

	memset(strangers, STRANGER, sizeof(strangers));
	tracee_write(w->t, at, strangers, len < sizeof(strangers) ? len : sizeof(strangers));
}

static void move_data(struct watch *w, struct exit_seen *s, size_t len)
{
	w->moved_from = s->data_at;
	tracee_write(w->t, s->data_at + MOVED_BY, s->bytes + s->n, len);
	put_strangers(w, s->data_at, len);
	s->data_at += MOVED_BY;
	PUT_RUN(w, io.data_offset, uint64_t, s->data_at - w->run_at);
	w->twisted++;
}

/* What is in front of it is the end of struct kvm_run's page, which nobody uses. */
static void surround_data(struct watch *w, struct exit_seen *s, size_t len)
{
	put_strangers(w, s->data_at - AROUND, AROUND);
	put_strangers(w, s->data_at + len, AROUND);
	if (!s->out)
		put_strangers(w, s->data_at, len);
	w->twisted++;
}

void world_data(struct watch *w, struct exit_seen *s, size_t len)
{
	if (s->made)
		return;
	if (w->run->twist == TWIST_MOVED)
		move_data(w, s, len);
	else if (w->run->twist == TWIST_BESIDE)
		surround_data(w, s, len);
}

void world_answer(struct watch *w, struct exit_seen *s)
{
	if (w->moved_from && !s->out && s->n >= s->size)
		tracee_write(w->t, w->moved_from, s->bytes + s->n - s->size, s->size);
	w->moved_from = 0;
}

/* -- what has nothing to do with the guest -- */

void shorten_write(struct watch *w, struct tracee_call *call)
{
	struct iovec v[2] = { { (void *)(uintptr_t)call->args[1], call->args[2] } };
	size_t i;

	if (w->run->twist != TWIST_SHORT_WRITES || call->args[0] != 1 ||
	    (call->number != SYS_write && call->number != SYS_writev))
		return;
	if (call->number == SYS_writev &&
	    !tracee_read(w->t, call->args[1], v, call->args[2] > 1 ? sizeof(v) : sizeof(v[0])))
		return;
	i = !v[0].iov_len;
	if (v[i].iov_len + v[!i].iov_len < 2)
		return;
	call->number = SYS_write;
	call->args[1] = (uintptr_t)v[i].iov_base;
	call->args[2] = (v[i].iov_len + 1) / 2;
	w->twisted++;
}

/* -- */

bool world_entry(struct watch *w, struct tracee_call *call)
{
	const struct bad_exit *b = bad_exit_of(w, false);

	if (b)
		return w->total ? true : make_bad_exit(w, b);
	switch (w->run->twist) {
	case TWIST_INTERRUPTED:
	case TWIST_AGAIN:
		return fail_entry(w, call);
	case TWIST_FAILS:
		return fail_for_good(w, call);
	case TWIST_MANY_VALUES:
		return w->real_outs ? make_many_values(w) : true;
	case TWIST_SIZES:
		return w->real_outs ? make_sizes(w) : true;
	case TWIST_LAST_BYTES:
		return make_last_bytes(w);
	case TWIST_MANY_EXITS:
		return w->real_outs ? make_many_exits(w) : true;
	case TWIST_TWO:
		if (w->total && !w->twisted++)
			run_beside(w, "beside");
		return true;
	default:
		return true;
	}
}
