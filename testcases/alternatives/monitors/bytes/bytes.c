// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest monitor: guests written by hand, their memory a file in memory, output by write(),
 * and err() for all that fails.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kvm.h>

#define MEMORY 0x200000

/* outb $'1', 0x70; outb $'6'; outb $10; outl 70000, 0x71; 42 to 0x500 and eax; hlt */
static const uint8_t real_guest[] = {
	0xb0, '1', 0xe6, 0x70, 0xb0, '6', 0xe6, 0x70, 0xb0, '\n', 0xe6, 0x70, 0x66, 0xb8, 0x70,
	0x11, 0x01, 0x00, 0x66, 0xe7, 0x71, 0x66, 0xb8, 42,   0,    0,	   0,	 0x66, 0xa3, 0x00,
	0x05, 0xf4,
};

/* outb $'6', 0x60; outb $'4'; outb $10; 42 to 0x500 and eax; hlt */
static const uint8_t long_guest[] = {
	0xb0, '6', 0xe6, 0x60, 0xb0, '4', 0xe6, 0x60, 0xb0, '\n', 0xe6, 0x60, 0xb8, 42,	  0,
	0,    0,   0x89, 0x04, 0x25, 0x00, 0x05, 0x00, 0x00, 0xf4,
};

static uint64_t *memory;
static int is_long;

static int need(int ret, const char *what)
{
	if (ret < 0)
		err(1, "%s failed", what);
	return ret;
}

static void set_long(struct kvm_sregs *s)
{
	memory[0x10000 / 8] = 0x11003;
	memory[0x11000 / 8] = 0x12003;
	memory[0x12000 / 8] = 0x83;
	s->cr3 = 0x10000;
	s->cr4 = 0x20;
	s->cr0 = 0x80000011;
	s->efer = 0x500;
	s->cs.limit = s->ds.limit = s->ss.limit = s->es.limit = 0xffffffff;
	s->cs.l = s->cs.present = s->cs.s = 1;
	/* Not so, an Intel CPU refuses to enter. */
	s->cs.g = s->ds.g = s->ss.g = s->es.g = 1;
	s->cs.db = 0;
	s->cs.type = 11;
	s->cs.selector = 8;
}

static void serve(const struct kvm_run *run)
{
	const void *data = (const uint8_t *)run + run->io.data_offset;
	char text[16];
	uint32_t value;

	if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT)
		errx(1, "unexpected exit %u", run->exit_reason);
	if (run->io.port == (is_long ? 0x60 : 0x70)) {
		need((int)write(1, data, (size_t)run->io.size * run->io.count), "write");
	} else if (!is_long && run->io.port == 0x71 && run->io.size == 4 && run->io.count == 1) {
		memcpy(&value, data, sizeof(value));
		need((int)write(1, text, (size_t)sprintf(text, "%u\n", value)), "write");
	} else {
		errx(1, "unexpected port %#x", run->io.port);
	}
}

static struct kvm_run *make_machine(int *vcpu)
{
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY };
	int kvm = need(open("/dev/kvm", O_RDWR), "open"), vm;
	int file = need((int)syscall(SYS_memfd_create, "guest", 0), "memfd_create");

	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		errx(1, "another API");
	vm = need(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	need(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
	need(ftruncate(file, MEMORY), "ftruncate");
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	slot.userspace_addr = (uintptr_t)memory;
	need(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	*vcpu = need(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	return mmap(NULL, (size_t)need(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "mmap size"),
		    PROT_READ | PROT_WRITE, MAP_SHARED, *vcpu, 0);
}

int main(int argc, char **argv)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	int vcpu;
	struct kvm_run *run = make_machine(&vcpu);

	is_long = argc > 1 && !strcmp(argv[1], "long");
	need(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	if (is_long)
		set_long(&sregs);
	memcpy(memory, is_long ? long_guest : real_guest,
	       is_long ? sizeof(long_guest) : sizeof(real_guest));
	need(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	need(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	do {
		need(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		if (run->exit_reason != KVM_EXIT_HLT)
			serve(run);
	} while (run->exit_reason != KVM_EXIT_HLT);
	need(ioctl(vcpu, KVM_GET_REGS, &regs), "KVM_GET_REGS");
	if (regs.rax != 42 || (uint32_t)memory[0x500 / 8] != 42)
		errx(1, "wrong: eax %llu, memory %u", regs.rax, (uint32_t)memory[0x500 / 8]);
	return 0;
}
