// SPDX-License-Identifier: GPL-2.0-only
#include "ends.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "micro.h"

extern const char ends_cpuid[], ends_cpuid_long[], ends_amd[], ends_amd_long[], ends_intel[],
	ends_intel_long[];

/* The second of each has a prefix that means nothing to it: REX.W. */
__asm__(".text\n"
	".macro ends_instruction name:req, bytes:vararg\n"
	"ends_\\name:\n"
	"	.byte \\bytes\n"
	"	out %al, $0x10\n"
	"	out %al, $0x10\n"
	"ends_\\name\\()_long:\n"
	"	.byte 0x48, \\bytes\n"
	"	out %al, $0x10\n"
	"	out %al, $0x10\n"
	".endm\n"
	"ends_instruction cpuid, 0x0f, 0xa2\n"
	"ends_instruction amd, 0x0f, 0x01, 0xd9\n"
	"ends_instruction intel, 0x0f, 0x01, 0xc1\n");

#define FLAGS 0x8d5	/* CF, PF, AF, ZF, SF, OF: neither instruction changes one */
#define STEPPING 0x10100 /* TF and RF are the debugger's */

struct question {
	uint64_t rax, rbx;
};

static void set_single_step(struct micro *m, bool on)
{
	struct kvm_guest_debug debug = { .control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0 };

	if (ioctl(micro_vcpu_fd(m, 0), KVM_SET_GUEST_DEBUG, &debug))
		guest_broken(__FILE__, __LINE__, "KVM_SET_GUEST_DEBUG");
}

static void observe_end(struct micro *m, const char *key, const char *code, struct question q, bool step)
{
	struct kvm_regs r = { .rip = (uintptr_t)code, .rflags = MICRO_RFLAGS | FLAGS, .rax = q.rax, .rbx = q.rbx };
	uint32_t reason;
	char text[64];

	micro_set_mode(m, 0, MICRO_LONG);
	micro_set_regs(m, 0, &r);
	set_single_step(m, step);
	micro_go(m, 0);
	reason = micro_wait(m, 0);
	set_single_step(m, false);
	micro_get_regs(m, 0, &r);
	snprintf(text, sizeof(text), "exit %u at rip%+lld, rflags 0x%llx", reason, (long long)(r.rip - (uintptr_t)code),
		 r.rflags & ~STEPPING);
	observe_str(key, text);
}

static void observe_pair(struct micro *m, const char *way, const char *code, const struct question *q, bool step)
{
	observe_str("end.way", way);
	observe_end(m, "end.known", code, q[0], step);
	observe_end(m, "end.asked", code, q[1], step);
}

static void observe_ends(struct micro *m, const char *plain, const char *prefixed, const struct question *q)
{
	observe_pair(m, "run", plain, q, false);
	observe_pair(m, "run, with a prefix", prefixed, q, false);
	observe_pair(m, "single step", plain, q, true);
	observe_pair(m, "single step, with a prefix", prefixed, q, true);
	micro_set_mode(m, 0, MICRO_LONG); /* one that went astray may have been reset */
}

void ends_of_cpuid(struct micro *m, uint32_t known, uint32_t asked)
{
	const struct question q[] = { { .rax = known }, { .rax = asked } };

	observe_ends(m, ends_cpuid, ends_cpuid_long, q);
}

void ends_of_hypercall(struct micro *m, uint64_t known, uint64_t asked, uint64_t argument)
{
	const struct question q[] = { { known, argument }, { asked, argument } };

	observe_ends(m, micro_intel ? ends_intel : ends_amd, micro_intel ? ends_intel_long : ends_amd_long, q);
}
