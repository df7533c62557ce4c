// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>

#define SERIAL 0xe9
#define RESULT 0x400

__attribute__((noreturn, section(".start"))) void _start(void)
{
	for (const char *c = "Greetings from below\n"; *c; c++)
		__asm__ volatile("outb %0, %1" : : "a"(*c), "Nd"((uint16_t)SERIAL) : "memory");
	*(volatile long *)RESULT = 42;
	for (;;)
		__asm__ volatile("hlt" : : "a"(42) : "memory");
}
