// SPDX-License-Identifier: GPL-2.0-only
#include "monitor/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"

#define MAX_PROGRAM_BYTES (64u << 20)
#define MAX_DEPTH 6
#define MAX_NAMED 8 /* in a message */
#define SOURCES_S 946684800 /* the year 2000 */
#define BUILT_S (SOURCES_S - 86400)

/* ---- one file ---- */

static int open_regular(const char *path, struct stat *st)
{
	/* A link could lead to any file of ours. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0 && !fstat(fd, st) && S_ISREG(st->st_mode))
		return fd;
	close_p(&fd);
	return -1;
}

static bool is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

int program_date(const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = open_regular(path, &st);
	struct timespec times[2] = { 0 };

	if (fd < 0)
		return -errno;
	times[0].tv_sec = times[1].tv_sec = is_elf(fd) ? BUILT_S : SOURCES_S;
	return futimens(fd, times) ? -errno : 0;
}

static bool was_made(const struct stat *st)
{
	return st->st_mtim.tv_sec > SOURCES_S;
}

static bool is_static(const struct buf *b)
{
	const Elf64_Ehdr *h = (const void *)b->data;

	if (b->len < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) ||
	    h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64 ||
	    h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff > b->len ||
	    h->e_phnum * sizeof(Elf64_Phdr) > b->len - h->e_phoff)
		return false;
	for (unsigned int i = 0; i < h->e_phnum; i++) {
		Elf64_Phdr p;

		memcpy(&p, b->data + h->e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_INTERP)
			return false;
	}
	return true;
}

int program_read(const char *path, struct buf *b)
{
	struct stat st;
	_cleanup_close_ int fd = open_regular(path, &st);
	char chunk[65536];
	ssize_t n;

	if (fd < 0 || st.st_size > MAX_PROGRAM_BYTES)
		return fail(OUT_BUILD_ERROR, "no program was made that can be read");
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(b, chunk, (size_t)n);
	return is_static(b) ? 0 : fail(OUT_BUILD_ERROR, "it is no static x86-64 program: link it by gcc or $(CC)");
}

/* ---- all of them ---- */

static bool is_made_program(const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = open_regular(path, &st);

	return fd >= 0 && was_made(&st) && st.st_mode & 0111 && is_elf(fd);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode);
}

static void list_made(const char *dir, const char *below, unsigned int depth, struct strv *made)
{
	_cleanup_free_ char *folder = strf("%s/%s", dir, below);
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(folder, NULL, &names))
		return;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *relative = strf("%s%s%s", below, *below ? "/" : "", names.v[i]);
		_cleanup_free_ char *path = strf("%s/%s", dir, relative);

		if (is_made_program(path))
			strv_add(made, relative);
		else if (is_folder(path) && depth < MAX_DEPTH)
			list_made(dir, relative, depth + 1, made);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_named(const char *dir, const char *path, const char *name)
{
	(void)dir;
	return !strcmp(base_name(path), name);
}

/*
 * A guest's program, made for the monitor to run, has 16 or 32 bits mostly; a library is nobody's
 * monitor.
 */
static bool can_run(const char *dir, const char *path, const char *name)
{
	_cleanup_free_ char *whole = strf("%s/%s", dir, path);
	_cleanup_buf_ struct buf b = { 0 };

	(void)name;
	return !strstr(base_name(path), ".so") && !program_read(whole, &b);
}

/* What no monitor does without; a benchmark that is built beside it for the host does. */
static bool opens_kvm(const char *dir, const char *path, const char *name)
{
	static const char device[] = "/dev/kvm";
	_cleanup_free_ char *whole = strf("%s/%s", dir, path);
	_cleanup_buf_ struct buf b = { 0 };

	(void)name;
	return can_run(dir, path, name) && !program_read(whole, &b) &&
	       memmem(b.data, b.len, device, strlen(device));
}

/* The only one that fits, or NULL; *n: how many do. */
static const char *only(const struct strv *made, const char *dir, const char *name, size_t *n,
			bool (*fits)(const char *dir, const char *path, const char *name))
{
	const char *one = NULL;

	*n = 0;
	for (size_t i = 0; i < made->n; i++)
		if (fits(dir, made->v[i], name)) {
			one = made->v[i];
			++*n;
		}
	return *n == 1 ? one : NULL;
}

static char *enumerate(const struct strv *made)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < made->n && i < MAX_NAMED; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", made->v[i]);
	if (made->n > MAX_NAMED)
		buf_puts(&b, ", ...");
	return xstrdup(buf_str(&b));
}

static int choose(const struct strv *made, const char *dir, const char *name, bool asked_for,
		  char **path)
{
	_cleanup_free_ char *all = enumerate(made);
	size_t n;
	const char *one = only(made, dir, name, &n, is_named);

	if (!n && !made->n)
		return fail(OUT_BUILD_ERROR, "it was built, but no program was made");
	if (!n && asked_for)
		return fail(OUT_BUILD_ERROR, "no program %s was made (program = in monitor.conf); made were: %s", name, all);
	if (!n)
		one = only(made, dir, name, &n, can_run);
	if (n > 1)
		one = only(made, dir, name, &n, opens_kvm);
	if (!n && made->n == 1)
		one = made->v[0]; /* why it can't be run is told where it is read */
	if (!one)
		return fail(OUT_BUILD_ERROR, "which of the programs that were made is the monitor (%s)? Say it by program = NAME in the "
			    "folder's monitor.conf", all);
	*path = xstrdup(one);
	return 0;
}

int program_find(const char *dir, const char *name, bool asked_for, char **path)
{
	_cleanup_free_ char *here = strf("%s/%s", dir, name);
	_cleanup_strv_ struct strv made = { 0 };
	struct stat st;

	/* Whatever it is: where it is read, it is told what is wrong with it. */
	if (!lstat(here, &st) && S_ISREG(st.st_mode) && was_made(&st)) {
		*path = xstrdup(name);
		return 0;
	}
	list_made(dir, "", 0, &made);
	return choose(&made, dir, name, asked_for, path);
}
