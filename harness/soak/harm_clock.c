// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock goes back, as when a machine with a wrong one finds a time server: for nestlab and
 * libvirtd alone, by libfaketime, which is theirs through LD_PRELOAD. L1 and the monotonic clock go
 * on as they did.
 */
#include <string.h>

#include "soak/harm.h"

#define LIBRARY "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

static const char *why_no_library(const struct world *w)
{
	(void)w;
	return path_exists(LIBRARY) ? NULL : "libfaketime is not installed (config/packages-soak)";
}

static char *clock_file(const struct world *w)
{
	return strf("%s/clock", w->dir);
}

static bool set_clock(const struct world *w, const char *offset)
{
	_cleanup_free_ char *path = clock_file(w), *text = strf("%s\n", offset);

	return !file_write(path, text, strlen(text), 0644);
}

static void fake_clock(const struct world *w, struct strv *env)
{
	_cleanup_free_ char *path = clock_file(w);

	set_clock(w, "+0");
	strv_add(env, "LD_PRELOAD=" LIBRARY);
	strv_addf(env, "FAKETIME_TIMESTAMP_FILE=%s", path);
	strv_add(env, "FAKETIME_NO_CACHE=1");
	strv_add(env, "FAKETIME_DISABLE_SHM=1");
	strv_add(env, "FAKETIME_DONT_FAKE_MONOTONIC=1");
	strv_add(env, "NO_FAKE_STAT=1");
}

static bool go_back(struct victim *v, const char *how_far)
{
	buf_printf(&v->note, "the clock went %s", how_far);
	return set_clock(v->world, how_far);
}

static bool back_an_hour(struct victim *v)
{
	return go_back(v, "-3600");
}

static bool back_two_years(struct victim *v)
{
	return go_back(v, "-2y");
}

static const struct harm clocks[] = {
	{ .name = "clock-hour", .what = "the clock goes back an hour", .why_not = why_no_library, .prepare = fake_clock, .harm = back_an_hour },
	{ .name = "clock-years", .what = "the clock goes back two years", .why_not = why_no_library, .prepare = fake_clock, .harm = back_two_years },
};
HARMS(clocks);
