/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine's whole program: a division by zero of the x87 that is not masked, with CR0.NE = 0, so
 * that FERR# is raised and not an exception; then off, by a triple fault and QEMU's -no-reboot.
 * Debian 12's QEMU ends by an assertion instead.
 */
#define MULTIBOOT 0x1badb002
#define CR0_MP_EM_TS_NE 0x2e

	.text
	.code32
	.balign 4
	.long MULTIBOOT, 0, -MULTIBOOT

	.globl _start
_start:
	mov %cr0, %eax
	and $~CR0_MP_EM_TS_NE, %eax
	mov %eax, %cr0
	fninit
	fldcw unmasked
	fld1
	fldz
	fdivrp
	fwait
	lidt none
	int3

none:	.long 0, 0
unmasked: .word 0x0300

	.section .note.GNU-stack, "", @progbits
