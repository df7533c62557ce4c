// SPDX-License-Identifier: GPL-2.0-only
#include "machine/libvirt/qemu_program.h"

#include "machine/built.h"
#include "machine/libvirt/daemon.h"

/*
 * What L1 has: an x86-64 machine that this program emulates, with plugins. BIOS and the like are
 * those of Debian's packages; the prefix is one that QEMU can't take for a part of their folders
 * and look for them beside itself.
 */
static const char *const options[] = {
	"--prefix=/opt/nestlab",
	"--firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu",
	"--target-list=x86_64-softmmu",
	"--with-git-submodules=ignore",
	"--with-pkgversion=nestlab",
	"--without-default-features",
	"--without-default-devices",
	"--with-devices-x86_64=nestlab",
	"--enable-trace-backends=nop",
	"--enable-system",
	"--enable-tcg",
	"--enable-plugins",
	"--enable-fdt=system",
	"--enable-seccomp",
	"--disable-install-blobs",
	"--disable-debug-info",
	"--disable-werror",
};

static const struct cache_kind programs = {
	.folder = "qemu", .whole = "qemu-system-x86_64", .what = "QEMU's programs", .keep_entries = 3, .wait_s = 3000,
};
CACHE_KIND(programs);

static const struct built qemu = {
	.name = "qemu",
	.title = "QEMU",
	.suite = "bookworm",
	/* Debian's patches bring the version up to what its package is of. */
	.unpack = "dpkg-source --no-check -x qemu_*.dsc src",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.compile = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL nice make -j\"$(nproc)\" qemu-system-x86_64",
	.program = "build/qemu-system-x86_64",
	.told = "built with the patches in config/qemu",
	.kind = &programs,
};

const char *qemu_program(const struct lane *l)
{
	return l->emulator ? l->emulator : QEMU_DEBIAN;
}

int qemu_build(void)
{
	return built_make(&qemu);
}

/*
 * A libvirt that is not ours runs QEMU as another user, who may not read the cache, and under its
 * own confinement.
 */
static bool needs_qemu(struct lane *l, char **why)
{
	char *ours = daemon_is_private() && !l->systems_emulator ? built_program(&qemu) : NULL;

	l->intel = false; /* QEMU's emulator has SVM only */
	if (ours)
		lane_take_built(l, ours);
	*why = strf("works on every machine%s", ours ? ", with the lab's own QEMU" : "; `nestlab qemu` builds one without its faults");
	return true;
}

static int provide_qemu(void)
{
	return daemon_is_private() ? built_provide(&qemu) : -1;
}

static const struct lane_need qemu_need = { "qemu", needs_qemu, provide_qemu };
LANE_NEED(qemu_need);
