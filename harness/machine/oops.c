// SPDX-License-Identifier: GPL-2.0-only
#include "machine/oops.h"

#include <string.h>

#include "core/util.h"
#include "evidence/kreport.h"

#define STACK_END "</TASK>"	    /* arch/x86/kernel/dumpstack.c */
#define RULER "=================="  /* mm/kasan/report.c, kernel/kcsan/report.c */
#define TRACE_END "---[ end trace " /* kernel/panic.c */

/*
 * First match wins: the more telling families stand first. Wordings: lib/dump_stack,
 * kernel/panic.c, mm/kasan, kernel/locking, kernel/sched/core.c, lib/smp_processor_id.c.
 */
static const struct oops_family families[] = {
	{ "KASAN report", "BUG: KASAN:", false, true, RULER },
	{ "KCSAN report", "BUG: KCSAN:", false, true, RULER },
	{ "UBSAN report", "UBSAN:", false, true, TRACE_END },
	{ "soft lockup", "BUG: soft lockup", true, false, NULL },
	{ "hard lockup", "Watchdog detected hard LOCKUP", true, false, NULL },
	{ "kernel panic", "Kernel panic - not syncing", true, true, NULL },
	{ "sleeping in atomic context", "BUG: sleeping function called from invalid context", false,
	  true, STACK_END },
	{ "sleeping in atomic context", "BUG: scheduling while atomic", false, true, STACK_END },
	{ "preemptible use of per-CPU data", "BUG: using ", false, true, STACK_END },
	{ "kernel BUG", "kernel BUG at", true, true, NULL },
	{ "BUG", "BUG: ", true, true, NULL },
	{ "oops", "Oops: ", true, true, NULL },
	{ "general protection fault", "general protection fault", true, true, NULL },
	{ "stack segment fault", "stack segment: ", true, true, NULL },
	{ "divide error", "divide error: ", true, true, NULL },
	{ "invalid opcode", "invalid opcode: ", true, true, NULL },
	{ "double fault", "double fault: ", true, true, NULL },
	{ "RCU stall", "self-detected stall on CPU", true, false, NULL },
	{ "RCU stall", "detected stalls on CPUs/tasks", true, false, NULL },
	{ "hung task", "blocked for more than", true, false, NULL },
	{ "lockdep report", "possible circular locking dependency", false, false, STACK_END },
	{ "lockdep report", "possible recursive locking", false, false, STACK_END },
	{ "lockdep report", "possible irq lock inversion dependency", false, false, STACK_END },
	{ "lockdep report", "-unsafe lock order detected", false, false, STACK_END },
	{ "lockdep report", "inconsistent lock state", false, false, STACK_END },
	{ "lockdep report", "bad unlock balance detected", false, false, STACK_END },
	{ "lockdep report", "held lock freed!", false, false, STACK_END },
	{ "lockdep report", "lock held when returning to user space", false, false, NULL },
	{ "lockdep report", "BUG: Invalid wait context", false, false, STACK_END },
	{ "RCU misuse", "WARNING: suspicious RCU usage", false, true, STACK_END },
	{ "sleeping in atomic context", "sleeping function called from invalid context", false,
	  false, STACK_END },
	{ "warning", "WARNING: ", false, true, TRACE_END },
};

const struct oops_family *oops_match(const char *line)
{
	const char *message = kreport_message(line);

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct oops_family *f = &families[i];

		if (f->line_start ? str_starts(message, f->pattern) :
				    strstr(message, f->pattern) != NULL)
			return f;
	}
	return NULL;
}
