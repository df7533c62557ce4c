// SPDX-License-Identifier: GPL-2.0-only
#include "state.h"

#include <string.h>
#include <sys/ioctl.h>

#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_PAT 0x277
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_KERNEL_GS_BASE 0xc0000102
#define DR7_FIXED 0x400

/* A value of its own for each: the addresses in it are canonical, PAT's types are types. */
static const struct {
	uint32_t number;
	uint64_t value;
} msrs[STATE_MSRS] = {
	{ MSR_SYSENTER_CS, 0x28 },	 { MSR_SYSENTER_ESP, 0x7e57a000 },
	{ MSR_SYSENTER_EIP, 0x7e57b000 }, { MSR_PAT, 0x0007040600070405 },
	{ MSR_STAR, 0x0023001000000000 }, { MSR_LSTAR, 0x7e57c000 },
	{ MSR_CSTAR, 0x7e57d000 },	 { MSR_SFMASK, 0x700 },
	{ MSR_KERNEL_GS_BASE, 0x7e57e000 },
};

struct msr_list {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[STATE_MSRS];
};

static void call(struct micro *m, unsigned int vcpu, unsigned long request, const char *name, void *arg)
{
	if (ioctl(micro_vcpu_fd(m, vcpu), request, arg) < 0)
		guest_broken(__FILE__, __LINE__, "%s", name);
}

#define CALL(m, vcpu, request, arg) call(m, vcpu, request, #request, arg)

static void list_msrs(struct msr_list *l)
{
	*l = (struct msr_list){ .head.nmsrs = STATE_MSRS };
	for (unsigned int i = 0; i < STATE_MSRS; i++)
		l->entry[i] = (struct kvm_msr_entry){ .index = msrs[i].number, .data = msrs[i].value };
}

static void make_system(struct micro *m, unsigned int vcpu)
{
	struct kvm_sregs s;

	micro_get_sregs(m, vcpu, &s);
	s.cr2 = 0x7e57c000;
	s.cr8 = 5;
	s.fs.base = 0x17f000; /* memory: a compiler may guard stacks by what is there */
	s.gs.base = 0x18f000;
	s.gdt = (struct kvm_dtable){ .base = 0x7e59d000, .limit = 0x7f };
	s.idt = (struct kvm_dtable){ .base = 0x7e5ad000, .limit = 0 };
	micro_set_sregs(m, vcpu, &s);
}

/* SDM volume 1, 13.4, "XSAVE area": FXSAVE's part, then a header that says which parts mean something. */
#define FPU_REGISTERS 32
#define SSE_REGISTERS 160
#define REGISTERS_BYTES 256 /* of SSE's; x87's are half of it */
#define XSTATE_BV STATE_FPU
#define X87_AND_SSE 3

/*
 * Not KVM_SET_FPU: it leaves XSTATE_BV alone, and what that calls unused is neither loaded into the
 * CPU nor saved from it.
 */
static void make_fpu(struct micro *m, unsigned int vcpu)
{
	struct kvm_xsave x;
	uint8_t *area = (uint8_t *)x.region;

	CALL(m, vcpu, KVM_GET_XSAVE, &x);
	memset(area + FPU_REGISTERS, 0xa5, REGISTERS_BYTES / 2);
	memset(area + SSE_REGISTERS, 0x5a, REGISTERS_BYTES);
	area[XSTATE_BV] |= X87_AND_SSE;
	CALL(m, vcpu, KVM_SET_XSAVE, &x);
}

static void take_fpu(struct micro *m, unsigned int vcpu, uint8_t *fpu)
{
	struct kvm_xsave x;

	CALL(m, vcpu, KVM_GET_XSAVE, &x);
	memcpy(fpu, x.region, STATE_FPU);
}

void state_without_events(struct micro *m, unsigned int vcpu)
{
	struct kvm_vcpu_events none = { .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW };

	CALL(m, vcpu, KVM_SET_VCPU_EVENTS, &none);
}

void state_make_own(struct micro *m, unsigned int vcpu)
{
	struct kvm_vcpu_events events = { .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
					  .interrupt.shadow = KVM_X86_SHADOW_INT_STI,
					  .nmi.pending = 1 };
	struct kvm_debugregs debug;
	struct msr_list l;

	make_system(m, vcpu);
	make_fpu(m, vcpu);
	CALL(m, vcpu, KVM_GET_DEBUGREGS, &debug);
	for (unsigned int i = 0; i < 4; i++)
		debug.db[i] = 0x7e5e0000 + i;
	debug.dr7 = DR7_FIXED;
	CALL(m, vcpu, KVM_SET_DEBUGREGS, &debug);
	list_msrs(&l);
	CALL(m, vcpu, KVM_SET_MSRS, &l);
	CALL(m, vcpu, KVM_SET_VCPU_EVENTS, &events);
}

void state_take(struct micro *m, unsigned int vcpu, struct vcpu_state *s)
{
	struct msr_list l;

	memset(s, 0, sizeof(*s));
	CALL(m, vcpu, KVM_GET_REGS, &s->regs);
	CALL(m, vcpu, KVM_GET_SREGS, &s->sregs);
	take_fpu(m, vcpu, s->fpu);
	CALL(m, vcpu, KVM_GET_DEBUGREGS, &s->debug);
	CALL(m, vcpu, KVM_GET_VCPU_EVENTS, &s->events);
	list_msrs(&l);
	CALL(m, vcpu, KVM_GET_MSRS, &l);
	for (unsigned int i = 0; i < STATE_MSRS; i++)
		s->msrs[i] = l.entry[i].data;
}

#define SAME(was, is, part) (!memcmp(&(was)->part, &(is)->part, sizeof((is)->part)))

void state_compare(const char *what, const struct vcpu_state *was, const struct vcpu_state *is)
{
	observe_str("target", what);
	observe_u64("target.regs", SAME(was, is, regs));
	observe_u64("target.sregs", SAME(was, is, sregs));
	observe_u64("target.fpu", SAME(was, is, fpu));
	observe_u64("target.debug", SAME(was, is, debug));
	observe_u64("target.events", SAME(was, is, events));
	observe_u64("target.msrs", SAME(was, is, msrs));
}
