// SPDX-License-Identifier: GPL-2.0-only
#include "machine/bochs/pulse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/util.h"

#define LOOK_NS NSEC_PER_SEC
#define LATE_NS (5 * NSEC_PER_SEC)

/* The name, in parentheses, may hold anything. utime and stime are fields 14 and 15. */
bool pulse_parse(const char *stat, char *state, uint64_t *ticks)
{
	const char *name_end = strrchr(stat, ')');
	uint64_t user, system;

	if (!name_end || sscanf(name_end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, state, &user,
				&system) != 3)
		return false;
	*ticks = user + system;
	return true;
}

/* D: it waits for a disk, and can't do otherwise. */
unsigned int pulse_note(struct pulse *p, char state, uint64_t ticks, uint64_t now_ns)
{
	if (!p->seen_ns || now_ns - p->seen_ns > LATE_NS || ticks != p->ticks || state == 'D')
		p->moved_ns = now_ns;
	p->state = state;
	p->ticks = ticks;
	p->seen_ns = now_ns;
	return (unsigned int)((now_ns - p->moved_ns) / NSEC_PER_SEC);
}

unsigned int pulse_still_s(struct pulse *p, pid_t pid)
{
	uint64_t now = now_ns(), ticks;
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	char state;

	if (p->seen_ns && now - p->seen_ns < LOOK_NS)
		return 0;
	path = strf("/proc/%d/task/%d/stat", (int)pid, (int)pid);
	if (file_read(path, &text) || !pulse_parse(buf_str(&text), &state, &ticks))
		return 0;
	return pulse_note(p, state, ticks, now);
}
