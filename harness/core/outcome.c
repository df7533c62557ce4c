// SPDX-License-Identifier: GPL-2.0-only
#include "core/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int exit_code;
	const char *meaning;
} outcomes[OUT_COUNT] = {
	[OUT_PASS] = { "pass", 0, "everything asked for passed" },
	[OUT_FAIL] = { "fail", 1, "at least one check failed: the change is wrong" },
	[OUT_USAGE] = { "usage", 2, "wrongly asked for: nothing was judged" },
	[OUT_BROKEN] = { "broken", 3,
			 "the lab itself failed (a package, the disk, libvirt, a lane that was named and can't run): it says what to do" },
	[OUT_BUILD_ERROR] = { "build-error", 4, "the change does not apply or does not build" },
	[OUT_CRASH] = { "crash", 5, "a kernel under test panicked, oopsed, hung or reset" },
	[OUT_SKIP] = { "skip", 77, "everything was skipped" },
	/* Not 4, which a script may take for a zero: somebody must look at what was handed in. */
	[OUT_UNUSABLE] = { "unusable", 2, "what was handed in is no change: nothing was judged" },
	[OUT_BUSY] = { "busy", 75, "another nestlab has this checkout's place" },
	[OUT_INTERRUPTED] = { "interrupted", 130, "stopped by ^C or another signal; `finished` is false" },
};

/* Each thread has its own. */
static _Thread_local struct {
	enum outcome outcome;
	char text[4096];
} last;

const char *outcome_name(enum outcome o)
{
	return o < OUT_COUNT ? outcomes[o].name : "unknown";
}

int outcome_from_name(const char *name)
{
	for (int i = 0; i < OUT_COUNT; i++)
		if (!strcmp(outcomes[i].name, name))
			return i;
	return -1;
}

int outcome_exit_code(enum outcome o)
{
	return o < OUT_COUNT ? outcomes[o].exit_code : 3;
}

const char *outcome_meaning(enum outcome o)
{
	return o < OUT_COUNT ? outcomes[o].meaning : "";
}

int fail(enum outcome o, const char *fmt, ...)
{
	char text[sizeof(last.text)];
	va_list ap;

	/* Through a second buffer: an argument may be the recorded text itself. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(last.text, text, sizeof(text));
	last.outcome = o;
	return -(int)o;
}

int fail_prefix(const char *fmt, ...)
{
	char prefix[1024], text[sizeof(last.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "%s: %.*s", prefix,
		 (int)(sizeof(text) - sizeof(prefix) - 3), last.text);
	memcpy(last.text, text, sizeof(text));
	return -(int)last.outcome;
}

enum outcome fail_outcome(void)
{
	return last.outcome;
}

const char *fail_text(void)
{
	return last.text;
}

void fail_restore(enum outcome o, const char *text)
{
	fail_clear();
	if (*text)
		fail(o, "%s", text);
}

void fail_clear(void)
{
	last.outcome = OUT_PASS;
	last.text[0] = '\0';
}
