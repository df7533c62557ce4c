// SPDX-License-Identifier: GPL-2.0-only
#include "micro.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The guest's physical memory: one slot. All addresses are below 2 GiB, so that code reaches them
 * without a register.
 */
#define MEMORY_BYTES 0x200000
#define PML4 0x1000
#define PDPT 0x2000
#define PD 0x3000
#define PD32 0x6000	/* of paging with 32 bits: 4 MiB pages */
#define SPINNING 0x4000 /* counts the vCPUs that came to spin */
#define SPUN 0x5000	/* r15 of the one that spins */
#define CODE 0x8000
#define STACKS 0x100000
#define STACK_BYTES 0x2000
#define ASLEEP_MS 2000 /* in which a vCPU comes to its hlt */
#define LONG_PAGE 0x200000UL
#define HIGH 0xffff800000000000UL /* the lowest address of the upper half: entry 256 of the PML4 */

#define PTE_P 1
#define PTE_W 2
#define PTE_U 4
#define PTE_PS 0x80

#define CR0_PE 0x1
#define CR0_NE 0x20
#define CR0_WP 0x10000
#define CR0_PG 0x80000000
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define CR4_OSFXSR 0x200
#define EFER_LME 0x100
#define EFER_LMA 0x400

#define APIC_SPIV 0xf0
#define APIC_ENABLED 0x100

#define LOOK_MS 1000
#define MANY_LINES 50 /* in that time: no report of the kernel's has so many, again and again */
#define LATE_WAITS 4
#define WAIT_S 20	      /* at least: */
#define WAIT_S_PER_SLOWDOWN 5 /* of the lane's factor; Bochs needs a minute for 100,000 calls */

extern const char micro_code[], micro_code_end[], micro_return[];
/* From the linker: the program's image. */
extern char __executable_start[], _end[];

bool micro_intel;

const char *const micro_mode_names[MICRO_MODES] = {
	[MICRO_LONG] = "long",
	[MICRO_USER] = "long, user",
	[MICRO_PAGED] = "paged 32-bit",
	[MICRO_PROTECTED] = "protected",
	[MICRO_REAL] = "real",
};

__asm__(".text\n"
	".macro each_register op\n"
	"	.irp r, rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, "
	"r15\n"
	"	\\op %\\r\n"
	"	.endr\n"
	".endm\n"
	".global micro_code, micro_code_end, micro_call_amd, micro_call_intel\n"
	".global micro_cpuid, micro_return\n"
	".global micro_spin, micro_spin_loop, micro_spin_end, micro_halt, micro_halt_end\n"
	"micro_code:\n"
	"micro_call_amd:\n"
	"	vmmcall\n"
	"	out %al, $0x10\n"
	"micro_call_intel:\n"
	"	vmcall\n"
	"	out %al, $0x10\n"
	"micro_cpuid:\n"
	"	cpuid\n"
	"	out %al, $0x10\n"
	"micro_return:\n"
	"	out %al, $0x10\n"
	"micro_spin:\n"
	"	each_register incq\n"
	"	movq %r15, 0x5000\n" /* first: it may be held up before its first loop */
	"	lock incl 0x4000\n"
	"micro_spin_loop:\n"
	"	incq %r15\n"
	"	movq %r15, 0x5000\n"
	"	jmp micro_spin_loop\n"
	"micro_spin_end:\n"
	"micro_halt:\n"
	"	each_register incq\n"
	"	hlt\n"
	"micro_halt_end:\n"
	"micro_code_end:\n");

struct vcpu {
	struct micro *m;
	uint32_t id;
	int fd, stats_fd;
	uint64_t exits_offset; /* of the value in the statistics file */
	struct kvm_run *run;
	pthread_t thread;
	pthread_cond_t wake; /* of its thread: go or quit */
	pid_t tid, host_tid; /* as this program's pid namespace and as the host numbers it */
	bool go, quit; /* under the lock */
	bool lent;     /* too: no thread of the library's runs it */
	bool served;   /* too: its thread serves what a guest function asks for, as micro_finish() does */
	uint32_t reason;
	uint16_t port; /* of the last KVM_EXIT_IO */
};

struct micro {
	int kvm, vm;
	size_t run_bytes;
	uint8_t *memory;
	unsigned int n;
	uint32_t slots; /* of memory, so far */
	bool bare;	/* its vCPUs: micro_new_bare() */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct vcpu vcpu[MICRO_MAX_VCPUS];
};

static int safe_ioctl(int line, int fd, unsigned long request, const char *name, void *arg)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		guest_broken(__FILE__, line, "%s", name);
	return ret;
}

#define IOCTL(fd, request, arg)                                                                    \
	safe_ioctl(__LINE__, fd, request, #request, (void *)(uintptr_t)(arg))

uint64_t micro_at(const char *label)
{
	return CODE + (uint64_t)(label - micro_code);
}

uint64_t micro_high_at(const char *label)
{
	return HIGH + micro_at(label);
}

const char *micro_call(void)
{
	return micro_intel ? micro_call_intel : micro_call_amd;
}

uint64_t *micro_reg(struct kvm_regs *r, unsigned int i)
{
	/* As <linux/kvm.h> orders them: rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8 to r15. */
	_Static_assert(offsetof(struct kvm_regs, r15) == 15 * sizeof(__u64), "16 in a row");
	return (uint64_t *)r + i;
}

static void put64(struct micro *m, uint64_t at, uint64_t value)
{
	memcpy(m->memory + at, &value, sizeof(value));
}

static void put32(struct micro *m, uint64_t at, uint32_t value)
{
	memcpy(m->memory + at, &value, sizeof(value));
}

void micro_add_memory(struct micro *m, uint64_t at, void *from, size_t bytes)
{
	struct kvm_userspace_memory_region slot = { .slot = m->slots++,
						    .guest_phys_addr = at,
						    .memory_size = bytes,
						    .userspace_addr = (uintptr_t)from };

	IOCTL(m->vm, KVM_SET_USER_MEMORY_REGION, &slot);
}

/*
 * The first GiB, each address to itself, for long mode, where it is at HIGH, too, and for paging
 * with 32 bits.
 */
static void make_page_tables(struct micro *m)
{
	put64(m, PML4, PDPT | PTE_P | PTE_W | PTE_U);
	put64(m, PML4 + 8 * 256, PDPT | PTE_P | PTE_W | PTE_U);
	put64(m, PDPT, PD | PTE_P | PTE_W | PTE_U);
	for (uint64_t i = 0; i < 512; i++)
		put64(m, PD + 8 * i, i * LONG_PAGE | PTE_P | PTE_W | PTE_U | PTE_PS);
	for (uint32_t i = 0; i < 256; i++)
		put32(m, PD32 + 4 * i, i * (1u << 22) | PTE_P | PTE_W | PTE_U | PTE_PS);
}

static void make_memory(struct micro *m)
{
	uintptr_t first = (uintptr_t)__executable_start & ~0xfffUL;
	uintptr_t end = ((uintptr_t)_end + 0xfff) & ~0xfffUL;

	m->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (m->memory == MAP_FAILED)
		guest_broken(__FILE__, __LINE__, "can't map the guest's memory");
	make_page_tables(m);
	memcpy(m->memory + CODE, micro_code, (size_t)(micro_code_end - micro_code));
	micro_add_memory(m, 0, m->memory, MEMORY_BYTES);
	micro_add_memory(m, first, (void *)first, end - first);
}

/* A flat segment: 4 GiB from 0, 32-bit. */
static struct kvm_segment segment(uint8_t type, uint16_t selector, uint8_t dpl)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector | dpl,
		.type = type,
		.present = 1,
		.dpl = dpl,
		.s = 1,
		.g = 1,
		.db = 1,
	};
}

static void set_flat(struct kvm_sregs *s, uint8_t dpl)
{
	s->cs = segment(11, 0x8, dpl);
	s->ds = s->es = s->fs = s->gs = s->ss = segment(3, 0x10, dpl);
	s->cr0 = CR0_PE | CR0_NE;
}

static void set_long(struct kvm_sregs *s, uint8_t dpl)
{
	set_flat(s, dpl);
	s->cs.db = 0;
	s->cs.l = 1;
	s->cr0 |= CR0_WP | CR0_PG;
	s->cr3 = PML4;
	s->cr4 = CR4_PAE | CR4_OSFXSR;
	s->efer = EFER_LME | EFER_LMA;
}

static void set_paged(struct kvm_sregs *s)
{
	set_flat(s, 0);
	s->cr0 |= CR0_WP | CR0_PG;
	s->cr3 = PD32;
	s->cr4 = CR4_PSE;
}

/* As after a reset, but for the code segment's base. */
static void set_real(struct kvm_sregs *s)
{
	struct kvm_segment data = { .limit = 0xffff, .type = 3, .present = 1, .s = 1 };

	s->cs = s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->cs.type = 11;
	s->cr0 = CR0_NE;
}

void micro_set_mode(struct micro *m, unsigned int vcpu, enum micro_mode mode)
{
	struct kvm_sregs s;

	IOCTL(m->vcpu[vcpu].fd, KVM_GET_SREGS, &s);
	s.idt.limit = 0;
	s.cr3 = s.cr4 = s.efer = 0;
	switch (mode) {
	case MICRO_LONG:
	case MICRO_MODES:
		set_long(&s, 0);
		break;
	case MICRO_USER:
		set_long(&s, 3);
		break;
	case MICRO_PAGED:
		set_paged(&s);
		break;
	case MICRO_PROTECTED:
		set_flat(&s, 0);
		break;
	case MICRO_REAL:
		set_real(&s);
		break;
	}
	IOCTL(m->vcpu[vcpu].fd, KVM_SET_SREGS, &s);
}

#define CPUID_ENTRIES 256
#define RDTSCP (1U << 27) /* leaf 0x80000001, edx */

/* APM volume 3, appendix E.3; SDM volume 2, CPUID: the words that have grown. */
static void take_features(struct kvm_cpuid_entry2 *e)
{
	switch (e->function) {
	case 1:
		e->ecx = 0;
		break;
	case 7:
		e->ebx = e->ecx = e->edx = 0;
		break;
	case 0x80000001:
		e->ecx = 0;
		e->edx &= ~RDTSCP;
		break;
	case 0x8000000a:
		e->edx = 0;
		break;
	}
}

/* What KVM supports is asked once: the answer takes hundreds of CPUIDs. */
static void set_cpuid(struct vcpu *v)
{
	static struct cpuid_list {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[CPUID_ENTRIES];
	} supported;
	struct cpuid_list told;

	if (!supported.head.nent) {
		supported.head.nent = CPUID_ENTRIES;
		IOCTL(v->m->kvm, KVM_GET_SUPPORTED_CPUID, &supported);
	}
	told = supported;
	for (uint32_t i = 0; v->m->bare && i < told.head.nent; i++)
		take_features(&told.entry[i]);
	IOCTL(v->fd, KVM_SET_CPUID2, &told);
}

static void read_stats(int line, int fd, void *to, size_t len, uint64_t at)
{
	if (pread(fd, to, len, (off_t)at) != (ssize_t)len)
		guest_broken(__FILE__, line, "can't read KVM's statistics");
}

/*
 * Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD: a header, descriptors with their names, values.
 * Where this one's is; 0: this kernel does not have it.
 */
static uint64_t look_for_stat(struct vcpu *v, const char *stat)
{
	struct kvm_stats_header h;

	read_stats(__LINE__, v->stats_fd, &h, sizeof(h), 0);
	for (uint32_t i = 0; i < h.num_desc; i++) {
		struct {
			struct kvm_stats_desc d;
			char name[64];
		} desc = { 0 };
		size_t size = sizeof(desc.d) + h.name_size;

		if (h.name_size >= sizeof(desc.name))
			guest_broken(__FILE__, __LINE__, "names of %u bytes in KVM's statistics",
				     h.name_size);
		read_stats(__LINE__, v->stats_fd, &desc, size, h.desc_offset + i * size);
		if (!strcmp(desc.d.name, stat))
			return h.data_offset + desc.d.offset;
	}
	return 0;
}

static uint64_t find_stat(struct vcpu *v, const char *stat)
{
	uint64_t at = look_for_stat(v, stat);

	if (!at)
		guest_broken(__FILE__, __LINE__, "KVM's statistics know no %s", stat);
	return at;
}

static void on_kick(int sig)
{
	(void)sig;
}

/*
 * An out is complete, and rip behind it, only at the next KVM_RUN; that one need not enter the
 * guest. Where the out is stepped, the step ends with it.
 */
static void complete_out(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	if (ioctl(v->fd, KVM_RUN, 0) ? errno != EINTR : v->run->exit_reason != KVM_EXIT_DEBUG)
		guest_broken(__FILE__, __LINE__, "completing the out of vCPU %u", v->id);
	v->run->immediate_exit = 0;
}

/* What a guest function asks for; true: it is to go on. */
static bool serve(struct vcpu *v)
{
	switch (v->reason) {
	case KVM_EXIT_IO:
		v->run->request_interrupt_window = v->port == MICRO_WINDOW_PORT;
		if (v->port == MICRO_NMI_PORT)
			IOCTL(v->fd, KVM_NMI, 0);
		return v->port != MICRO_PORT;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		v->run->request_interrupt_window = 0;
		return true;
	case KVM_EXIT_HLT:
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_MMIO:
		return true;
	}
	return false;
}

static void enter(struct vcpu *v)
{
	if (!ioctl(v->fd, KVM_RUN, 0))
		v->reason = v->run->exit_reason;
	else if (errno == EINTR)
		v->reason = KVM_EXIT_INTR;
	else
		guest_broken(__FILE__, __LINE__, "KVM_RUN of vCPU %u", v->id);
	if (v->reason == KVM_EXIT_IO)
		v->port = v->run->io.port;
}

/* An out that is served is complete with the next entry. */
static void run_guest(struct vcpu *v)
{
	do
		enter(v);
	while (v->served && serve(v));
	if (v->reason == KVM_EXIT_IO)
		complete_out(v);
}

/*
 * /proc/thread-self is "PID/task/TID" in the numbers of the namespace that mounted /proc: the
 * host's.
 */
static pid_t host_thread_id(void)
{
	char link[64] = "";
	const char *id = readlink("/proc/thread-self", link, sizeof(link) - 1) > 0 ? strrchr(link, '/') : NULL;

	return id ? (pid_t)strtol(id + 1, NULL, 10) : 0;
}

static void *run_vcpu(void *arg)
{
	struct vcpu *v = arg;
	struct micro *m = v->m;

	pthread_mutex_lock(&m->lock);
	v->host_tid = host_thread_id();
	v->tid = (pid_t)syscall(SYS_gettid);
	for (;;) {
		pthread_cond_broadcast(&m->changed);
		while (!v->go && !v->quit)
			pthread_cond_wait(&v->wake, &m->lock);
		if (v->quit)
			break;
		pthread_mutex_unlock(&m->lock);
		run_guest(v);
		pthread_mutex_lock(&m->lock);
		v->go = false;
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* What a vCPU was started for may be EFFORT times as long. */
static unsigned int wait_s(void)
{
	uint64_t scaled = WAIT_S_PER_SLOWDOWN * guest_number("NESTLAB_SLOWDOWN", 1);

	return (unsigned int)((scaled > WAIT_S ? scaled : WAIT_S) * guest_number("NESTLAB_EFFORT", 1));
}

/* One look at the state after each change. False past the deadline. */
static bool wait_changed(struct micro *m)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_s();
	return !pthread_cond_timedwait(&m->changed, &m->lock, &until);
}

static bool is_taken(const struct vcpu *v)
{
	return v->tid;
}

static bool is_given_back(const struct vcpu *v)
{
	return !v->lent;
}

/* Under the lock. */
static void wait_until(struct vcpu *v, bool (*is)(const struct vcpu *v))
{
	while (!is(v))
		if (!wait_changed(v->m))
			guest_broken(__FILE__, __LINE__, "a vCPU's thread never came, or never went");
}

static void start_thread(struct vcpu *v)
{
	v->tid = 0;
	v->quit = false;
	if (pthread_create(&v->thread, NULL, run_vcpu, v))
		guest_broken(__FILE__, __LINE__, "can't start a vCPU's thread");
	pthread_mutex_lock(&v->m->lock);
	wait_until(v, is_taken);
	pthread_mutex_unlock(&v->m->lock);
}

static void end_thread(struct vcpu *v)
{
	pthread_mutex_lock(&v->m->lock);
	v->quit = true;
	pthread_cond_signal(&v->wake);
	if (v->lent)
		wait_until(v, is_given_back);
	pthread_mutex_unlock(&v->m->lock);
	if (v->thread)
		pthread_join(v->thread, NULL);
	v->thread = 0;
}

static void make_vcpu(struct micro *m, struct vcpu *v, uint32_t id)
{
	v->m = m;
	v->id = id;
	pthread_cond_init(&v->wake, NULL);
	v->fd = IOCTL(m->vm, KVM_CREATE_VCPU, (uintptr_t)id);
	v->run = mmap(NULL, m->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		guest_broken(__FILE__, __LINE__, "can't map a vCPU's kvm_run");
	set_cpuid(v);
	micro_set_mode(m, (unsigned int)(v - m->vcpu), MICRO_LONG);
	v->stats_fd = IOCTL(v->fd, KVM_GET_STATS_FD, 0);
	v->exits_offset = m->n ? m->vcpu[0].exits_offset : find_stat(v, "exits");
	start_thread(v);
}

/* What of a machine's interrupt controllers is in KVM. */
enum chips { CHIPS_NONE, CHIPS_APICS, CHIPS_ALL };

static void add_chips(struct micro *m, enum chips chips)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP };

	if (chips == CHIPS_APICS)
		IOCTL(m->vm, KVM_ENABLE_CAP, &split);
	if (chips == CHIPS_ALL)
		IOCTL(m->vm, KVM_CREATE_IRQCHIP, 0);
}

/* And one that is not the first one would wait for its start by another. */
static void enable_apic(struct vcpu *v)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_lapic_state apic;

	IOCTL(v->fd, KVM_SET_MP_STATE, &runnable);
	IOCTL(v->fd, KVM_GET_LAPIC, &apic);
	apic.regs[APIC_SPIV + 1] |= APIC_ENABLED >> 8;
	IOCTL(v->fd, KVM_SET_LAPIC, &apic);
}

void micro_add_vcpu(struct micro *m, uint32_t id)
{
	if (m->n == MICRO_MAX_VCPUS)
		guest_broken(__FILE__, __LINE__, "can't make a machine of more than %d vCPUs",
			     MICRO_MAX_VCPUS);
	make_vcpu(m, &m->vcpu[m->n], id);
	m->n++;
}

/* With no vCPU yet. */
static struct micro *make_machine(enum chips chips)
{
	struct micro *m = SAFE_MAP_SHARED(NULL, sizeof(*m));
	struct sigaction kick = { .sa_handler = on_kick };

	micro_intel = cpuid(0, 0).ebx == 0x756e6547; /* "Genu" */

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0)
		guest_skip("this level has no /dev/kvm: %s", strerror(errno));
	sigaction(SIGUSR1, &kick, NULL);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	m->vm = IOCTL(m->kvm, KVM_CREATE_VM, 0);
	m->run_bytes = (size_t)IOCTL(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	make_memory(m);
	add_chips(m, chips);
	return m;
}

static void add_vcpus(struct micro *m, const uint32_t *ids, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		micro_add_vcpu(m, ids[i]);
}

static struct micro *make(const uint32_t *ids, unsigned int n, enum chips chips)
{
	struct micro *m = make_machine(chips);

	add_vcpus(m, ids, n);
	for (unsigned int i = 0; chips && i < n; i++)
		enable_apic(&m->vcpu[i]);
	return m;
}

struct micro *micro_new(const uint32_t *ids, unsigned int n)
{
	return make(ids, n, CHIPS_NONE);
}

struct micro *micro_new_with_apics(const uint32_t *ids, unsigned int n)
{
	return make(ids, n, CHIPS_APICS);
}

struct micro *micro_new_with_chips(const uint32_t *ids, unsigned int n)
{
	return make(ids, n, CHIPS_ALL);
}

struct micro *micro_new_bare(const uint32_t *ids, unsigned int n)
{
	struct micro *m = make_machine(CHIPS_NONE);

	m->bare = true;
	add_vcpus(m, ids, n);
	return m;
}

struct micro *micro_new_crowd(void)
{
	uint32_t ids[MICRO_CROWD];

	for (uint32_t i = 0; i < MICRO_CROWD; i++)
		ids[i] = 13 * i;
	return make(ids, MICRO_CROWD, CHIPS_NONE);
}

int micro_vm_fd(const struct micro *m)
{
	return m->vm;
}

int micro_vcpu_fd(const struct micro *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].fd;
}

struct kvm_run *micro_vcpu_run(const struct micro *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].run;
}

void micro_free(struct micro *m)
{
	for (unsigned int i = 0; i < m->n; i++) {
		struct vcpu *v = &m->vcpu[i];

		end_thread(v);
		munmap(v->run, m->run_bytes);
		close(v->stats_fd);
		close(v->fd);
	}
	close(m->vm);
	close(m->kvm);
	munmap(m->memory, MEMORY_BYTES);
	munmap(m, sizeof(*m));
}

void micro_set_regs(struct micro *m, unsigned int vcpu, const struct kvm_regs *r)
{
	IOCTL(m->vcpu[vcpu].fd, KVM_SET_REGS, r);
}

void micro_get_regs(struct micro *m, unsigned int vcpu, struct kvm_regs *r)
{
	IOCTL(m->vcpu[vcpu].fd, KVM_GET_REGS, r);
}

void micro_set_sregs(struct micro *m, unsigned int vcpu, const struct kvm_sregs *s)
{
	IOCTL(m->vcpu[vcpu].fd, KVM_SET_SREGS, s);
}

void micro_get_sregs(struct micro *m, unsigned int vcpu, struct kvm_sregs *s)
{
	IOCTL(m->vcpu[vcpu].fd, KVM_GET_SREGS, s);
}

static void go(struct vcpu *v, bool served)
{
	pthread_mutex_lock(&v->m->lock);
	v->run->immediate_exit = 0;
	v->served = served;
	v->go = true;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->m->lock);
}

void micro_go(struct micro *m, unsigned int vcpu)
{
	go(&m->vcpu[vcpu], false);
}

/* What the vCPU was at, for a message about its end. Not while it runs. */
static const char *state(const struct vcpu *v)
{
	static char text[160];
	struct kvm_regs r;
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_REGS, &r) < 0 || ioctl(v->fd, KVM_GET_SREGS, &s) < 0)
		return "its registers can't be read";
	snprintf(text, sizeof(text), "rip 0x%llx, rsp 0x%llx, cr0 0x%llx, cr2 0x%llx, cr3 0x%llx", r.rip, r.rsp, s.cr0,
		 s.cr2, s.cr3);
	return text;
}

/*
 * Where one that hangs is: it is made to leave its guest, and that, too, has its deadline. The lock
 * is held.
 */
static const char *state_of_hung(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	pthread_kill(v->thread, SIGUSR1);
	for (unsigned int i = 0; i < 100 && v->go; i++) {
		pthread_mutex_unlock(&v->m->lock);
		guest_sleep_ms(10);
		pthread_mutex_lock(&v->m->lock);
	}
	return v->go ? "and a signal does not make it leave" : state(v);
}

/* Lines that come into the kernel's log while this looks at it. */
static unsigned int count_lines_now(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned int lines = 0;
	char record[4096];

	if (fd < 0)
		return 0;
	lseek(fd, 0, SEEK_END);
	guest_sleep_ms(LOOK_MS);
	/* EPIPE: there were more than the log holds. */
	while (lines < MANY_LINES && (read(fd, record, sizeof(record)) > 0 || errno == EPIPE))
		lines++;
	close(fd);
	return lines;
}

/*
 * It is late. A change that prints 70 lines at each answer makes a second of a test a minute: that
 * is no hang. The lock is held.
 */
static void look_at_late(struct vcpu *v, unsigned int *waits)
{
	bool prints;

	pthread_mutex_unlock(&v->m->lock);
	prints = count_lines_now() >= MANY_LINES;
	pthread_mutex_lock(&v->m->lock);
	if (v->go && !prints)
		guest_fault("vCPU %u hangs: it did not leave its guest, or the call that it made there, "
			    "in %u s: %s", v->id, wait_s(), state_of_hung(v));
	if (v->go && ++*waits == LATE_WAITS)
		guest_skip("the change prints to the kernel's log at each answer, %u lines and more in %u ms: it is too slow for this test",
			   MANY_LINES, LOOK_MS);
}

uint32_t micro_wait(struct micro *m, unsigned int vcpu)
{
	struct vcpu *v = &m->vcpu[vcpu];

	pthread_mutex_lock(&m->lock);
	for (unsigned int waits = 0; v->go;)
		if (!wait_changed(m))
			look_at_late(v, &waits);
	pthread_mutex_unlock(&m->lock);
	return v->reason;
}

bool micro_leaves(struct micro *m, unsigned int vcpu, unsigned int ms)
{
	uint64_t until = guest_now_ns() + ms * 1000000ULL;
	bool inside;

	do {
		pthread_mutex_lock(&m->lock);
		inside = m->vcpu[vcpu].go;
		pthread_mutex_unlock(&m->lock);
		if (inside)
			guest_sleep_ms(1);
	} while (inside && guest_now_ns() < until);
	return !inside;
}

void micro_wait_asleep(struct micro *m, unsigned int vcpu, uint64_t before)
{
	uint64_t most_ms = ASLEEP_MS * guest_number("NESTLAB_SLOWDOWN", 1);

	for (uint64_t ms = 0; micro_stat(m, vcpu, "halt_exits") == before; ms++) {
		if (ms > most_ms)
			guest_fault("vCPU %u did not come to its hlt", m->vcpu[vcpu].id);
		guest_sleep_ms(1);
	}
	guest_sleep_ms(2);
}

void micro_wait_spinning(struct micro *m, unsigned int vcpu)
{
	_Atomic uint32_t *spinning = (_Atomic uint32_t *)(void *)(m->memory + SPINNING);
	uint64_t until = guest_now_ns() + wait_s() * 1000000000ULL;

	while (!atomic_exchange(spinning, 0)) {
		if (guest_now_ns() > until)
			guest_fault("vCPU %u did not run in %u s", m->vcpu[vcpu].id, wait_s());
		guest_sleep_ms(1);
	}
}

uint64_t micro_spun(const struct micro *m)
{
	return *(const volatile uint64_t *)(const void *)(m->memory + SPUN);
}

void micro_wait_going_on(struct micro *m, unsigned int vcpu)
{
	uint64_t spun = micro_spun(m), until = guest_now_ns() + wait_s() * 1000000000ULL;

	while (micro_spun(m) == spun) {
		if (guest_now_ns() > until)
			guest_fault("vCPU %u did not go on in %u s", m->vcpu[vcpu].id, wait_s());
		sched_yield();
	}
}

static void set_debug(struct micro *m, unsigned int vcpu, uint32_t by, bool on)
{
	struct kvm_guest_debug debug = { .control = on ? KVM_GUESTDBG_ENABLE | by : 0 };

	IOCTL(m->vcpu[vcpu].fd, KVM_SET_GUEST_DEBUG, &debug);
}

void micro_step(struct micro *m, unsigned int vcpu, bool on)
{
	set_debug(m, vcpu, KVM_GUESTDBG_SINGLESTEP, on);
}

void micro_break(struct micro *m, unsigned int vcpu, bool on)
{
	set_debug(m, vcpu, KVM_GUESTDBG_USE_SW_BP, on);
}

void micro_stop(struct micro *m, unsigned int vcpu)
{
	struct vcpu *v = &m->vcpu[vcpu];

	/* immediate_exit closes the gap before KVM_RUN, in which the signal would be lost. */
	v->run->immediate_exit = 1;
	pthread_kill(v->thread, SIGUSR1);
	micro_wait(m, vcpu);
}

void micro_start(struct micro *m, unsigned int vcpu, void (*fn)(void *), void *arg)
{
	uint64_t top = STACKS + (vcpu + 1) * STACK_BYTES - 16;
	struct kvm_regs r = { .rip = (uintptr_t)fn,
			      .rdi = (uintptr_t)arg,
			      .rsp = top - 8, /* as a call leaves it */
			      .rflags = MICRO_RFLAGS };

	put64(m, r.rsp, micro_at(micro_return));
	micro_set_regs(m, vcpu, &r);
	go(&m->vcpu[vcpu], true);
}

void micro_finish(struct micro *m, unsigned int vcpu)
{
	struct vcpu *v = &m->vcpu[vcpu];

	while (micro_wait(m, vcpu), serve(v))
		micro_go(m, vcpu);
	if (v->reason != KVM_EXIT_IO)
		guest_fault("vCPU %u left its guest with exit reason %u before the end of its code: %s", v->id,
			    v->reason, state(v));
}

uint64_t micro_all_exits(struct micro *m)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < m->n; i++)
		sum += micro_exits(m, i);
	return sum;
}

uint64_t micro_exits(struct micro *m, unsigned int vcpu)
{
	uint64_t exits;

	read_stats(__LINE__, m->vcpu[vcpu].stats_fd, &exits, sizeof(exits),
		   m->vcpu[vcpu].exits_offset);
	return exits;
}

bool micro_has_stat(struct micro *m, unsigned int vcpu, const char *name)
{
	return look_for_stat(&m->vcpu[vcpu], name);
}

uint64_t micro_stat(struct micro *m, unsigned int vcpu, const char *name)
{
	struct vcpu *v = &m->vcpu[vcpu];
	uint64_t value;

	read_stats(__LINE__, v->stats_fd, &value, sizeof(value), find_stat(v, name));
	return value;
}

uint64_t micro_host_exits(void)
{
	static const char path[] = "/sys/kernel/debug/kvm/exits";
	char text[24] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		guest_broken(__FILE__, __LINE__, "can't read %s", path);
	close(fd);
	return strtoull(text, NULL, 10);
}

void micro_pin(struct micro *m, unsigned int vcpu, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(m->vcpu[vcpu].tid, sizeof(set), &set))
		guest_broken(__FILE__, __LINE__, "can't pin vCPU %u to CPU %d", m->vcpu[vcpu].id,
			     cpu);
}

uint32_t micro_id(const struct micro *m, unsigned int vcpu)
{
	return m->vcpu[vcpu].id;
}

pid_t micro_thread(struct micro *m, unsigned int vcpu)
{
	if (m->vcpu[vcpu].host_tid <= 0)
		guest_broken(__FILE__, __LINE__, "/proc/thread-self does not tell a thread's id");
	return m->vcpu[vcpu].host_tid;
}

void micro_change_thread(struct micro *m, unsigned int vcpu)
{
	end_thread(&m->vcpu[vcpu]);
	start_thread(&m->vcpu[vcpu]);
}

void micro_lend(struct micro *m, unsigned int vcpu)
{
	struct vcpu *v = &m->vcpu[vcpu];

	end_thread(v);
	pthread_mutex_lock(&m->lock);
	v->tid = 0;
	v->quit = false;
	v->lent = true;
	pthread_cond_broadcast(&m->changed);
	wait_until(v, is_taken);
	pthread_mutex_unlock(&m->lock);
}

static bool is_lent(const struct vcpu *v)
{
	return v->lent;
}

void micro_run_here(struct micro *m, unsigned int vcpu)
{
	struct vcpu *v = &m->vcpu[vcpu];

	pthread_mutex_lock(&m->lock);
	wait_until(v, is_lent);
	pthread_mutex_unlock(&m->lock);
	run_vcpu(v);
	pthread_mutex_lock(&m->lock);
	v->lent = false;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}
