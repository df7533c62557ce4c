// SPDX-License-Identifier: GPL-2.0-only
/*
 * A monitor of another author: getopt_long with a value, assertions in place of messages, numbers
 * in hex, its own walk of the page directory.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kvm.h>

#define MEMORY 0x400000u
#define DIRECTORY 0xa000u
#define STACK 0x10000u

extern const uint8_t _binary_guest_bin_start[], _binary_guest_bin_end[];

struct machine {
	int kvm, vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	bool paging;
	uint32_t ins, outs;
};

static void build(struct machine *m)
{
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY };
	int size;

	m->kvm = open("/dev/kvm", O_RDWR);
	assert(m->kvm >= 0 && ioctl(m->kvm, KVM_GET_API_VERSION, 0) == 12);
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0UL);
	assert(m->vm >= 0 && !ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000UL));
	m->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(m->memory != MAP_FAILED);
	slot.userspace_addr = (uintptr_t)m->memory;
	assert(!ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &slot));
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0UL);
	size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	assert(m->vcpu >= 0 && size > 0);
	m->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	assert(m->run != MAP_FAILED);
}

static void prepare(struct machine *m)
{
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1,
				    .db = 1, .s = 1, .g = 1 }, data = code;
	struct kvm_regs regs = { .rflags = 2, .rsp = STACK };
	struct kvm_sregs s;

	memcpy(m->memory, _binary_guest_bin_start,
	       (size_t)(_binary_guest_bin_end - _binary_guest_bin_start));
	data.type = 3;
	data.selector = 16;
	assert(!ioctl(m->vcpu, KVM_GET_SREGS, &s));
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.cr0 |= 1;
	if (m->paging) {
		const uint32_t entry = 0x83;

		memcpy(m->memory + DIRECTORY, &entry, sizeof(entry));
		s.cr3 = DIRECTORY;
		s.cr4 |= 0x10;
		s.cr0 |= 0x80000000;
	}
	assert(!ioctl(m->vcpu, KVM_SET_SREGS, &s) && !ioctl(m->vcpu, KVM_SET_REGS, &regs));
}

/* NULL: nowhere, or so near to the end that len bytes are not there. */
static void *at(const struct machine *m, uint32_t gva, size_t len)
{
	uint32_t entry, gpa = gva;

	if (m->paging) {
		memcpy(&entry, m->memory + DIRECTORY + (gva >> 22) * 4, sizeof(entry));
		if (!(entry & 1))
			return NULL;
		gpa = (entry & 0xffc00000) | (gva & 0x3fffff);
	}
	return gpa < MEMORY && len <= MEMORY - gpa ? m->memory + gpa : NULL;
}

static void print_string(const struct machine *m, uint32_t gva)
{
	const char *text = at(m, gva, 1);

	if (text)
		printf("%.*s", (int)(m->memory + MEMORY - (const uint8_t *)text), text);
	else
		printf("string %#x is nowhere\n", gva);
}

static void translate(const struct machine *m, uint32_t gva)
{
	uint32_t *word = at(m, gva, sizeof(*word));
	const void *host;

	if (!word) {
		printf("question %#x is nowhere\n", gva);
		return;
	}
	host = at(m, *word, 1);
	if (!host)
		printf("%#x is nowhere\n", *word);
	*word = (uint32_t)(uintptr_t)host;
}

static bool serve(struct machine *m, uint8_t *data)
{
	const uint16_t serial = m->paging ? 0x2f8 : 0x3f8;
	const uint32_t port = m->run->io.port | (uint32_t)m->run->io.size << 16;
	const bool out = m->run->io.direction == KVM_EXIT_IO_OUT;
	uint32_t value = 0;

	m->ins += !out;
	m->outs += out;
	memcpy(&value, data, m->run->io.size);
	if (out && port == (0x10000u | serial))
		putchar((int)value);
	else if (out && port == 0x40501)
		printf("0x%08x\n", value);
	else if (out && port == 0x40504)
		print_string(m, value);
	else if (out && port == 0x40505)
		translate(m, value);
	else if (!out && port == 0x40502)
		memcpy(data, &m->ins, sizeof(m->ins));
	else if (!out && port == 0x40503)
		memcpy(data, &m->outs, sizeof(m->outs));
	else
		return false;
	return true;
}

static void go(struct machine *m)
{
	for (;;) {
		int ret = ioctl(m->vcpu, KVM_RUN, 0UL);

		if (ret < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		assert(!ret);
		if (m->run->exit_reason == KVM_EXIT_HLT)
			return;
		assert(m->run->exit_reason == KVM_EXIT_IO);
		if (m->run->io.count != 1 ||
		    !serve(m, (uint8_t *)m->run + m->run->io.data_offset)) {
			printf("mismatch: port %#x\n", m->run->io.port);
			exit(0);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "mode", required_argument, NULL, 'm' }, { 0 } };
	struct machine m = { 0 };
	struct kvm_regs regs;

	if (getopt_long(argc, argv, "m:", options, NULL) != 'm')
		return 2;
	m.paging = !strcmp(optarg, "paging");
	build(&m);
	prepare(&m);
	go(&m);
	assert(!ioctl(m.vcpu, KVM_GET_REGS, &regs));
	if (regs.rax != 42 || m.memory[0x9000] != 42)
		puts("mismatch: not 42");
	return 0;
}
