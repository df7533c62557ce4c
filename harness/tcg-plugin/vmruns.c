// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's emulator: counts, for each vCPU of L1, VMRUNs and #VMEXITs, and the time
 * between them, from outside of all that runs in L1 (counters.h).
 *
 *	-plugin FILE,counters=PATH	PATH: struct counters, made by the harness
 *
 * Only three kinds of instruction are instrumented, so all others run as fast as without it: VMRUN
 * (0f 01 d8), the one behind a VMRUN, which is where a #VMEXIT goes on (AMD APM volume 2, 15.6),
 * and marks. The one behind is known by the bytes before it: it can be translated long before its
 * VMRUN is, as a restored L1 may begin in its guest.
 *
 * Guests share L1's vCPUs, and a guest or a program in L1 may execute a VMRUN that only faults. So
 * an address is taken for a VMRUN's only when the instruction behind it was reached.
 *
 * Where it is told to, it stops CPUs as well (stops.h).
 *
 * Each vCPU has a thread of its own; callbacks run in it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "qemu-api.h"
#include "stops.h"
#include "testcases/mark.h"

#define VMRUN_BYTES 3u
#define PAGE_BYTES 4096u
#define SITES 16u

QEMU_SEES int qemu_plugin_version = QEMU_API_LEVEL;

static const uint8_t vmrun[VMRUN_BYTES] = { 0x0f, 0x01, 0xd8 };
static const uint8_t nop[4] = { 0x0f, 0x1f, 0x84, 0x00 };

static struct counters *counters;
static qemu_plugin_id_t plugin;

/* Addresses behind VMRUNs that led to a #VMEXIT; 0: free. */
static uint64_t sites[SITES];

/* What its own thread knows of a vCPU. */
static struct {
	bool known;	   /* a VMRUN or a #VMEXIT of it was seen */
	uint64_t trial;	   /* the address behind a VMRUN whose #VMEXIT was not seen yet ... */
	uint64_t trial_at; /* ... and its time */
	uint64_t site;	   /* the same of the VMRUN that it is in; 0: outside */
} cpus[COUNTERS_CPUS];

static void fault(uint32_t bit)
{
	__atomic_fetch_or(&counters->faults, bit, __ATOMIC_RELAXED);
}

static bool is_site(uint64_t behind)
{
	for (unsigned int i = 0; i < SITES; i++)
		if (__atomic_load_n(&sites[i], __ATOMIC_RELAXED) == behind)
			return true;
	return false;
}

static void add_site(uint64_t behind)
{
	for (unsigned int i = 0; i < SITES; i++) {
		uint64_t free_one = 0;

		if (__atomic_compare_exchange_n(&sites[i], &free_one, behind, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
		    free_one == behind)
			return;
	}
	fault(COUNTERS_FAULT_SITES);
}

/* -- a vCPU's counters -- */

static struct cpu_counts *begin_update(unsigned int cpu)
{
	struct cpu_counters *c = &counters->cpu[cpu];
	struct cpu_counts *next = &c->copy[(c->turn + 1) & 1];

	*next = c->copy[c->turn & 1];
	return next;
}

static void end_update(unsigned int cpu)
{
	struct cpu_counters *c = &counters->cpu[cpu];

	__atomic_store_n(&c->turn, c->turn + 1, __ATOMIC_RELEASE);
	/* The other copy is written next: not before the turn is seen. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void enter(unsigned int cpu, uint64_t behind, uint64_t now)
{
	struct cpu_counts *c = begin_update(cpu);

	c->vmruns++;
	c->entered = now;
	c->in_guest = 1;
	end_update(cpu);
	cpus[cpu].site = behind;
}

static void leave(unsigned int cpu, uint64_t now)
{
	struct cpu_counts *c = begin_update(cpu);

	c->vmexits++;
	if (c->in_guest)
		c->guest_ticks += now - c->entered;
	c->left = now;
	c->in_guest = 0;
	end_update(cpu);
	cpus[cpu].site = 0;
}

/* -- what is executed -- */

static void begin(qemu_plugin_id_t id);

static void on_vmrun(unsigned int cpu, void *behind)
{
	uint64_t at = (uintptr_t)behind, now = counters_tsc();

	if (cpu >= COUNTERS_CPUS)
		return;
	if (stops_differ())
		qemu_plugin_reset(plugin, begin);
	cpus[cpu].known = true;
	if (is_site(at)) {
		enter(cpu, at, now);
		return;
	}
	cpus[cpu].trial = at;
	cpus[cpu].trial_at = now;
}

static void on_behind(unsigned int cpu, void *behind)
{
	uint64_t at = (uintptr_t)behind, now = counters_tsc();

	if (cpu >= COUNTERS_CPUS)
		return;
	if (cpus[cpu].site == at) {
		leave(cpu, now);
	} else if (cpus[cpu].trial == at) {
		add_site(at);
		enter(cpu, at, cpus[cpu].trial_at);
		leave(cpu, now);
	} else if (!cpus[cpu].known) {
		add_site(at); /* it was in its guest when L1's state was saved */
		leave(cpu, now);
	}
	cpus[cpu].known = true;
	cpus[cpu].trial = 0;
}

static void on_mark(unsigned int cpu, void *number)
{
	uint64_t order = __atomic_add_fetch(&counters->marks, 1, __ATOMIC_RELAXED);
	struct counters_mark *m = &counters->mark[(order - 1) % COUNTERS_MARKS];

	(void)cpu;
	__atomic_store_n(&m->order, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	m->number = (uintptr_t)number;
	if (!counters_take(counters, &m->sample))
		fault(COUNTERS_FAULT_UNSTEADY);
	__atomic_store_n(&m->order, order, __ATOMIC_RELEASE);
	stops_renew();
}

/* -- what is translated -- */

/* Whether a VMRUN lies directly before this instruction, in the same page. */
static bool is_behind(const struct qemu_plugin_insn *insn)
{
	const uint8_t *host = qemu_plugin_insn_haddr(insn);
	uint64_t offset = qemu_plugin_insn_vaddr(insn) % PAGE_BYTES;

	return host && offset >= VMRUN_BYTES && !memcmp(host - VMRUN_BYTES, vmrun, VMRUN_BYTES);
}

static void watch(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_udata_cb_t cb, uint64_t value)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, QEMU_PLUGIN_CB_NO_REGS,
					       (void *)(uintptr_t)value);
}

static void look_at_vmrun(struct qemu_plugin_insn *insn)
{
	uint64_t behind = qemu_plugin_insn_vaddr(insn) + VMRUN_BYTES;

	if (memcmp(qemu_plugin_insn_data(insn), vmrun, VMRUN_BYTES) != 0)
		return;
	if (behind % PAGE_BYTES < VMRUN_BYTES)
		fault(COUNTERS_FAULT_PAGE_END);
	watch(insn, on_vmrun, behind);
}

static void look_at_nop(struct qemu_plugin_insn *insn)
{
	const uint8_t *bytes = qemu_plugin_insn_data(insn);
	uint32_t displacement;

	memcpy(&displacement, bytes + sizeof(nop), sizeof(displacement));
	if (!memcmp(bytes, nop, sizeof(nop)) && (displacement & ~0xffu) == MARK_DISPLACEMENT)
		watch(insn, on_mark, displacement & 0xff);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		size_t size = qemu_plugin_insn_size(insn);

		if (is_behind(insn))
			watch(insn, on_behind, qemu_plugin_insn_vaddr(insn));
		if (size == VMRUN_BYTES)
			look_at_vmrun(insn);
		else if (size == MARK_BYTES)
			look_at_nop(insn);
		stops_watch(insn);
	}
}

static void on_vcpu(qemu_plugin_id_t id, unsigned int cpu)
{
	uint64_t cpus_by_now = cpu + 1;

	(void)id;
	if (cpu >= COUNTERS_CPUS)
		fault(COUNTERS_FAULT_CPUS);
	else if (counters->cpus < cpus_by_now)
		__atomic_store_n(&counters->cpus, cpus_by_now, __ATOMIC_RELEASE);
}

/* -- the start -- */

static void begin(qemu_plugin_id_t id)
{
	stops_turn();
	qemu_plugin_register_vcpu_init_cb(id, on_vcpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
}

static const char *path_of(int argc, char **argv)
{
	static const char key[] = "counters=";

	if (argc == 1 && !strncmp(argv[0], key, sizeof(key) - 1))
		return argv[0] + sizeof(key) - 1;
	fprintf(stderr, "vmruns: want one argument, counters=PATH\n");
	return NULL;
}

/* The file is there already, ours and empty: nothing is made, and no link is followed. */
static int map(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size != (off_t)sizeof(*counters)) {
		fprintf(stderr, "vmruns: %s is not the file of counters that is wanted\n", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	counters = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (counters == MAP_FAILED) {
		fprintf(stderr, "vmruns: can't map %s\n", path);
		return -1;
	}
	return 0;
}

/* One process is told from the next by when it began. */
static int take_over(void)
{
	struct timespec now;
	uint64_t generation;

	if (counters->magic != COUNTERS_MAGIC || counters->version != COUNTERS_VERSION ||
	    counters->generation) {
		fprintf(stderr, "vmruns: the file of counters has another version, or is in use\n");
		return -1;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	generation = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	__atomic_store_n(&counters->generation, generation, __ATOMIC_RELEASE);
	return 0;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	const char *path = path_of(argc, argv);

	if (strcmp(info->target_name, "x86_64") != 0 || !info->system_emulation) {
		fprintf(stderr, "vmruns: it counts for qemu-system-x86_64\n");
		return -1;
	}
	if (!path || map(path) || take_over())
		return -1;
	plugin = id;
	stops_open(&counters->stops);
	begin(id);
	return 0;
}
