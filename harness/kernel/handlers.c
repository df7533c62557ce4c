// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module is a relocatable object: its table of pointers is all zeros in the file, and each entry
 * that is not NULL has a relocation (ELF-64 object file format; gelf(3)).
 */
#include "kernel/handlers.h"

#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "core/util.h"

#define POINTER 8

static const char *const tables[] = { "svm_exit_handlers", "kvm_vmx_exit_handlers" };

static bool is_table(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(tables); i++)
		if (!strcmp(name, tables[i]))
			return true;
	return false;
}

static Elf_Scn *find_section(Elf *elf, GElf_Word type, GElf_Word info, bool any_info)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr h;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &h) && h.sh_type == type && (any_info || h.sh_info == info))
			return scn;
	return NULL;
}

static bool find_table(Elf *elf, GElf_Sym *table)
{
	Elf_Scn *scn = find_section(elf, SHT_SYMTAB, 0, true);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Shdr h;

	if (!data || !gelf_getshdr(scn, &h))
		return false;
	for (int i = 0; gelf_getsym(data, i, table); i++)
		if (is_table(elf_strptr(elf, h.sh_link, table->st_name)))
			return true;
	return false;
}

static void take_relocation(const GElf_Rela *r, const GElf_Sym *table, struct reason_table *t)
{
	uint64_t reason = (r->r_offset - table->st_value) / POINTER;

	if (r->r_offset >= table->st_value && reason < t->n)
		t->handled[reason / 8] |= (uint8_t)(1u << reason % 8);
}

static bool read_table(Elf *elf, struct reason_table *t)
{
	Elf_Data *data;
	Elf_Scn *scn;
	GElf_Sym table;
	GElf_Rela r;

	if (!find_table(elf, &table) || table.st_size / POINTER > REASONS_MAX)
		return false;
	scn = find_section(elf, SHT_RELA, table.st_shndx, false);
	data = scn ? elf_getdata(scn, NULL) : NULL;
	if (!data)
		return false;
	t->n = table.st_size / POINTER;
	for (int i = 0; gelf_getrela(data, i, &r); i++)
		take_relocation(&r, &table, t);
	return t->n;
}

bool handlers_read(const char *module, struct reason_table *t)
{
	_cleanup_close_ int fd = open(module, O_RDONLY | O_CLOEXEC);
	bool ok = false;
	Elf *elf;

	*t = (struct reason_table){ 0 };
	if (fd < 0 || elf_version(EV_CURRENT) == EV_NONE)
		return false;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		ok = read_table(elf, t);
	elf_end(elf);
	return ok;
}
