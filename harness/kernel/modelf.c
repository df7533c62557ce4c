// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/modelf.h"

#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "core/util.h"

/* A file that is open; elf NULL: it is none. */
struct modelf {
	int fd;
	Elf *elf;
	size_t names; /* the section that holds the sections' names */
};

static bool open_elf(struct modelf *m, const char *path)
{
	*m = (struct modelf){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (m->fd < 0 || elf_version(EV_CURRENT) == EV_NONE)
		return false;
	m->elf = elf_begin(m->fd, ELF_C_READ, NULL);
	return m->elf && elf_kind(m->elf) == ELF_K_ELF && !elf_getshdrstrndx(m->elf, &m->names);
}

static void close_elf(struct modelf *m)
{
	elf_end(m->elf);
	close_p(&m->fd);
}

/* ---- build ids ---- */

static void put_hex(const unsigned char *id, size_t n, char hex[MODELF_ID_HEX])
{
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
}

static bool take_note(const GElf_Nhdr *h, const char *name, const char *desc,
		      char hex[MODELF_ID_HEX])
{
	if (h->n_type != NT_GNU_BUILD_ID || h->n_namesz != sizeof("GNU") ||
	    memcmp(name, "GNU", sizeof("GNU")) || !h->n_descsz || h->n_descsz > MODELF_ID_MAX)
		return false;
	put_hex((const unsigned char *)desc, h->n_descsz, hex);
	return true;
}

static bool take_notes(Elf_Data *data, char hex[MODELF_ID_HEX])
{
	size_t at = 0, name, desc;
	GElf_Nhdr h;

	while ((at = gelf_getnote(data, at, &h, &name, &desc)))
		if (take_note(&h, (char *)data->d_buf + name, (char *)data->d_buf + desc, hex))
			return true;
	return false;
}

bool modelf_id_of_notes(const void *notes, size_t len, char hex[MODELF_ID_HEX])
{
	Elf_Data data = {
		.d_buf = (void *)notes, .d_type = ELF_T_NHDR, .d_version = EV_CURRENT,
		.d_size = len, .d_align = 4
	};

	return len && elf_version(EV_CURRENT) != EV_NONE && take_notes(&data, hex);
}

bool modelf_id(const char *path, char hex[MODELF_ID_HEX])
{
	struct modelf m;
	Elf_Scn *scn = NULL;
	bool found = false;
	GElf_Shdr h;

	if (open_elf(&m, path))
		while (!found && (scn = elf_nextscn(m.elf, scn)))
			if (gelf_getshdr(scn, &h) && h.sh_type == SHT_NOTE) {
				Elf_Data *data = elf_getdata(scn, NULL);

				found = data && take_notes(data, hex);
			}
	close_elf(&m);
	return found;
}

/* ---- the same code ---- */

/* The next that is loaded; NULL: there are no more. */
static Elf_Scn *next_loaded(const struct modelf *m, Elf_Scn *scn, GElf_Shdr *h)
{
	while ((scn = elf_nextscn(m->elf, scn)))
		if (gelf_getshdr(scn, h) && h->sh_flags & SHF_ALLOC && h->sh_type != SHT_NOTE)
			return scn;
	return NULL;
}

static const char *name_of(const struct modelf *m, const GElf_Shdr *h)
{
	const char *name = elf_strptr(m->elf, m->names, h->sh_name);

	return name ? name : "a section without a name";
}

static bool same_bytes(Elf_Scn *a, Elf_Scn *b, const GElf_Shdr *h)
{
	Elf_Data *da, *db;

	if (h->sh_type == SHT_NOBITS || !h->sh_size)
		return true;
	da = elf_rawdata(a, NULL);
	db = elf_rawdata(b, NULL);
	return da && db && da->d_size == db->d_size && !memcmp(da->d_buf, db->d_buf, da->d_size);
}

static bool same_section(const struct modelf *a, Elf_Scn *sa, const GElf_Shdr *ha,
			 const struct modelf *b, Elf_Scn *sb, const GElf_Shdr *hb)
{
	return ha->sh_type == hb->sh_type && ha->sh_flags == hb->sh_flags &&
	       ha->sh_size == hb->sh_size && !strcmp(name_of(a, ha), name_of(b, hb)) &&
	       same_bytes(sa, sb, ha);
}

static char *first_difference(const struct modelf *a, const struct modelf *b)
{
	Elf_Scn *sa = NULL, *sb = NULL;
	GElf_Shdr ha, hb;

	for (;;) {
		sa = next_loaded(a, sa, &ha);
		sb = next_loaded(b, sb, &hb);
		if (!sa && !sb)
			return xstrdup("");
		if (!sa || !sb)
			return xstrdup(sa ? name_of(a, &ha) : name_of(b, &hb));
		if (!same_section(a, sa, &ha, b, sb, &hb))
			return xstrdup(name_of(a, &ha));
	}
}

char *modelf_differs(const char *a, const char *b)
{
	char *differs = NULL;
	struct modelf ma, mb;
	bool readable = open_elf(&ma, a);

	if (open_elf(&mb, b) && readable)
		differs = first_difference(&ma, &mb);
	close_elf(&ma);
	close_elf(&mb);
	return differs;
}
