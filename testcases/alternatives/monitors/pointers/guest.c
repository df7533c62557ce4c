// SPDX-License-Identifier: GPL-2.0-only
/* One guest for both modes; which it is in, it sees in CR0. */
typedef unsigned int u32;
typedef unsigned short u16;

__attribute__((noreturn)) void start(void);
static void greet(u16 port, const char *text);
static void ask(void);

__attribute__((noreturn)) void start(void)
{
	u32 cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	if (cr0 >> 31)
		greet(0x2f8, "on COM2\n");
	else
		greet(0x3f8, "on COM1\n");
	ask();
	*(volatile u32 *)0x9000 = 42;
	for (;;)
		__asm__ volatile("hlt" : : "a"(42) : "memory");
}

static void out8(u16 port, char c)
{
	__asm__ volatile("outb %0, %1" : : "a"(c), "Nd"(port) : "memory");
}

static void out32(u16 port, u32 value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static u32 in32(u16 port)
{
	u32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static void greet(u16 port, const char *text)
{
	while (*text)
		out8(port, *text++);
}

/* The question is where the answer will be. */
static u32 where_is(u32 gva)
{
	volatile u32 word = gva;

	out32(0x505, (u32)&word);
	return word;
}

static void ask(void)
{
	out32(0x501, 3405691582u);
	out32(0x504, (u32) "a whole string\n");
	out32(0x501, in32(0x502));
	out32(0x501, in32(0x503));
	out32(0x501, where_is(0x9000));
	out32(0x501, where_is(0x20000000));
}
