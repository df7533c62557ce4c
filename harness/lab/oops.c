// SPDX-License-Identifier: GPL-2.0-only
#include "lab/oops.h"

#include <ctype.h>
#include <string.h>

#include "core/util.h"

/* First match wins: the more telling families stand first. Wordings: lib/dump_stack, kernel/panic.c, mm/kasan, kernel/locking. */
static const struct oops_family families[] = {
	{ "KASAN report", "BUG: KASAN:", true, true },
	{ "KCSAN report", "BUG: KCSAN:", false, true },
	{ "UBSAN report", "UBSAN:", false, true },
	{ "soft lockup", "BUG: soft lockup", true, false },
	{ "hard lockup", "Watchdog detected hard LOCKUP", true, false },
	{ "kernel panic", "Kernel panic - not syncing", true, true },
	{ "kernel BUG", "kernel BUG at", true, true },
	{ "BUG", "BUG: ", true, true },
	{ "oops", "Oops: ", true, true },
	{ "general protection fault", "general protection fault", true, true },
	{ "stack segment fault", "stack segment: ", true, true },
	{ "divide error", "divide error: ", true, true },
	{ "invalid opcode", "invalid opcode: ", true, true },
	{ "double fault", "double fault: ", true, true },
	{ "RCU stall", "self-detected stall on CPU", true, false },
	{ "RCU stall", "detected stalls on CPUs/tasks", true, false },
	{ "hung task", "blocked for more than", true, false },
	{ "lockdep report", "possible circular locking dependency", false, false },
	{ "lockdep report", "possible recursive locking", false, false },
	{ "lockdep report", "inconsistent lock state", false, false },
	{ "RCU misuse", "WARNING: suspicious RCU usage", false, true },
	{ "sleeping in atomic context", "sleeping function called from invalid context", false, false },
	{ "warning", "WARNING: ", false, true },
};

/* "[   12.345678] " and, with CONFIG_PRINTK_CALLER, "[   T123] ". */
static const char *skip_stamps(const char *line)
{
	for (;;) {
		const char *s = line;

		while (*s == ' ')
			s++;
		if (*s != '[')
			return s;
		for (s++; *s && *s != ']'; s++)
			if (!isalnum((unsigned char)*s) && *s != ' ' && *s != '.')
				return line;
		if (!*s)
			return line;
		line = s + 1;
	}
}

const struct oops_family *oops_match(const char *line)
{
	const char *message = skip_stamps(line);

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct oops_family *f = &families[i];

		if (f->line_start ? str_starts(message, f->pattern) :
				    strstr(message, f->pattern) != NULL)
			return f;
	}
	return NULL;
}
