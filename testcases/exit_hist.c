// SPDX-License-Identifier: GPL-2.0-only
#include "exit_hist.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define EVENT "/sys/kernel/tracing/events/kvm/kvm_exit/"
#define TRIGGER "hist:keys=exit_reason"

void hist_stop(void)
{
	int fd = open(EVENT "trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		guest_broken(__FILE__, __LINE__, "can't open " EVENT "trigger");
	/* None may be there. */
	(void)!write(fd, "!" TRIGGER, strlen("!" TRIGGER));
	close(fd);
}

void hist_start(void)
{
	hist_stop(); /* of a program that was killed */
	SAFE_WRITE_FILE(EVENT "trigger", TRIGGER);
}

static FILE *open_hist(void)
{
	FILE *f = fopen(EVENT "hist", "re");

	if (!f)
		guest_broken(__FILE__, __LINE__, "can't open " EVENT "hist");
	return f;
}

/* Lines of "{ exit_reason:        114 } hitcount:        500". */
uint64_t hist_count(uint32_t reason)
{
	FILE *f = open_hist();
	uint64_t count = 0, n;
	char line[160];
	uint32_t key;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "{ exit_reason: %" SCNu32 " } hitcount: %" SCNu64, &key, &n) == 2 &&
		    key == reason)
			count = n;
	fclose(f);
	return count;
}
