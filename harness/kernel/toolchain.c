// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/toolchain.h"

#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "kernel/sandbox.h"

static const struct {
	const char *program; /* in the build's PATH, or an absolute path */
	const char *package;
	const char *option; /* needed with this option only; NULL: always */
} tools[] = {
	{ "gcc", "gcc", NULL },
	{ "ld", "binutils", NULL },
	{ "make", "make", NULL },
	{ "flex", "flex", NULL },
	{ "bison", "bison", NULL },
	{ "bc", "bc", NULL },
	{ "git", "git", NULL },
	{ "/usr/include/gelf.h", "libelf-dev", NULL },
	{ "/usr/include/stdio.h", "libc6-dev", NULL },
	{ "gzip", "gzip", "CONFIG_KERNEL_GZIP" },
	{ "bzip2", "bzip2", "CONFIG_KERNEL_BZIP2" },
	{ "xz", "xz-utils", "CONFIG_KERNEL_XZ" },
	{ "lz4", "lz4", "CONFIG_KERNEL_LZ4" },
	{ "zstd", "zstd", "CONFIG_KERNEL_ZSTD" },
};

static bool is_on(const struct kconfig *c, const char *option)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->options[i].name, option))
			return !strcmp(c->options[i].value, "y");
	return false;
}

static bool is_there(const char *program)
{
	return *program == '/' ? path_exists(program) : sandbox_has_program(program);
}

int toolchain_check(const struct kconfig *c)
{
	_cleanup_buf_ struct buf missing = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		if ((!tools[i].option || is_on(c, tools[i].option)) && !is_there(tools[i].program))
			buf_printf(&missing, " %s", tools[i].package);
	if (!missing.len)
		return 0;
	return fail(OUT_BROKEN,
		    "building a kernel needs packages that are missing: install them with "
		    "`apt-get install%s`",
		    buf_str(&missing));
}

static int add_version(const char *program, struct buf *id)
{
	const char *argv[] = { program, "--version", NULL };
	const char *env[] = { "PATH=" SANDBOX_PATH, "LC_ALL=C", NULL };
	_cleanup_buf_ struct buf out = { 0 };
	struct proc p = { .what = "asking for the compiler's version",
			  .argv = (char *const *)argv,
			  .env = (char *const *)env,
			  .out = &out };
	int ret = proc_check(&p);

	if (ret)
		return ret;
	buf_printf(id, "%.*s\n", (int)strcspn(buf_str(&out), "\n"), buf_str(&out));
	return 0;
}

int toolchain_id(char **id)
{
	_cleanup_buf_ struct buf b = { 0 };
	int ret = add_version("gcc", &b);

	if (!ret)
		ret = add_version("ld", &b);
	if (!ret)
		*id = xstrdup(buf_str(&b));
	return ret;
}
