/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine's whole program: 1000 VMRUNs between two marks, each of which ends at once, as its VMCB
 * holds nothing (#VMEXIT with VMEXIT_INVALID: AMD APM volume 2, 15.5.1); then 10 more behind the
 * second mark, accesses to memory, and off, by QEMU's isa-debug-exit. Started by QEMU as a multiboot kernel: 32-bit
 * protected mode, no paging.
 */
#include "testcases/mark.h"

#define MSR_EFER 0xc0000080
#define EFER_SVME 0x1000
#define MSR_VM_HSAVE_PA 0xc0010117
#define MULTIBOOT 0x1badb002

	.text
	.code32
	.balign 4
	.long MULTIBOOT, 0, -MULTIBOOT

	.globl _start
_start:
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_SVME, %eax
	wrmsr
	mov $MSR_VM_HSAVE_PA, %ecx
	mov $hsave, %eax
	xor %edx, %edx
	wrmsr

	nopl MARK_DISPLACEMENT + 1(%eax, %eax, 1)
	mov $1000, %ebx
1:	mov $vmcb, %eax
	vmrun
	dec %ebx
	jnz 1b
	nopl MARK_DISPLACEMENT + 2(%eax, %eax, 1)

	mov $10, %ebx
2:	mov $vmcb, %eax
	vmrun
	dec %ebx
	jnz 2b

	/* Reads and writes, 20000 of them, for who stops at some. */
	mov $10000, %ebx
4:	incl vmcb
	dec %ebx
	jnz 4b

	mov $0x10, %al /* exit status 2 * 0x10 + 1 */
	out %al, $0xf4
3:	hlt
	jmp 3b

	.bss
	.balign 4096
hsave:	.skip 4096
vmcb:	.skip 4096

	.section .note.GNU-stack, "", @progbits
