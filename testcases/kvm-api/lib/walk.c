// SPDX-License-Identifier: GPL-2.0-only
#include "walk.h"

#define CR0_PE 0x1
#define CR0_PG 0x80000000
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define EFER_LMA 0x400

#define PRESENT 0x1
#define LARGE 0x80
#define ADDRESS64 0x000ffffffffff000
#define ADDRESS32 0xfffff000

/* How the levels of a kind of page table split an address, from the top. */
struct level {
	unsigned int shift; /* of the address bits that number the entry */
	unsigned int bits;
	bool may_be_large; /* an entry can be a page by itself */
	bool is_directory;
};

struct format {
	const struct level *levels;
	unsigned int n;
	unsigned int entry_bytes;
	uint64_t address; /* the bits of an entry, and of CR3, that are one */
};

static const struct level levels_32[] = { { 22, 10, true, true }, { 12, 10, false, false } };
static const struct level levels_pae[] = { { 30, 2, false, false },
					   { 21, 9, true, true },
					   { 12, 9, false, false } };
static const struct level levels_long[] = { { 39, 9, false, false },
					    { 30, 9, true, false },
					    { 21, 9, true, true },
					    { 12, 9, false, false } };
static const struct format format_32 = { levels_32, 2, 4, ADDRESS32 };
static const struct format format_pae = { levels_pae, 3, 8, ADDRESS64 };
static const struct format format_long = { levels_long, 4, 8, ADDRESS64 };

static const struct format *format_of(const struct walk_cpu *cpu)
{
	if (!(cpu->cr0 & CR0_PG))
		return NULL;
	if (!(cpu->cr4 & CR4_PAE))
		return &format_32;
	return cpu->efer & EFER_LMA ? &format_long : &format_pae;
}

const char *walk_mode(const struct walk_cpu *cpu)
{
	const struct format *f = format_of(cpu);

	if (!(cpu->cr0 & CR0_PE))
		return "real";
	if (!f)
		return cpu->code32 ? "protected" : "protected, 16 bits";
	if (f == &format_32)
		return cpu->code32 ? "paged" : "paged, 16 bits";
	if (f == &format_pae)
		return "paged with PAE";
	return cpu->code64 ? "long" : "compatibility";
}

void walk(const struct walk_cpu *cpu, uint64_t gva,
	  bool (*read)(void *ctx, uint64_t gpa, void *to, size_t len), void *ctx,
	  struct walk_result *r)
{
	const struct format *f = format_of(cpu);
	uint64_t table = f ? cpu->cr3 & f->address : 0;

	*r = (struct walk_result){ .mapped = !f, .gpa = gva };
	/* PAE's first table has 4 entries and begins at any 32 bytes. */
	if (f == &format_pae)
		table = cpu->cr3 & 0xffffffe0;
	for (unsigned int i = 0; f && i < f->n; i++) {
		const struct level *l = &f->levels[i];
		uint64_t at = table + (gva >> l->shift & ((1u << l->bits) - 1)) * f->entry_bytes;
		uint64_t entry = 0, size = 1ULL << l->shift;
		bool large;

		if (!read(ctx, at, &entry, f->entry_bytes))
			return;
		if (l->shift == 30)
			r->upper_entry = at;
		if (l->is_directory) {
			r->directory_entry = at;
			r->entry_bytes = f->entry_bytes;
		}
		if (!(entry & PRESENT))
			return;
		large = l->may_be_large && entry & LARGE && (f != &format_32 || cpu->cr4 & CR4_PSE);
		if (large || i == f->n - 1) {
			r->mapped = true;
			r->page = size;
			r->gpa = (entry & f->address & ~(size - 1)) | (gva & (size - 1));
			return;
		}
		table = entry & f->address;
	}
}
