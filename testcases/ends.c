// SPDX-License-Identifier: GPL-2.0-only
#include "ends.h"

#include <stdbool.h>
#include <stdio.h>

#include "context.h"
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

static void observe_end(struct micro *m, const char *key, const char *code, struct question q, bool step)
{
	struct kvm_regs r = { .rip = (uintptr_t)code, .rflags = MICRO_RFLAGS | FLAGS, .rax = q.rax, .rbx = q.rbx };
	char text[320], context[240];
	uint32_t reason;

	micro_set_mode(m, 0, MICRO_LONG);
	micro_set_regs(m, 0, &r);
	micro_step(m, 0, step);
	micro_go(m, 0);
	reason = micro_wait(m, 0);
	micro_step(m, 0, false);
	micro_get_regs(m, 0, &r);
	context_take(context, sizeof(context));
	snprintf(text, sizeof(text), "exit %u at rip%+lld, rflags 0x%llx%s", reason, (long long)(r.rip - (uintptr_t)code),
		 r.rflags & ~STEPPING, context);
	observe_str(key, text);
}

static void observe_pair(struct micro *m, const char *about, const char *code, const struct question *q, bool step)
{
	char way[80];

	snprintf(way, sizeof(way), "%s, %s", about, step ? "single step" : "run");
	observe_str("end.way", way);
	observe_end(m, "end.known", code, q[0], step);
	observe_end(m, "end.asked", code, q[1], step);
}

static void observe_both(struct micro *m, const char *about, const char *code, const struct question *q)
{
	observe_pair(m, about, code, q, false);
	observe_pair(m, about, code, q, true);
}

static void observe_ends(struct micro *m, const char *about, const char *plain, const char *prefixed,
			 const struct question *q)
{
	char with_prefix[64];

	snprintf(with_prefix, sizeof(with_prefix), "%s, with a prefix", about);
	context_watch(m, 0);
	observe_both(m, about, plain, q);
	observe_both(m, with_prefix, prefixed, q);
	context_end();
	micro_set_mode(m, 0, MICRO_LONG); /* one that went astray may have been reset */
}

void ends_of_cpuid(struct micro *m, uint32_t known, uint32_t asked)
{
	const struct question q[] = { { .rax = known }, { .rax = asked } };
	char about[32];

	snprintf(about, sizeof(about), "leaf 0x%08X", asked);
	observe_ends(m, about, ends_cpuid, ends_cpuid_long, q);
}

void ends_of_hypercall(struct micro *m, uint64_t known, uint64_t asked, uint64_t argument, const char *about)
{
	const struct question q[] = { { known, argument }, { asked, argument } };

	observe_ends(m, about, micro_intel ? ends_intel : ends_amd, micro_intel ? ends_intel_long : ends_amd_long, q);
}
