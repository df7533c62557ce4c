// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a kernel died, from its last words: symbol and offset, and the line of its source. A plain
 * kernel has no lines: those of the module are compiled once more for it (kernel/debuginfo.h), only
 * then.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "evidence/kreport.h"
#include "kernel/debuginfo.h"
#include "kernel/symbols.h"
#include "run/crash.h"

/* "arch/x86/kvm/x86.c:10012"; NULL: it can't be had. The caller owns it. */
static char *find_line(const struct run *r, const struct kframe *place)
{
	const struct kernel_conf *k = &r->lab->plan->kernel;
	const struct kernel_build *b = &r->lab->host;
	struct debuginfo d = { 0 };
	char *line = NULL;

	if (!*place->module || !b->dir)
		return NULL;
	if (b->symbols) {
		symbols_lines(b->symbols, place, 1, &line);
		return line;
	}
	if (!debuginfo_get(k, b, &k->role[KERNEL_HOST].modules, &d))
		symbols_lines(d.dir, place, 1, &line);
	else
		ui_note("no line of the source for it: %s", fail_text());
	debuginfo_free(&d);
	fail_clear();
	return line;
}

void crash_tell(struct run *r)
{
	struct run_result *res = r->result;
	_cleanup_free_ char *line = NULL, *reason = NULL;
	struct kframe place;

	if (result_verdict(res) != OUT_CRASH || proc_interrupted() ||
	    !kreport_crash(&res->console, &place))
		return;
	line = find_line(r, &place);
	reason = strf("%s; at %s%s%s+%#" PRIx64 "%s%s%s", res->reason ? res->reason : "a kernel died", line ? line : "",
		      line ? ", " : "", place.symbol, place.offset, *place.module ? " [" : "", place.module,
		      *place.module ? "]" : "");
	str_set(&res->reason, reason);
}
