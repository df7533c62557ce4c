// SPDX-License-Identifier: GPL-2.0-only
/*
 * A monitor in the shape of the usual handout: perror() and exit at each call, fwrite() of io.size
 * bytes, any other exit is an error. It knows neither EINTR nor io.count, and nothing asks it to.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>

#define SERIAL 0xe9
#define RESULT 0x400
#define MEMORY 0x200000

extern const unsigned char guest16[], guest16_end[], guest32[], guest32_end[], guest64[],
	guest64_end[];

static int kvm, vm, vcpu;
static char *memory;
static struct kvm_run *run;

static int call(int fd, unsigned long request, unsigned long arg, const char *name)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0) {
		perror(name);
		exit(1);
	}
	return ret;
}

#define CALL(fd, request, arg) call(fd, request, (unsigned long)(arg), #request)

static void make_machine(void)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0) {
		perror("open /dev/kvm");
		exit(1);
	}
	if (CALL(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		fprintf(stderr, "Got another version of the API\n");
		exit(1);
	}
	vm = CALL(kvm, KVM_CREATE_VM, 0);
	CALL(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	region.userspace_addr = (unsigned long)memory;
	CALL(vm, KVM_SET_USER_MEMORY_REGION, &region);
	vcpu = CALL(vm, KVM_CREATE_VCPU, 0);
	run = mmap(NULL, (size_t)CALL(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		   MAP_SHARED, vcpu, 0);
	if (memory == MAP_FAILED || run == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
}

static void set_flat(struct kvm_sregs *s, int bits)
{
	struct kvm_segment flat = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1,
				    .s = 1, .g = 1, .db = bits == 32, .l = bits == 64 };

	s->cs = flat;
	flat.type = 3;
	flat.selector = 16;
	s->ds = s->es = s->fs = s->gs = s->ss = flat;
	s->cr0 |= 1;
}

static void set_paged(struct kvm_sregs *s)
{
	*(uint32_t *)(memory + 0x2000) = 0x87;
	s->cr3 = 0x2000;
	s->cr4 = 0x10;
	s->cr0 = 0x80050033;
}

static void set_long(struct kvm_sregs *s)
{
	*(uint64_t *)(memory + 0x2000) = 0x3007;
	*(uint64_t *)(memory + 0x3000) = 0x4007;
	*(uint64_t *)(memory + 0x4000) = 0x87;
	s->cr3 = 0x2000;
	s->cr4 = 0x20;
	s->cr0 = 0x80050033;
	s->efer = 0x500;
}

static void set_mode(int mode)
{
	struct kvm_regs regs = { .rflags = 2, .rsp = MEMORY };
	struct kvm_sregs sregs;

	CALL(vcpu, KVM_GET_SREGS, &sregs);
	if (mode == 'r')
		sregs.cs.selector = sregs.cs.base = 0;
	else
		set_flat(&sregs, mode == 'l' ? 64 : 32);
	if (mode == 'p')
		set_paged(&sregs);
	else if (mode == 'l')
		set_long(&sregs);
	CALL(vcpu, KVM_SET_SREGS, &sregs);
	CALL(vcpu, KVM_SET_REGS, &regs);
	if (mode == 'r')
		memcpy(memory, guest16, (size_t)(guest16_end - guest16));
	else if (mode == 'l')
		memcpy(memory, guest64, (size_t)(guest64_end - guest64));
	else
		memcpy(memory, guest32, (size_t)(guest32_end - guest32));
}

static void run_guest(void)
{
	for (;;) {
		CALL(vcpu, KVM_RUN, 0);
		if (run->exit_reason == KVM_EXIT_HLT)
			return;
		if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT ||
		    run->io.port != SERIAL) {
			fprintf(stderr, "Got exit_reason %u, expected a hlt\n", run->exit_reason);
			exit(1);
		}
		fwrite((char *)run + run->io.data_offset, run->io.size, 1, stdout);
		fflush(stdout);
	}
}

/* What it finds is its exit code, the other way round. */
static int is_right(size_t bytes)
{
	struct kvm_regs regs;
	uint64_t stored = 0;

	CALL(vcpu, KVM_GET_REGS, &regs);
	memcpy(&stored, memory + RESULT, bytes);
	if (regs.rax == 42 && stored == 42)
		return 1;
	printf("Wrong result: rax is %lld, memory %lld\n", regs.rax, (long long)stored);
	return 0;
}

int main(int argc, char **argv)
{
	int mode = getopt(argc, argv, "rspl");

	mode = mode < 0 ? 'r' : mode;
	make_machine();
	set_mode(mode);
	run_guest();
	return !is_right(mode == 'r' ? 2 : mode == 'l' ? 8 : 4);
}
