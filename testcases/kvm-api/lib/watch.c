// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest.h"
#include "watch-internal.h"

#define MAX_EXITS 20000 /* of one run: a guest of this kind needs some dozens */
#define MAX_TOLD 1000	/* calls and exits of one run: the reference's are 50 */
#define EFER_LME 0x100

/* -- telling -- */

#define HEX_PIECE 1024 /* bytes of one observation */

static void tell_hex(const char *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	char hex[2 * HEX_PIECE + 1];

	do {
		size_t n = len < HEX_PIECE ? len : HEX_PIECE;

		for (size_t i = 0; i < n; i++)
			sprintf(hex + 2 * i, "%02x", p[i]);
		hex[2 * n] = '\0';
		observe_str(key, hex);
		p += n;
		len -= n;
	} while (len);
}

static void tell_call(struct watch *w, const char *name, int64_t result)
{
	w->told++;
	observe_str("call", name);
	observe_i64("call.result", result);
}

static void tell_exit(struct watch *w)
{
	struct exit_seen *s = &w->seen;

	if (!s->valid)
		return;
	s->valid = false;
	if (s->quiet)
		return;
	w->told++;
	observe_u64("exit.reason", s->reason);
	if (s->io) {
		observe_u64("exit.port", s->port);
		observe_u64("exit.out", s->out);
		observe_u64("exit.size", s->size);
		observe_u64("exit.count", s->count);
		observe_u64("exit.made", s->made);
		tell_hex("exit.bytes", s->bytes, s->n);
	}
	observe_u64("exit.total", s->total);
	observe_u64("exit.ins", s->ins);
	observe_u64("exit.outs", s->outs);
	observe_str("exit.mode", s->mode);
	if (s->has_hva) {
		observe_u64("exit.hva", s->hva);
		tell_hex("exit.text", s->text, s->text_len);
	}
	if (s->has_word) {
		observe_u64("exit.asked", s->word);
		observe_u64("exit.answer", s->answer);
	}
}

/* -- KVM_RUN -- */

static void tell_start(struct watch *w)
{
	w->started = true;
	observe_u64("start.at", w->sregs.cs.base + w->regs.rip);
	observe_u64("start.flags", w->regs.rflags);
	if (w->run->twist == TWIST_NONE || w->run->twist == TWIST_MEMORY)
		remember_memory(w);
}

/* The monitor has answered an in: now, as it goes on. */
static void take_answer(struct watch *w)
{
	struct exit_seen *s = &w->seen;
	uint32_t gva = 0;

	if (!s->valid || !s->io || s->answered)
		return;
	s->answered = true;
	if (!s->out && s->n >= s->size)
		tracee_read(w->t, s->data_at, s->bytes + s->n - s->size, s->size);
	world_answer(w, s);
	memcpy(&gva, s->bytes, sizeof(gva));
	if (!s->out && s->size == 4 && s->port == w->run->ports.exits_text)
		look_up(w, gva);
	if (s->has_word)
		tracee_read(w->t, s->word_at, &s->answer, sizeof(s->answer));
	if (s->size != 1)
		tell_exit(w);
}

static bool on_run_enter(struct watch *w, struct tracee_call *call)
{
	take_answer(w);
	if (!w->started)
		tell_start(w);
	if (w->total >= MAX_EXITS || !w->run_at) {
		tracee_stop(w->t);
		return true;
	}
	PUT_RUN(w, kvm_valid_regs, uint64_t, KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS);
	return twist_entry(w, call);
}

static bool joins(const struct exit_seen *s, const struct kvm_run *run, bool made)
{
	return s->valid && s->io && s->size == 1 && run->exit_reason == KVM_EXIT_IO &&
	       run->io.size == 1 && run->io.count == 1 && s->port == run->io.port &&
	       s->out == run->io.direction && s->made == made && s->n < sizeof(s->bytes);
}

static void take_io(struct watch *w, const struct kvm_run *run, bool made)
{
	struct exit_seen *s = &w->seen;
	size_t len = (size_t)run->io.size * run->io.count;
	uint32_t gva = 0;

	*(run->io.direction == KVM_EXIT_IO_OUT ? &w->outs : &w->ins) += 1;
	w->real_outs += !made && run->io.direction == KVM_EXIT_IO_OUT;
	if (!joins(s, run, made)) {
		tell_exit(w);
		*s = (struct exit_seen){ .valid = true, .io = true, .made = made };
	}
	s->reason = run->exit_reason;
	s->out = run->io.direction == KVM_EXIT_IO_OUT;
	s->port = run->io.port;
	s->size = run->io.size;
	s->count = run->io.count;
	s->quiet = made && w->quiet;
	s->answered = false;
	s->data_at = w->run_at + run->io.data_offset;
	len = len < sizeof(s->bytes) - s->n ? len : sizeof(s->bytes) - s->n;
	if (tracee_read(w->t, s->data_at, s->bytes + s->n, len)) {
		change_text(w, s, len);
		world_data(w, s, len);
		s->n += len;
	}
	memcpy(&gva, s->bytes, sizeof(gva));
	if (s->out && s->size == 4 &&
	    (s->port == w->run->ports.translate || s->port == w->run->ports.string))
		look_up(w, gva);
	else if (s->out && s->size == 4 && s->port == w->run->ports.translate_at)
		look_up_at(w, gva);
}

static void tell_halt(struct watch *w)
{
	struct walk_cpu cpu = cpu_of(w);
	struct walk_result r;

	walk_gva(w, w->sregs.cs.base + w->regs.rip - 1, &r);
	observe_str("halt.mode", walk_mode(&cpu));
	observe_u64("halt.eax", (uint32_t)w->regs.rax);
	observe_u64("halt.stored", find_stored(w, false));
	observe_u64("halt.page", r.page);
}

static void on_exit_of_guest(struct watch *w)
{
	struct exit_seen *s = &w->seen;
	bool made = w->making;
	struct walk_cpu cpu;
	struct kvm_run run;

	w->making = false;
	if (!tracee_read(w->t, w->run_at, &run, sizeof(run)))
		return;
	w->total++;
	if (!made) {
		w->regs = run.s.regs.regs;
		w->sregs = run.s.regs.sregs;
	}
	if (world_before_halt(w, &run)) {
		w->making = false;
		made = true;
		tracee_read(w->t, w->run_at, &run, sizeof(run));
	}
	if (run.exit_reason == KVM_EXIT_IO) {
		take_io(w, &run, made);
	} else {
		tell_exit(w);
		*s = (struct exit_seen){ .valid = true, .reason = run.exit_reason };
	}
	cpu = cpu_of(w);
	s->total = w->total;
	s->ins = w->ins;
	s->outs = w->outs;
	s->mode = walk_mode(&cpu);
	if (run.exit_reason == KVM_EXIT_HLT) {
		tell_exit(w);
		tell_halt(w);
		twist_halt(w);
	}
}

static void on_run(struct watch *w, struct tracee_call *call)
{
	if (!w->total || (call->result < 0 && call->result != -EINTR))
		tell_call(w, "KVM_RUN", call->result);
	if (!call->result)
		on_exit_of_guest(w);
}

/* -- the other calls: what they were given is read after them -- */

static void on_version(struct watch *w, struct tracee_call *call)
{
	if (w->run->twist == TWIST_VERSION && call->result == KVM_API_VERSION) {
		call->result = KVM_API_VERSION - 1;
		w->twisted++;
	}
}

static void on_tss(struct watch *w, struct tracee_call *call)
{
	(void)w;
	observe_u64("tss", call->args[2]);
}

static void on_slot(struct watch *w, struct tracee_call *call)
{
	struct kvm_userspace_memory_region r;

	if (!tracee_read(w->t, call->args[2], &r, sizeof(r)))
		return;
	observe_u64("slot.guest", r.guest_phys_addr);
	observe_u64("slot.size", r.memory_size);
	observe_u64("slot.host", r.userspace_addr);
	if (!call->result && r.memory_size && w->n_slots < MAX_SLOTS)
		w->slots[w->n_slots++] = (struct slot){ .guest = r.guest_phys_addr,
							.size = r.memory_size,
							.host = r.userspace_addr };
}

static void on_map_size(struct watch *w, struct tracee_call *call)
{
	w->told_size = call->result > 0 ? (uint64_t)call->result : 0;
}

static void on_cpuid(struct watch *w, struct tracee_call *call)
{
	w->has_cpuid |= !call->result;
}

/*
 * Kernels from 2025 on, and stable ones since then, refuse long mode to a vCPU whose CPUID does
 * not tell of it. Monitors that were written before need no CPUID at all: theirs is no fault, so
 * they are given what KVM can do.
 */
static void give_cpuid(struct watch *w, struct tracee_call *call)
{
	struct kvm_cpuid2 head = { .nent = 200 };
	uint64_t at =
		tracee_scratch(w->t, sizeof(head) + head.nent * sizeof(struct kvm_cpuid_entry2));

	if (!tracee_write(w->t, at, &head, sizeof(head)) ||
	    tracee_inject(w->t, SYS_ioctl, (uint64_t)w->kvm_fd, KVM_GET_SUPPORTED_CPUID, at) ||
	    tracee_inject(w->t, SYS_ioctl, call->args[0], KVM_SET_CPUID2, at))
		return;
	w->has_cpuid = true;
	observe_str("given", "CPUID (KVM_SET_CPUID2), as this kernel's KVM wants it for long mode");
	call->result = tracee_inject(w->t, SYS_ioctl, call->args[0], KVM_SET_SREGS, call->args[2]);
}

static void on_set_sregs(struct watch *w, struct tracee_call *call)
{
	struct kvm_sregs s;

	if (!tracee_read(w->t, call->args[2], &s, sizeof(s)))
		return;
	if (call->result == -EINVAL && s.efer & EFER_LME && !w->has_cpuid)
		give_cpuid(w, call);
	if (!call->result)
		w->sregs = s;
}

static void on_set_regs(struct watch *w, struct tracee_call *call)
{
	struct kvm_regs r;

	if (!call->result && tracee_read(w->t, call->args[2], &r, sizeof(r)))
		w->regs = r;
}

static void on_get_regs(struct watch *w, struct tracee_call *call)
{
	const uint64_t rax = w->lie;

	if (w->lie && !call->result)
		tracee_write(w->t, call->args[2] + offsetof(struct kvm_regs, rax), &rax,
			     sizeof(rax));
}

#define KVM_CALL(request, on)                                                                      \
	{                                                                                          \
		request, #request, on                                                              \
	}

static const struct kvm_call {
	unsigned long request;
	const char *name;
	void (*on)(struct watch *w, struct tracee_call *call);
} kvm_calls[] = {
	KVM_CALL(KVM_GET_API_VERSION, on_version),
	KVM_CALL(KVM_CREATE_VM, NULL),
	KVM_CALL(KVM_CHECK_EXTENSION, NULL),
	KVM_CALL(KVM_GET_VCPU_MMAP_SIZE, on_map_size),
	KVM_CALL(KVM_GET_SUPPORTED_CPUID, NULL),
	KVM_CALL(KVM_SET_TSS_ADDR, on_tss),
	KVM_CALL(KVM_SET_IDENTITY_MAP_ADDR, NULL),
	KVM_CALL(KVM_SET_USER_MEMORY_REGION, on_slot),
	KVM_CALL(KVM_CREATE_IRQCHIP, NULL),
	KVM_CALL(KVM_CREATE_VCPU, NULL),
	KVM_CALL(KVM_SET_CPUID, on_cpuid),
	KVM_CALL(KVM_SET_CPUID2, on_cpuid),
	KVM_CALL(KVM_GET_SREGS, NULL),
	KVM_CALL(KVM_SET_SREGS, on_set_sregs),
	KVM_CALL(KVM_GET_REGS, on_get_regs),
	KVM_CALL(KVM_SET_REGS, on_set_regs),
	KVM_CALL(KVM_TRANSLATE, NULL),
};

static bool is_kvm(struct watch *w, int fd)
{
	char name[64];

	tracee_fd(w->t, fd, name, sizeof(name));
	if (!strcmp(name, "/dev/kvm"))
		w->kvm_fd = fd;
	return !strcmp(name, "/dev/kvm") || !strncmp(name, "anon_inode:kvm-", 15);
}

/* The kernel takes 32 bits of it; a libc that has it as an int extends the sign. */
static uint32_t request_of(const struct tracee_call *call)
{
	return (uint32_t)call->args[1];
}

static void on_other_call(struct watch *w, struct tracee_call *call)
{
	const struct kvm_call *known = NULL;
	char other[32];

	for (size_t i = 0; i < sizeof(kvm_calls) / sizeof(kvm_calls[0]); i++)
		if (kvm_calls[i].request == request_of(call))
			known = &kvm_calls[i];
	if (known && known->on)
		known->on(w, call);
	snprintf(other, sizeof(other), "ioctl %#" PRIx32, request_of(call));
	tell_call(w, known ? known->name : other, call->result);
}

static void on_open(struct watch *w, struct tracee_call *call)
{
	char name[64];

	if (call->result < 0)
		return;
	tracee_fd(w->t, (int)call->result, name, sizeof(name));
	if (!strcmp(name, "/dev/kvm") && !hide_kvm(w, call))
		tell_call(w, "open /dev/kvm", call->result);
}

static void on_mmap(struct watch *w, struct tracee_call *call)
{
	char name[64];

	if ((int)call->args[4] < 0)
		return;
	tracee_fd(w->t, (int)call->args[4], name, sizeof(name));
	if (strncmp(name, "anon_inode:kvm-vcpu", 19))
		return;
	observe_u64("map.told", w->told_size);
	observe_u64("map.size", call->args[1]);
	observe_u64("map.shared", !!(call->args[3] & MAP_SHARED));
	if (call->result > 0)
		w->run_at = (uint64_t)call->result;
	tell_call(w, "mmap", call->result < 0 ? call->result : 0);
}

static bool is_run(const struct tracee_call *call)
{
	return call->number == SYS_ioctl && request_of(call) == KVM_RUN;
}

static bool on_enter(struct tracee *t, void *ctx, struct tracee_call *call)
{
	struct watch *w = ctx;

	w->t = t;
	shorten_write(w, call);
	if (!is_run(call) || !is_kvm(w, (int)call->args[0]))
		return true;
	w->vcpu_fd = (int)call->args[0];
	return on_run_enter(w, call);
}

static void on_leave(struct tracee *t, void *ctx, struct tracee_call *call)
{
	struct watch *w = ctx;

	w->t = t;
	if (is_run(call) && w->vcpu_fd == (int)call->args[0])
		on_run(w, call);
	else if (call->number == SYS_ioctl && (request_of(call) >> 8 & 0xff) == KVMIO &&
		 is_kvm(w, (int)call->args[0]))
		on_other_call(w, call);
	else if (call->number == SYS_openat || call->number == SYS_open)
		on_open(w, call);
	else if (call->number == SYS_mmap)
		on_mmap(w, call);
	if (w->told > MAX_TOLD)
		tracee_stop(t);
}

/* -- a whole run -- */

static const char *const ends[] = { "exited", "signal", "deadline", "stopped" };

static const char *key_of(const char *when, const char *what, char key[32])
{
	snprintf(key, 32, "%s.%s", when, what);
	return key;
}

void run_beside(struct watch *w, const char *when)
{
	static struct tracee_result r;
	char key[32];

	tracee_beside(w->t, w->beside, w->run->deadline_ms, &r);
	tell_hex(key_of(when, "out", key), r.out, r.out_len);
	observe_str(key_of(when, "end", key), ends[r.end]);
	observe_i64(key_of(when, "code", key), r.code);
}

static void tell_end(struct watch *w, const struct tracee_result *r)
{
	tell_exit(w);
	observe_u64("twisted", w->twisted);
	observe_u64("went_on", w->went_on);
	tell_hex("out", r->out, r->out_len);
	tell_hex("err", r->err, r->err_len);
	observe_str("end", ends[r->end]);
	observe_i64("end.code", r->code);
}

#define MAX_WORDS 8

/* "--mode long" is two arguments. words: where the copy is kept. */
static void split_option(const char *option, char *words, size_t size, char *argv[MAX_WORDS])
{
	char *save = NULL;
	size_t n = 0;

	snprintf(words, size, "%s", option);
	for (char *w = strtok_r(words, " ", &save); w && n + 1 < MAX_WORDS;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
}

bool watch_monitor(const struct watch_run *run)
{
	/* Reset's: a monitor that sets no registers starts there. */
	struct watch w = { .run = run,
			   .kvm_fd = -1,
			   .vcpu_fd = -1,
			   .regs.rip = 0xfff0,
			   .regs.rflags = 2,
			   .sregs.cs.base = 0xffff0000 };
	char words[256], *argv[1 + MAX_WORDS] = { (char *)run->program };
	char words2[256], *beside[1 + MAX_WORDS] = { (char *)run->program };
	struct tracee_watcher watcher = { on_enter, on_leave, &w };
	static struct tracee_result r;

	split_option(run->option, words, sizeof(words), argv + 1);
	split_option(run->beside, words2, sizeof(words2), beside + 1);
	w.beside = beside;
	observe_str("run", run->mode);
	observe_str("twist", watch_twist_names[run->twist]);
	if (run->twist == TWIST_TWO)
		run_beside(&w, "alone");
	r = (struct tracee_result){ 0 };
	tracee_run(argv, run->deadline_ms, &watcher, &r);
	tell_end(&w, &r);
	for (size_t i = 0; i < w.n_slots; i++)
		free(w.slots[i].before);
	return r.end == TRACEE_EXITED || r.end == TRACEE_SIGNALED;
}
