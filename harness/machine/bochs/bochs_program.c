// SPDX-License-Identifier: GPL-2.0-only
#include "machine/bochs/bochs_program.h"

#include <string.h>

#include "core/util.h"
#include "machine/built.h"

/* As Debian's, but for the debugger and what only a person at a screen would miss. */
static const char *const options[] = {
	"--enable-smp", "--enable-x86-64", "--enable-long-phy-address", "--enable-all-optimizations", "--enable-vmx=2",
	"--enable-avx", "--enable-evex", "--enable-pci", "--with-rfb", "--with-nogui", "--disable-debugger", "--disable-plugins",
	"--disable-docbook", "--disable-large-ramfile", "CFLAGS=-O3", "CXXFLAGS=-O3",
};

static const struct cache_kind programs = {
	.folder = "bochs", .whole = "bochs", .what = "Bochs's programs", .keep_entries = 3, .wait_s = 3000,
};
CACHE_KIND(programs);

static const struct built bochs = {
	.name = "bochs",
	.title = "Bochs",
	/* Bochs 2.7, of the suite before, was not tried without its debugger. */
	.suite = "trixie",
	/* What Debian adds to the source is not needed, nor had from each of its mirrors. */
	.part = "--tar-only",
	.unpack = "mkdir src; tar -C src --strip-components=1 -xf bochs_*.orig.tar.*",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.compile = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -j\"$(nproc)\"",
	.program = "bochs",
	.told = "built without its debugger",
	.kind = &programs,
};

char *bochs_built(void)
{
	return built_program(&bochs);
}

bool bochs_is_debians(const char *program)
{
	return !strcmp(program, BOCHS_DEBIAN);
}

int bochs_build(void)
{
	return built_make(&bochs);
}

int bochs_provide(void)
{
	return built_provide(&bochs);
}
