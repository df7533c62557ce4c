// SPDX-License-Identifier: GPL-2.0-only
/* The lab in Bochs: L1 alone, booted anew for each run from a medium that holds its kernel, the initramfs and the KVM modules. */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "image/medium.h"
#include "lab/bochs.h"
#include "lab/bringup.h"
#include "lab/lab.h"

#define MEDIUM "l1.iso"
#define PORT 7548 /* in a namespace of its own: never taken */

/*
 * Two ticks less to take care of and a known TSC, as for other emulators. A reset would boot again: stay there after a panic, we end it.
 * On the console (87 us a character, all of them waited for) only what is wrong. trace_eval_init puts names for numbers into the formats
 * of built-in events, which nobody here reads: 5 s of CPU time.
 */
static char *make_cmdline(void)
{
	return strf("console=ttyS0 loglevel=5 panic=0 oops=panic softlockup_panic=1 tsc=reliable "
		    "tsc_early_khz=%u " L1_EMULATED_OPTIONS
		    " initcall_blacklist=trace_eval_init nestlab.level=L1 nestlab.port=/dev/ttyS1",
		    BOCHS_IPS / 1000);
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
	_cleanup_free_ char *cmdline = make_cmdline();
	_cleanup_strv_ struct strv files = { 0 };
	struct medium m = { .kernel = lab->host.bzimage,
			    .initramfs = lab->initramfs.path,
			    .cmdline = cmdline,
			    .files = &files };
	int ret = add_programs(&files);

	for (size_t i = 0; i < lab->host.modules.n; i++)
		strv_add(&files, lab->host.modules.v[i]);
	return ret ? ret : medium_make(&m, iso);
}

/* With one core Bochs's CPUs contradict themselves (a package of eight siblings), and the kernel warns of it. */
static int prepare(struct lab *lab)
{
	if (lab->set.l1_cpus < 2)
		return fail(OUT_USAGE, "LANE=%s wants L1_CPUS of at least 2", lab->lane.name);
	return 0;
}

static int start(struct lab *lab)
{
	_cleanup_free_ char *iso = strf("%s/" MEDIUM, path_run());
	_cleanup_free_ char *log = strf("%s/l1-bochs.log", lab->run_dir);
	_cleanup_free_ char *console = strf("%s/l1-console.log", lab->run_dir);
	struct bochs_spec spec = { .cpu = lab->lane.cpu_mode,
				   .cpus = lab->set.l1_cpus,
				   .memory_mib = lab->set.l1_memory,
				   .medium = MEDIUM,
				   .console = "l1-console",
				   .port = PORT };
	int ret = make_medium(lab, iso);

	return ret ? ret : bochs_start(&lab->l1, &spec, log, console);
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
	return bringup_kvm(lab);
}

const struct lab_backend lab_bochs = { .name = "bochs", .prepare = prepare, .up = up };
