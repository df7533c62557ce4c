// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

#include <string.h>
#include <sys/klog.h>

#include "guest.h"

#define TIMES 5000 /* as many as set an object each apart from the noise */
#define FIRST 500  /* what is kept once, and what the first touch */
#define LITTLE 4    /* bytes a time: no object is as small */
#define LOOKS 20    /* what is freed by RCU takes its time */
#define LOOK_MS 50
#define SYSLOG_READ_ALL 3 /* syslog(2) */

static FILE *open_or_broken(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		guest_broken(__FILE__, __LINE__, "can't read %s", path);
	return f;
}

/* 100,000 lines, which take a guest's guest a while. */
static bool symbols_name_kasan(void)
{
	FILE *f = open_or_broken("/proc/kallsyms");
	char line[512];
	bool found = false;

	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_quarantine_");
	fclose(f);
	return found;
}

bool memory_is_kept(void)
{
	static char log[1 << 20];
	int n = klogctl(SYSLOG_READ_ALL, log, sizeof(log) - 1);

	if (n < 0)
		guest_broken(__FILE__, __LINE__, "can't read the kernel's log");
	/* From its boot on? */
	return strstr(log, "Linux version ") ? strstr(log, "KernelAddressSanitizer initialized") != NULL :
					       symbols_name_kasan();
}

/* Each CPU keeps what it added for a second and more, until this is read (mm/vmstat.c). */
static void bring_up_to_date(void)
{
	FILE *f = open_or_broken("/proc/sys/vm/stat_refresh");

	(void)fgetc(f);
	fclose(f);
}

uint64_t memory_kib(const char *name)
{
	size_t len = strlen(name);
	char line[128];
	uint64_t kib = 0;
	FILE *f;

	bring_up_to_date();
	f = open_or_broken("/proc/meminfo");
	while (!kib && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len))
			sscanf(line + len, ": %lu", &kib);
	fclose(f);
	return kib;
}

/*
 * The kernel's small objects, and all memory. (/proc/slabinfo would name the cache, but needs a
 * kernel with SLUB_DEBUG.)
 */
struct memory {
	uint64_t slab, free, percpu; /* KiB */
};

static struct memory memory_now(void)
{
	return (struct memory){ .slab = memory_kib("SUnreclaim"), .free = memory_kib("MemFree"), .percpu = memory_kib("Percpu") };
}

static uint64_t over(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Looked at until it has grown little, or for a second. */
static struct memory memory_after(struct memory before)
{
	struct memory after;
	unsigned int looks = 0;

	do {
		guest_sleep_ms(LOOK_MS);
		after = memory_now();
	} while (over(after.slab, before.slab) * 1024 > TIMES * LITTLE && ++looks < LOOKS);
	return after;
}

void memory_of(struct micro *m, const char *what, void (*make)(struct micro *m, uint64_t times))
{
	struct memory before, after;

	make(m, FIRST);
	before = memory_now();
	make(m, TIMES);
	after = memory_after(before);
	observe_str("memory.of", what);
	observe_u64("memory.times", TIMES);
	observe_u64("memory.slab", over(after.slab, before.slab));
	observe_u64("memory.kib", over(before.free, after.free));
	observe_u64("memory.percpu", over(after.percpu, before.percpu));
	observe_u64("memory.kept", memory_is_kept());
	if (!guest_in_lab)
		printf("%s: the kernel's objects grew by %lu KiB\n", what, over(after.slab, before.slab));
}
