// SPDX-License-Identifier: GPL-2.0-only
#include "exit_hist.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "guest.h"

#define EVENT "/sys/kernel/tracing/events/kvm/kvm_exit/"
#define TRIGGER "hist:keys=exit_reason"

static bool is_ours; /* the trigger: somebody else's goes on counting for them */

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		guest_broken(__FILE__, __LINE__, "can't open %s", path);
	return f;
}

static bool is_there(void)
{
	FILE *f = open_file(EVENT "trigger");
	bool found = false;
	char line[160];

	while (fgets(line, sizeof(line), f))
		found |= !strncmp(line, TRIGGER, strlen(TRIGGER));
	fclose(f);
	return found;
}

bool hist_take_off(void)
{
	bool was = is_there();

	if (was)
		SAFE_WRITE_FILE(EVENT "trigger", "!" TRIGGER);
	return was;
}

void hist_put_on(void)
{
	SAFE_WRITE_FILE(EVENT "trigger", TRIGGER);
}

void hist_start(void)
{
	is_ours = !is_there();
	if (is_ours)
		hist_put_on();
}

void hist_stop(void)
{
	if (is_ours)
		hist_take_off();
}

bool hist_is_the_labs(void)
{
	return is_there();
}

/* The next line of "{ exit_reason:        114 } hitcount:        500". */
static bool read_count(FILE *f, uint32_t *reason, uint64_t *n)
{
	char line[160];

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "{ exit_reason: %" SCNu32 " } hitcount: %" SCNu64, reason, n) == 2)
			return true;
	return false;
}

/* Those of one reason, or of all. */
static uint64_t count_lines(bool all, uint32_t reason)
{
	FILE *f = open_file(EVENT "hist");
	uint64_t count = 0, n;
	uint32_t key;

	while (read_count(f, &key, &n))
		if (all || key == reason)
			count += n;
	fclose(f);
	return count;
}

void hist_read(uint64_t *counts, uint32_t reasons)
{
	FILE *f = open_file(EVENT "hist");
	uint32_t key;
	uint64_t n;

	memset(counts, 0, reasons * sizeof(*counts));
	while (read_count(f, &key, &n))
		if (key < reasons)
			counts[key] = n;
	fclose(f);
}

uint64_t hist_count(uint32_t reason)
{
	return count_lines(false, reason);
}

uint64_t hist_total(void)
{
	return count_lines(true, 0);
}
