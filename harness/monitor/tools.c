// SPDX-License-Identifier: GPL-2.0-only
#include "monitor/tools.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "kernel/sandbox.h"

/* -- in front of the system's -- */

/*
 * What the makefile calls the compiler is this, whatever it calls it by: warnings are never fatal
 * (a newer gcc has more of them, and -Werror made them a zero), and what is linked needs no library
 * of L1's. Appending -Wno-error would not do: -Werror=NAME is stronger.
 */
static const char compiler[] = "#!/bin/sh\n"
			       "n=$# static=-static\n"
			       "while [ $n -gt 0 ]; do\n"
			       "	a=$1; shift; n=$((n - 1))\n"
			       "	case $a in\n"
			       "	-Werror | -pie) continue ;;\n"
			       "	-Werror=*) a=-W${a#-Werror=} ;;\n"
			       "	-pedantic-errors) a=-pedantic ;;\n"
			       "	-shared | -r) static= ;;\n"
			       "	esac\n"
			       "	set -- \"$@\" \"$a\"\n"
			       "done\n"
			       "PATH=" SANDBOX_PATH "\n"
			       "exec %s $static \"$@\"\n";

static const struct {
	const char *name, *program;
} compilers[] = {
	{ "cc", "gcc" },     { "gcc", "gcc" }, { "c99", "gcc" },     { "x86_64-linux-gnu-gcc", "gcc" },
	{ "clang", "gcc" },  { "c++", "g++" }, { "g++", "g++" },     { "clang++", "g++" },
	{ "musl-gcc", "musl-gcc" },
};

/*
 * Objects of guests were bundled by `ld -T SCRIPT -o all.o`, which newer linkers take for a
 * program, and refuse to link again. Where that was seen, an output of this name is made an object.
 */
static const char linker[] = "#!/bin/sh\n"
			     "PATH=" SANDBOX_PATH "\n"
			     "last=\n"
			     "for a; do\n"
			     "	[ \"$last\" = -o ] && [ -e \"${0%/*}/again/${a##*/}\" ] && set -- -r \"$@\"\n"
			     "	last=$a\n"
			     "done\n"
			     "exec ld \"$@\"\n";

static int write_tool(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);

	return file_write(path, text, strlen(text), 0755) ? fail(OUT_BROKEN, "can't write %s", path) : 0;
}

int tools_write(const char *dir)
{
	int ret = write_tool(dir, "ld", linker);

	for (size_t i = 0; !ret && i < ARRAY_SIZE(compilers); i++) {
		_cleanup_free_ char *text = strf(compiler, compilers[i].program);

		ret = write_tool(dir, compilers[i].name, text);
	}
	return ret;
}

/* -- a build that failed -- */

/* What stands between before and a quote; the caller owns it. */
static char *quoted_behind(const char *log, const char *before)
{
	const char *at = strstr(log, before);

	at = at ? at + strlen(before) : NULL;
	return at && strchr(at, '\'') ? xstrndup(at, strcspn(at, "'")) : NULL;
}

static bool make_again(const char *log, const char *dir)
{
	_cleanup_free_ char *object = quoted_behind(log, "cannot use executable file '"), *mark = NULL;
	_cleanup_free_ char *again = strf("%s/again", dir);

	if (!object || strchr(object, '/') || mkdir_p(again))
		return false;
	mark = strf("%s/%s", again, object);
	return !path_exists(mark) && !file_write(mark, "", 0, 0644);
}

/* What says that the folder of an output is not there: git keeps no empty ones. */
static const struct {
	const char *before, *behind;
} no_folder[] = {
	{ "Fatal error: can't create ", ": No such file or directory" },    /* as */
	{ "cannot open output file ", ": No such file or directory" },	     /* ld */
	{ "cannot open '", "' for writing: No such file or directory" },     /* gcc */
	{ "error: opening dependency file ", ": No such file or directory" }, /* gcc -MF */
	{ "ar: ", ": No such file or directory" },
	{ "unable to open output file `", "'" }, /* nasm */
	{ ": cannot create ", ": Directory nonexistent" }, /* sh */
	{ "cannot create regular file '", "': No such file or directory" }, /* cp, install */
	{ "' to '", "': No such file or directory" },			     /* mv */
	{ "cannot touch '", "': No such file or directory" },
};

/* The caller owns it; NULL: the line says no such thing. */
static char *folder_lacking(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_folder); i++) {
		const char *at = strstr(line, no_folder[i].before), *end;
		_cleanup_free_ char *path = NULL;

		at = at ? at + strlen(no_folder[i].before) : NULL;
		end = at ? strstr(at, no_folder[i].behind) : NULL;
		path = end ? xstrndup(at, (size_t)(end - at)) : NULL;
		if (path && strrchr(path, '/') > path)
			return xstrndup(path, (size_t)(strrchr(path, '/') - path));
	}
	return NULL;
}

/* Where a make that another one started works; the caller owns it, or NULL: it left. */
static char *folder_entered(const char *line, char *so_far)
{
	char *entered = quoted_behind(line, "Entering directory '");

	if (!entered && !strstr(line, "Leaving directory '"))
		return so_far;
	free(so_far);
	return entered;
}

/* The first one; the caller owns it, or NULL. */
static char *find_folder_lacking(const char *log)
{
	_cleanup_free_ char *within = NULL;

	for (const char *at = log; *at; at += strcspn(at, "\n"), at += !!*at) {
		_cleanup_free_ char *line = xstrndup(at, strcspn(at, "\n"));
		_cleanup_free_ char *folder = folder_lacking(line);

		within = folder_entered(line, within);
		if (folder)
			return within && *folder != '/' ? strf("%s/%s", within, folder) : xstrndup(folder, PATH_MAX);
	}
	return NULL;
}

static bool make_folder(const char *log, const char *dir)
{
	_cleanup_free_ char *folder = find_folder_lacking(log);
	_cleanup_free_ char *path = strf("%s/" TOOLS_FOLDERS, dir), *line = NULL;
	_cleanup_buf_ struct buf made = { 0 };

	if (!folder)
		return false;
	file_read(path, &made);
	line = strf("\n%s\n", folder);
	if (strstr(buf_str(&made), line))
		return false;
	buf_puts(&made, line);
	ui_note("its makefile writes to %s/, which was not handed in (git keeps no empty folder): it is made", folder);
	return !file_write(path, buf_str(&made), made.len, 0644);
}

bool tools_try_again(const char *log, const char *dir)
{
	return make_again(log, dir) || make_folder(log, dir);
}

/* What a compiler, linker or shell says when Debian's package is not there. */
static const struct {
	const char *says, *package;
} lacking[] = {
	{ "fatal error: bits/libc-header-start.h: No such file", "libc6-dev-i386" },
	{ "fatal error: bits/wordsize.h: No such file", "libc6-dev-i386" },
	{ "fatal error: gnu/stubs-32.h: No such file", "libc6-dev-i386" },
	{ "fatal error: sys/cdefs.h: No such file", "libc6-dev-i386" },
	{ "fatal error: sys/types.h: No such file", "libc6-dev-i386" },
	{ "fatal error: asm/types.h: No such file", "gcc-multilib" },
	{ "libgcc.a when searching for -lgcc", "gcc-multilib" },
	{ "nasm: not found", "nasm" },
	{ "make: nasm: No such file", "nasm" },
	{ "yasm: not found", "yasm" },
	{ "make: yasm: No such file", "yasm" },
	{ "as86: not found", "bin86" },
	{ "make: as86: No such file", "bin86" },
	{ "xxd: not found", "xxd" },
	{ "make: xxd: No such file", "xxd" },
	{ "cmake: not found", "cmake" },
	{ "make: cmake: No such file", "cmake" },
	{ "python3: not found", "python3" },
	{ "make: python3: No such file", "python3" },
};

const char *tools_lacking(const char *log)
{
	for (size_t i = 0; i < ARRAY_SIZE(lacking); i++)
		if (strstr(log, lacking[i].says))
			return lacking[i].package;
	return NULL;
}

/*
 * A first target that runs the monitor, once it was made, can't: there is no /dev/kvm where it is
 * built.
 */
bool tools_only_ran(const char *log)
{
	static const char *const not_made[] = {
		": error: ", ": fatal error: ", ": Error: ", "undefined reference to", "collect2: error", "ld: cannot",
		"No rule to make target", "missing separator", ": not found",
	};
	static const char *const targets[] = { ": run]", ": test]", ": tests]", ": check]", ": demo]" };
	bool ran = false;

	for (size_t i = 0; i < ARRAY_SIZE(not_made); i++)
		if (strstr(log, not_made[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		ran |= strstr(log, targets[i]) != NULL;
	return ran;
}
