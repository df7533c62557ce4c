// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual machine monitor in one file, on /dev/kvm: the reference of assignment kvm-api.
 *
 *	monitor --real | --protected | --paged | --long		(or -r, -s, -p, -l)
 *
 * It makes a virtual machine of one vCPU and 2 MiB, and runs a guest of some thirty instructions
 * in it, in the mode that was asked for. The guest has no operating system: it prints by its
 * ports, asks the monitor some questions, stores 42 into memory and eax, and halts. Then the
 * monitor looks whether both hold 42.
 *
 * Exit code 0: they do. 1: they don't, or something else went wrong; a sentence on standard error
 * says what.
 *
 * Read it from its end: main() is the whole story. What each ioctl does is in the kernel's
 * Documentation/virt/kvm/api.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>

/* -- what monitor and guest agree on -- */

/* Ports. Each number is a byte, so that the guest can name it in the instruction itself. */
#define PORT_SERIAL 0xe9     /* out, 8 bits: a character */
#define PORT_PRINT32 0xea    /* out, 32 bits: print this number */
#define PORT_EXITS 0xeb	     /* in, 32 bits: how many exits there were so far, this one included */
#define PORT_STRING 0xec     /* out, 32 bits: print the string at this address */
#define PORT_EXITS_TEXT 0xed /* in, 32 bits: the address of a text, exits by direction */
#define PORT_TRANSLATE 0xee  /* out, 32 bits: a guest virtual address, to be translated ... */
#define PORT_HVA 0xef	     /* in, 32 bits: ... the low half of its host virtual address, or 0 */

/* The guest's physical memory. The page tables are there in the paged modes only. */
#define MEMORY_BYTES 0x200000
#define CODE 0x0000	  /* the guest starts at address 0 */
#define RESULT 0x1000	  /* where it stores 42 */
#define EXITS_TEXT 0x1100 /* what PORT_EXITS_TEXT answers with */
#define PAGE_DIRECTORY 0x2000
#define PML4 0x2000
#define PDPT 0x3000
#define PD 0x4000

/* KVM on Intel wants three pages for itself, in no memory slot and below 4 GiB. */
#define TSS_ADDR 0xfffbd000

#define WANTED 42

/* -- the guest -- */

#define TEXT_OF(number) #number
#define STR(macro) TEXT_OF(macro)

/*
 * The same instructions serve in all modes: the assembler finds the encoding for 16, 32 and 64
 * bits. All addresses are counted from the guest's start, as that is address 0.
 */
/* clang-format off */
__asm__(".pushsection .rodata\n"
	".macro guest bits\n"
	"	.code\\bits\n"
	"guest\\bits:\n"

	/* A string, a character and an exit at a time. */
	"	movl	$(hello\\@ - guest\\bits), %esi\n"
	"1:	movb	(%esi), %al\n"
	"	testb	%al, %al\n"
	"	jz	2f\n"
	"	outb	%al, $" STR(PORT_SERIAL) "\n"
	"	incl	%esi\n"
	"	jmp	1b\n"

	/* A string with one exit. */
	"2:	movl	$(string\\@ - guest\\bits), %eax\n"
	"	outl	%eax, $" STR(PORT_STRING) "\n"

	/* A value of 32 bits. */
	"	movl	$0xffffffff, %eax\n"
	"	outl	%eax, $" STR(PORT_PRINT32) "\n"

	/* How many exits were there? And by direction? */
	"	inl	$" STR(PORT_EXITS) ", %eax\n"
	"	outl	%eax, $" STR(PORT_PRINT32) "\n"
	"	inl	$" STR(PORT_EXITS_TEXT) ", %eax\n"
	"	outl	%eax, $" STR(PORT_STRING) "\n"

	/* Where does the monitor have this address? And one that is none? */
	"	movl	$" STR(RESULT) ", %eax\n"
	"	outl	%eax, $" STR(PORT_TRANSLATE) "\n"
	"	inl	$" STR(PORT_HVA) ", %eax\n"
	"	outl	%eax, $" STR(PORT_PRINT32) "\n"
	"	movl	$0x10000000, %eax\n"
	"	outl	%eax, $" STR(PORT_TRANSLATE) "\n"

	"	movl	$" STR(WANTED) ", %eax\n"
	"	movl	$" STR(RESULT) ", %ebx\n"
	"	movl	%eax, (%ebx)\n"
	"	hlt\n"
	"hello\\@:	.asciz \"Hello, world!\\n\"\n"
	"string\\@:	.asciz \"Hello with one exit!\\n\"\n"
	"guest\\bits\\()_end:\n"
	".endm\n"
	"guest 16\n"
	"guest 32\n"
	"guest 64\n"
	".popsection\n"
	".code64\n");
/* clang-format on */

extern const uint8_t guest16[], guest16_end[], guest32[], guest32_end[], guest64[], guest64_end[];

/* -- when something goes wrong -- */

static _Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("monitor: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* An ioctl that must work. */
static int must(int fd, unsigned long request, const char *name, uintptr_t arg)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		die("%s: %s", name, strerror(errno));
	return ret;
}

#define MUST(fd, request, arg) must(fd, request, #request, (uintptr_t)(arg))

/* -- the machine -- */

struct vm {
	int kvm, fd;
	uint8_t *memory; /* guest physical address 0 */
};

struct vcpu {
	struct vm *vm;
	int fd;
	struct kvm_run *run;	 /* shared with KVM: why it left the guest */
	uint32_t exits, in, out; /* so far: all, and those that read or wrote a port */
	uint32_t hva;		 /* the answer to the last PORT_TRANSLATE */
};

static void make_vm(struct vm *vm)
{
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY_BYTES };
	int version;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		die("can't open /dev/kvm: %s", strerror(errno));
	version = MUST(vm->kvm, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		die("KVM's API has version %d, expected %d", version, KVM_API_VERSION);
	vm->fd = MUST(vm->kvm, KVM_CREATE_VM, 0);
	MUST(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR);
	vm->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->memory == MAP_FAILED)
		die("can't map the guest's memory: %s", strerror(errno));
	slot.userspace_addr = (uintptr_t)vm->memory;
	MUST(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot);
}

/* All that KVM can offer. Newer kernels refuse long mode to a vCPU whose CPUID does not tell of it. */
static void set_cpuid(struct vcpu *vcpu)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} offered = { .head.nent = 256 };

	MUST(vcpu->vm->kvm, KVM_GET_SUPPORTED_CPUID, &offered);
	MUST(vcpu->fd, KVM_SET_CPUID2, &offered);
}

static void make_vcpu(struct vcpu *vcpu, struct vm *vm)
{
	size_t size;

	vcpu->vm = vm;
	vcpu->fd = MUST(vm->fd, KVM_CREATE_VCPU, 0);
	size = (size_t)MUST(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("can't map the vCPU's kvm_run: %s", strerror(errno));
	set_cpuid(vcpu);
}

/* -- the four modes -- */

#define CR0_PE 0x1	  /* protection */
#define CR0_ET 0x10	  /* always set since the 486 */
#define CR0_NE 0x20	  /* x87 faults as exceptions */
#define CR0_WP 0x10000	  /* read-only pages bind the kernel, too */
#define CR0_PG 0x80000000 /* paging */
#define CR4_PSE 0x10	  /* pages of 4 MiB */
#define CR4_PAE 0x20	  /* entries of 64 bits */
#define EFER_LME 0x100	  /* long mode, as soon as there is paging ... */
#define EFER_LMA 0x400	  /* ... as there is now */

#define PTE_PRESENT 0x1
#define PTE_WRITE 0x2
#define PTE_USER 0x4
#define PTE_LARGE 0x80 /* a page, and not a table of smaller ones */
#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER)

static void put32(struct vm *vm, uint64_t at, uint32_t value)
{
	memcpy(vm->memory + at, &value, sizeof(value));
}

static void put64(struct vm *vm, uint64_t at, uint64_t value)
{
	memcpy(vm->memory + at, &value, sizeof(value));
}

/* Flat segments: base 0, the whole address space. type: Intel SDM volume 3, "Segment Descriptor Types" */
static void set_segments(struct kvm_sregs *s, bool code64)
{
	struct kvm_segment segment = {
		.limit = 0xffffffff,
		.selector = 1 << 3,
		.type = 11, /* code: execute, read, accessed */
		.present = 1,
		.s = 1, /* code or data, not a gate */
		.g = 1, /* the limit counts pages */
		.l = code64,
		.db = !code64,
	};

	s->cs = segment;
	segment.type = 3; /* data: read, write, accessed */
	segment.selector = 2 << 3;
	segment.l = 0;
	segment.db = 1;
	s->ds = s->es = s->fs = s->gs = s->ss = segment;
}

/* A vCPU begins in real mode; only its code segment is elsewhere, where the BIOS would be. */
static void set_real(struct vm *vm, struct kvm_sregs *s)
{
	(void)vm;
	s->cs.selector = 0;
	s->cs.base = 0;
}

static void set_protected(struct vm *vm, struct kvm_sregs *s)
{
	(void)vm;
	set_segments(s, false);
	s->cr0 |= CR0_PE;
}

/* One page of 4 MiB. Its second half is mapped, but there is no memory behind it. */
static void set_paged(struct vm *vm, struct kvm_sregs *s)
{
	put32(vm, PAGE_DIRECTORY, PTE_TABLE | PTE_LARGE);
	set_segments(s, false);
	s->cr3 = PAGE_DIRECTORY;
	s->cr4 = CR4_PSE;
	s->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s->efer = 0;
}

/* Three levels down to one page of 2 MiB. */
static void set_long(struct vm *vm, struct kvm_sregs *s)
{
	put64(vm, PML4, PTE_TABLE | PDPT);
	put64(vm, PDPT, PTE_TABLE | PD);
	put64(vm, PD, PTE_TABLE | PTE_LARGE);
	set_segments(s, true);
	s->cr3 = PML4;
	s->cr4 = CR4_PAE;
	s->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s->efer = EFER_LME | EFER_LMA;
}

static const struct mode {
	const char *name;
	const uint8_t *code, *code_end;
	void (*set)(struct vm *vm, struct kvm_sregs *s);
} modes[] = {
	{ "real", guest16, guest16_end, set_real },
	{ "protected", guest32, guest32_end, set_protected },
	{ "paged", guest32, guest32_end, set_paged },
	{ "long", guest64, guest64_end, set_long },
};

static void set_mode(struct vcpu *vcpu, const struct mode *mode)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 }; /* bit 1 is always set */
	struct kvm_sregs sregs;

	memcpy(vcpu->vm->memory + CODE, mode->code, (size_t)(mode->code_end - mode->code));
	MUST(vcpu->fd, KVM_GET_SREGS, &sregs);
	mode->set(vcpu->vm, &sregs);
	MUST(vcpu->fd, KVM_SET_SREGS, &sregs);
	MUST(vcpu->fd, KVM_SET_REGS, &regs);
}

/* -- addresses -- */

/*
 * Guest virtual to guest physical, by the guest's own page tables (KVM walks them for us, in any
 * mode); guest physical to host virtual, by our memory slot. NULL: it is not mapped, or there is
 * no memory behind it. left: how many bytes there are from here to the end of the memory.
 */
static uint8_t *gva_to_hva(struct vcpu *vcpu, uint32_t gva, size_t *left)
{
	struct kvm_translation t = { .linear_address = gva };

	MUST(vcpu->fd, KVM_TRANSLATE, &t);
	if (!t.valid || t.physical_address >= MEMORY_BYTES)
		return NULL;
	*left = MEMORY_BYTES - (size_t)t.physical_address;
	return vcpu->vm->memory + t.physical_address;
}

static void tell_invalid(uint32_t gva)
{
	printf("invalid guest address %#" PRIx32 "\n", gva);
}

/* -- what the guest's ports do: data is what it wrote, or where it gets its answer -- */

static void on_serial(struct vcpu *vcpu, void *data)
{
	(void)vcpu;
	putchar(*(uint8_t *)data);
}

static void on_print32(struct vcpu *vcpu, void *data)
{
	(void)vcpu;
	printf("%" PRIu32 "\n", *(uint32_t *)data);
}

static void on_exits(struct vcpu *vcpu, void *data)
{
	*(uint32_t *)data = vcpu->exits;
}

/* A string ends where the memory does, even where the guest gave it no end. */
static void on_string(struct vcpu *vcpu, void *data)
{
	uint32_t gva = *(uint32_t *)data;
	size_t left;
	const uint8_t *string = gva_to_hva(vcpu, gva, &left);

	if (string)
		fwrite(string, 1, strnlen((const char *)string, left), stdout);
	else
		tell_invalid(gva);
}

static void on_exits_text(struct vcpu *vcpu, void *data)
{
	char *text = (char *)vcpu->vm->memory + EXITS_TEXT;

	sprintf(text, "exits in: %" PRIu32 "\nexits out: %" PRIu32 "\n", vcpu->in, vcpu->out);
	*(uint32_t *)data = EXITS_TEXT;
}

static void on_translate(struct vcpu *vcpu, void *data)
{
	uint32_t gva = *(uint32_t *)data;
	size_t left;
	const uint8_t *hva = gva_to_hva(vcpu, gva, &left);

	vcpu->hva = (uint32_t)(uintptr_t)hva;
	if (!hva)
		tell_invalid(gva);
}

static void on_hva(struct vcpu *vcpu, void *data)
{
	*(uint32_t *)data = vcpu->hva;
}

static const struct port {
	uint16_t number;
	uint8_t direction;
	uint8_t size; /* bytes */
	void (*handle)(struct vcpu *vcpu, void *data);
} ports[] = {
	{ PORT_SERIAL, KVM_EXIT_IO_OUT, 1, on_serial },
	{ PORT_PRINT32, KVM_EXIT_IO_OUT, 4, on_print32 },
	{ PORT_EXITS, KVM_EXIT_IO_IN, 4, on_exits },
	{ PORT_STRING, KVM_EXIT_IO_OUT, 4, on_string },
	{ PORT_EXITS_TEXT, KVM_EXIT_IO_IN, 4, on_exits_text },
	{ PORT_TRANSLATE, KVM_EXIT_IO_OUT, 4, on_translate },
	{ PORT_HVA, KVM_EXIT_IO_IN, 4, on_hva },
};

/*
 * The data lies in the pages that we share with KVM, behind struct kvm_run itself. A string
 * instruction (rep outsb) leaves the guest once for many values, one behind the other.
 */
static void handle_io(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)vcpu->run + run->io.data_offset;
	bool in = run->io.direction == KVM_EXIT_IO_IN;

	*(in ? &vcpu->in : &vcpu->out) += 1;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		const struct port *p = &ports[i];

		if (run->io.port != p->number || run->io.direction != p->direction ||
		    run->io.size != p->size)
			continue;
		for (uint32_t k = 0; k < run->io.count; k++)
			p->handle(vcpu, data + (size_t)k * p->size);
		return;
	}
	die("the guest %s %u times %u bytes at port %#x: there is nothing", in ? "reads" : "writes",
	    run->io.count, run->io.size, run->io.port);
}

/* -- running it -- */

static void run_to_halt(struct vcpu *vcpu)
{
	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			/* A signal for us: the guest has not noticed, and nothing is to be served. */
			if (errno == EINTR || errno == EAGAIN)
				continue;
			die("KVM_RUN: %s", strerror(errno));
		}
		vcpu->exits++;
		switch (vcpu->run->exit_reason) {
		case KVM_EXIT_IO:
			handle_io(vcpu);
			break;
		case KVM_EXIT_HLT:
			return;
		default:
			die("exit reason %u (see KVM_EXIT_... in linux/kvm.h): expected I/O or hlt",
			    vcpu->run->exit_reason);
		}
	}
}

static void check_result(struct vcpu *vcpu)
{
	struct kvm_regs regs;
	uint32_t stored;

	MUST(vcpu->fd, KVM_GET_REGS, &regs);
	memcpy(&stored, vcpu->vm->memory + RESULT, sizeof(stored));
	if ((uint32_t)regs.rax != WANTED)
		die("wrong result: eax is %" PRIu32 ", expected %d", (uint32_t)regs.rax, WANTED);
	if (stored != WANTED)
		die("wrong result: memory at %#x holds %" PRIu32 ", expected %d", RESULT, stored,
		    WANTED);
}

static const struct mode *parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "real", no_argument, NULL, 'r' },
		{ "protected", no_argument, NULL, 's' },
		{ "paged", no_argument, NULL, 'p' },
		{ "long", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	static const char letters[] = "rspl"; /* as modes[] */
	int c = getopt_long(argc, argv, letters, options, NULL);

	if (c < 0 || !strchr(letters, c) || optind != argc) {
		fprintf(stderr, "usage: %s --real | --protected | --paged | --long\n", argv[0]);
		exit(2);
	}
	return &modes[strchr(letters, c) - letters];
}

int main(int argc, char **argv)
{
	const struct mode *mode = parse_options(argc, argv);
	struct vm vm;
	struct vcpu vcpu = { 0 };

	make_vm(&vm);
	make_vcpu(&vcpu, &vm);
	set_mode(&vcpu, mode);
	run_to_halt(&vcpu);
	check_result(&vcpu);
	printf("%s mode: %d in memory and in eax\n", mode->name, WANTED);
	return fflush(stdout) ? 1 : 0;
}
