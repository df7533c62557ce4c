// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab in Bochs: booted anew for each run from a medium that holds L1's kernel, the initramfs, the KVM modules and what L2 is made of.
 * For tests of L1 alone that is all; to carry an L2, L1 changes to the same disk as in other lanes, with the same libvirt and QEMU on it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "image/medium.h"
#include "lab/bochs.h"
#include "lab/bringup.h"
#include "lab/golden.h"
#include "lab/lab.h"
#include "lab/loop.h"

#define MEDIUM "l1.iso"
#define DISK "l1-disk" /* a link: Bochs can't read every path */
#define PORT 7548 /* in a namespace of its own: never taken */
#define L1_LIBVIRT "/run/libvirt/libvirt-sock"
#define GUARD_S 6 /* of silence, before slowdown */

/*
 * Two ticks less to take care of and a known TSC, as for other emulators. A reset would boot again: stay there after a panic, we end it.
 * On the console (87 us a character, all of them waited for) only what is wrong. trace_eval_init puts names for numbers into the formats
 * of built-in events, which nobody here reads: 5 s of CPU time.
 */
static char *make_cmdline(const struct lab *lab)
{
	_cleanup_free_ char *device = image_root_device(&lab->golden, "sda");
	_cleanup_free_ char *root = lab->without_l2 ? xstrdup("") : strf(" nestlab.root=%s", device);

	return strf("console=ttyS0 loglevel=5 panic=0 oops=panic softlockup_panic=1 mitigations=off tsc=reliable "
		    "tsc_early_khz=%u " L1_EMULATED_OPTIONS
		    " initcall_blacklist=trace_eval_init nestlab.level=L1 nestlab.port=/dev/ttyS1%s",
		    BOCHS_IPS / 1000, root);
}

/* All test programs, half a megabyte: over the line each would take seconds. */
static int add_programs(struct strv *files)
{
	_cleanup_free_ char *dir = path_in_root("build/guest");
	_cleanup_strv_ struct strv names = { 0 };
	int err = dir_list(dir, NULL, &names);

	for (size_t i = 0; i < names.n; i++)
		strv_addf(files, "%s/%s", dir, names.v[i]);
	return err ? fail(OUT_BROKEN, "can't list the test programs in %s: %s", dir, strerror(-err))
		   : 0;
}

static int make_medium(struct lab *lab, const char *iso)
{
	_cleanup_free_ char *cmdline = make_cmdline(lab);
	_cleanup_strv_ struct strv files = { 0 };
	struct medium m = { .kernel = lab->host.bzimage,
			    .initramfs = lab->initramfs.path,
			    .cmdline = cmdline,
			    .files = &files };
	int ret = add_programs(&files);

	for (size_t i = 0; i < lab->host.modules.n; i++)
		strv_add(&files, lab->host.modules.v[i]);
	if (!lab->without_l2) {
		strv_add(&files, lab->guest.bzimage);
		strv_add(&files, lab->initramfs.path);
	}
	return ret ? ret : medium_make(&m, iso);
}

/* With one core Bochs's CPUs contradict themselves (a package of eight siblings), and the kernel warns of it. */
static int prepare(struct lab *lab)
{
	if (lab->set.l1_cpus < 2)
		return fail(OUT_USAGE, "LANE=%s wants L1_CPUS of at least 2", lab->lane.name);
	return lab->without_l2 ? 0 : lab_prepare_image(lab);
}

static int link_disk(const struct lab *lab)
{
	_cleanup_free_ char *link = strf("%s/" DISK, path_run()), *disk = NULL;
	int ret = golden_raw(lab, BOCHS_CYLINDER, &disk);

	unlink(link);
	if (!ret && symlink(disk, link))
		ret = fail(OUT_BROKEN, "can't make the link %s: %s", link, strerror(errno));
	return ret;
}

static int start(struct lab *lab)
{
	_cleanup_free_ char *iso = strf("%s/" MEDIUM, path_run()), *local = bringup_libvirt_path(false);
	_cleanup_free_ char *log = strf("%s/l1-bochs.log", lab->run_dir);
	_cleanup_free_ char *console = strf("%s/l1-console.log", lab->run_dir);
	struct bochs_wires wires = { .log = log, .console_log = console };
	struct bochs_spec spec = { .cpu = lab->lane.cpu_mode,
				   .cpus = lab->set.l1_cpus,
				   .memory_mib = lab->set.l1_memory,
				   .medium = MEDIUM,
				   .console = "l1-console",
				   .port = PORT };
	int ret = make_medium(lab, iso);

	if (!ret && !lab->without_l2) {
		ret = link_disk(lab);
		spec.disk = DISK;
		wires.local = local;
		wires.remote = L1_LIBVIRT;
	}
	return ret ? ret : bochs_start(&lab->l1, &spec, &wires);
}

/* Nobody else does: L1's init is the agent. */
static int start_libvirtd(struct lab *lab)
{
	char *const locks[] = { (char *)"mkdir", (char *)"-p", (char *)"/run/lock", NULL };
	char *const argv[] = { (char *)"libvirtd", (char *)"--daemon", NULL };
	int ret;

	ui_stage_begin("L1's libvirt");
	ret = level_command(&lab->l1, "making a folder for locks", locks, 5);
	if (!ret)
		ret = level_command(&lab->l1, "starting libvirtd", argv, 10);
	if (!ret)
		ui_stage_end("started");
	return ret;
}

static void cut_l1(void *ctx)
{
	level_cut(&((struct lab *)ctx)->l1);
}

static int up(struct lab *lab, bool fresh)
{
	int ret;

	(void)fresh;
	ui_stage_begin("L1");
	ret = start(lab);
	if (!ret)
		ret = bringup_open_channel(&lab->l1, 20);
	if (ret)
		return ret;
	ui_stage_end("booted, kernel %s", lab->host.release);
	lab->l1.medium = MEDIUM_DIR;
	ret = bringup_kvm(lab);
	if (ret || lab->without_l2)
		return ret;
	loop_guard(level_ms(&lab->l1, GUARD_S), cut_l1, lab);
	ret = start_libvirtd(lab);
	return ret ? ret : bringup_l2(lab);
}

const struct lab_backend lab_bochs = { .name = "bochs", .prepare = prepare, .up = up };
