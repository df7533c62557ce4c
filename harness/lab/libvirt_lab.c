// SPDX-License-Identifier: GPL-2.0-only
/* The lab in QEMU, as L0's libvirt runs it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "lab/bringup.h"
#include "lab/capabilities.h"
#include "lab/state.h"
#include "machine/libvirt/daemon.h"
#include "machine/libvirt/qemu_program.h"
#include "machine/libvirt/stub.h"
#include "machine/loop.h"

/* ---- the states' names ---- */

static int make_l1_key(struct lab *lab)
{
	struct hash *h = hash_new("l1-state-1");
	int ret;

	hash_add_str(h, "kernel", lab->host.bzimage_sha256);
	hash_add_str(h, "image", lab->golden.key);
	hash_add_str(h, "type", lab->plan->lane.virt_type ? lab->plan->lane.virt_type : lab->plan->lane.name);
	hash_add_str(h, "cpu", lab->plan->lane.cpu_mode);
	hash_add_str(h, "options", L1_EMULATED_OPTIONS " " L1_INIT_OPTIONS);
	hash_add_number(h, "cpus", lab->plan->l1_cpus);
	hash_add_number(h, "spare", lab->plan->lane.spare_cpus);
	hash_add_number(h, "memory", lab->plan->l1_memory);
	if (lab->suite.disk)
		hash_add_str(h, "suite", lab->suite.key);
	lab_hash_machine(h);
	hash_add_number(h, "uid", getuid()); /* root's libvirtd and a user's write different states */
	ret = state_hash_config(h, "config/domains/l1.args");
	if (!ret)
		ret = hash_add_file(h, "qemu", qemu_program(&lab->plan->lane));
	hash_hex(h, lab->l1_key);
	return ret;
}

static int make_lab_key(struct lab *lab)
{
	struct hash *h = hash_new("lab-state-2");
	int ret;

	hash_add_str(h, "l1", lab->l1_key);
	ret = state_hash_l2(h, lab);
	hash_hex(h, lab->lab_key);
	return ret;
}

static int make_keys(struct lab *lab)
{
	int ret = make_l1_key(lab);

	return ret ? ret : make_lab_key(lab);
}

/* ---- what is built for it ---- */

/* A lane that should have it and has not judges less: that must be seen at once. */
static void open_plugin(struct lab *lab)
{
	plugin_open(&lab->plugin, &lab->plan->lane);
	if (lab->plan->lane.plugin && lab->plugin.missing)
		ui_note("%s; what needs them is skipped", lab->plugin.missing);
}

/*
 * L1's end closes every socket that leads into it, and whoever waits on one goes on; or L0's
 * libvirt does not answer, and does not end it.
 */
static void end_l1(void *ctx)
{
	struct lab *lab = ctx;

	level_cut_domain(&lab->levels[L1], L1_DOMAIN);
	level_hang_up(&lab->levels[L2]);
}

/* L0's libvirt, with nothing of the lab in it, and the loop guarded. */
static int begin(struct lab *lab)
{
	int ret = level_connect(&lab->levels[L1], lab->uri);

	if (ret)
		return ret;
	loop_guard(level_ms(&lab->levels[L1], LAB_GUARD_S), end_l1, lab);
	/* Of a killed run with a libvirt that is not ours. */
	return level_end(&lab->levels[L1], L1_DOMAIN);
}

/* Its state is that of the lab's own kernel, which a run of the reference needs next. */
static int boot_to_ask(struct lab *lab)
{
	int ret = make_keys(lab);

	if (!ret)
		ret = begin(lab);
	if (!ret)
		ret = bringup_l1(lab, false);
	return ret ? ret : bringup_kvm(lab);
}

static int prepare(struct lab *lab)
{
	int ret = lab_prepare_image(lab);

	str_set(&lab->emulator, qemu_program(&lab->plan->lane));
	if (!ret)
		open_plugin(lab);
	if (!ret)
		ret = make_keys(lab);
	if (ret || lab->without_l2 || state_exists(lab->lab_key))
		return ret;
	ret = capabilities_prepare(lab, boot_to_ask);
	return ret ? ret : make_keys(lab);
}

/* ---- up ---- */

static int boot_once(struct lab *lab, bool fresh)
{
	int ret = bringup_l1(lab, fresh);

	if (!ret)
		ret = bringup_kvm(lab);
	if (!ret)
		ret = bringup_suite(lab, "/dev/vdb");
	/* L1's own state and half a second for the modules: not worth a state of its own. */
	if (ret || lab->without_l2)
		return ret;
	ret = bringup_l2(lab);
	return ret ? ret : bringup_save(lab);
}

/* Once more, from a new boot: a change that hangs its kernel does so again. */
static int boot_both(struct lab *lab, bool fresh)
{
	int ret = boot_once(lab, fresh);

	/* A domain that its libvirt refuses to start was not lost. */
	if (!ret || !level_exists(&lab->levels[L1]) || !lab_lost_silently(lab, ret))
		return ret;
	ui_stage_abort();
	ui_note("%s; booting once more", fail_text());
	lab_reset_levels(lab);
	ret = begin(lab);
	return ret ? ret : boot_once(lab, true);
}

static int up(struct lab *lab, bool fresh)
{
	int ret = begin(lab);

	if (ret || fresh || lab->without_l2 || !state_exists(lab->lab_key))
		return ret ? ret : boot_both(lab, fresh);
	ret = bringup_restore(lab);
	if (ret <= 0)
		return ret;
	ret = begin(lab);
	return ret ? ret : boot_both(lab, false);
}

/* ---- states ---- */

static int copy_disk(const char *from, const char *to)
{
	int err = file_copy(from, to, 0600);

	return err ? fail(OUT_BROKEN, "can't copy L1's disk %s to %s: %s (is the disk full?)", from,
			  to, strerror(-err)) :
		     0;
}

static int save(struct lab *lab, const char *dir)
{
	_cleanup_free_ char *memory = strf("%s/l1.save", dir), *disk = strf("%s/l1.qcow2", dir);
	_cleanup_free_ char *overlay = bringup_overlay_path();
	int ret = level_save(&lab->levels[L1], memory);

	return ret ? ret : copy_disk(overlay, disk);
}

/* The saved description, with this checkout's disk and sockets. */
static int saved_xml(struct lab *lab, const char *memory, char **xml)
{
	_cleanup_free_ char *saved = NULL;
	struct bringup_l1 b;
	int ret = level_saved_xml(&lab->levels[L1], memory, &saved);

	if (ret)
		return ret;
	bringup_l1_spec(lab, &b);
	ret = domxml_retarget(saved, &b.spec, xml);
	bringup_l1_free(&b);
	return ret;
}

static int restore(struct lab *lab, const char *dir)
{
	_cleanup_free_ char *memory = strf("%s/l1.save", dir), *disk = strf("%s/l1.qcow2", dir);
	_cleanup_free_ char *overlay = bringup_overlay_path(), *xml = NULL;
	_cleanup_free_ char *log = strf("%s/l1-console.log", lab->run_dir);
	int ret = lab->levels[L1].conn ? 0 : level_connect(&lab->levels[L1], lab->uri);

	if (!ret)
		ret = copy_disk(disk, overlay);
	if (!ret)
		ret = saved_xml(lab, memory, &xml);
	lab->levels[L1].console_file = bringup_console_path();
	str_set(&lab->levels[L1].emulator_log, NULL);
	lab->levels[L1].emulator_log = bringup_emulator_log();
	unlink(lab->levels[L1].console_file);
	if (!ret)
		ret = plugin_renew(&lab->plugin);
	return ret ? ret : level_restore(&lab->levels[L1], memory, xml, log);
}

/* What the debugger of a killed one left: L1 may stand still, or stop at any moment. */
static int mend(struct level *l1)
{
	_cleanup_close_ int lock = -1;

	if (!stub_is_left())
		return 0;
	lock = stub_lock();
	if (lock < 0) {
		ui_note("%s; where it stands still, nothing in it answers", fail_text());
		fail_clear();
		return 0;
	}
	ui_note("a gdb that was killed had left L1 to itself: it goes on now");
	return stub_close(l1);
}

static int join(struct lab *lab)
{
	int ret;

	lab->uri = daemon_uri();
	ret = level_connect(&lab->levels[L1], lab->uri);
	if (!ret)
		ret = level_attach(&lab->levels[L1], L1_DOMAIN, NULL);
	return ret ? ret : mend(&lab->levels[L1]);
}

static const struct lab_backend lab_libvirt = {
	.name = "libvirt",
	.prepare = prepare,
	.name_states = make_keys,
	.up = up,
	.save = save,
	.restore = restore,
	.saving_ends = true,
	.join = join,
};
LAB_BACKEND(lab_libvirt);
