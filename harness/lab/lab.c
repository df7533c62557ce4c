// SPDX-License-Identifier: GPL-2.0-only
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "lab/bringup.h"
#include "lab/capabilities.h"
#include "lab/daemon.h"
#include "lab/golden.h"
#include "lab/loop.h"
#include "lab/state.h"

#define QEMU "/usr/bin/qemu-system-x86_64"
#define GUARD_S 6 /* of silence, before slowdown */

static char *kept_path(void)
{
	return strf("%s/kept", path_run());
}

/* One nestlab at a time drives this checkout's lab. The lock's file tells others who it is. */
static int take_lock(struct lab *lab, const char *who, enum lab_use use)
{
	_cleanup_free_ char *path = strf("%s/lock", path_run());
	_cleanup_free_ char *text = strf("pid %d (nestlab %s)\n", (int)getpid(), who);
	_cleanup_buf_ struct buf holder = { 0 };

	if (mkdir_p(path_run()))
		return fail(OUT_BROKEN, "can't make the lab's folder %s: %s", path_run(),
			    strerror(errno));
	lab->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lab->lock_fd < 0)
		return fail(OUT_BROKEN, "can't open the lock %s: %s", path, strerror(errno));
	if (flock(lab->lock_fd, (use == LAB_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB)) {
		file_read(path, &holder);
		close_p(&lab->lock_fd);
		lab->lock_fd = -1;
		return fail(OUT_BROKEN, "this checkout's lab is in use by %s; wait for its end",
			    str_strip(holder.data ? holder.data : (char *)"another nestlab"));
	}
	if (ftruncate(lab->lock_fd, 0) || write(lab->lock_fd, text, strlen(text)) < 0)
		ui_debug("the lock %s can't be written", path);
	return 0;
}

static void release_lock(struct lab *lab)
{
	close_p(&lab->lock_fd);
	lab->lock_fd = -1;
}

/* PATCH=: on top of the kernel's own series. */
static int add_patches(struct lab *lab, enum kernel_role role, const char *knob,
		       const struct strv *patches)
{
	for (size_t i = 0; i < patches->n; i++) {
		_cleanup_free_ char *path = path_in_root(patches->v[i]);

		if (!path_exists(path))
			return fail(OUT_USAGE, "%s=%s: there is no such file", knob, patches->v[i]);
		strv_add(&lab->kernel.role[role].patches, patches->v[i]);
	}
	return 0;
}

/* A kernel that checks itself is slower, and needs memory to keep books. */
static int add_flavor(struct lab *lab)
{
	int ret = kernel_conf_flavor(&lab->kernel, lab->set.flavor);

	if (ret)
		return ret;
	lab->lane.slowdown *= lab->kernel.flavor.slowdown;
	lab->set.l1_memory += lab->kernel.flavor.memory;
	return 0;
}

static const struct lab_backend libvirt;

static int choose_backend(struct lab *lab)
{
	static const struct lab_backend *const all[] = { &libvirt, &lab_bochs };
	const char *name = lab->lane.machine ? lab->lane.machine : libvirt.name;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			lab->backend = all[i];
	return lab->backend ? 0
			    : fail(OUT_USAGE, "config/lanes/%s.conf: machine = %s is not known",
				   lab->lane.name, name);
}

/* The change is what PATCH= brings; without one, all that the kernel's own series does. */
static int choose_lane(struct lab *lab)
{
	const struct strv *patches = &lab->set.patches;
	struct vendor_side side;
	int ret;

	vendor_of_patches(patches->n ? patches : &lab->kernel.role[KERNEL_HOST].patches, &side);
	ret = lane_choose(lab->set.lane, &side, &lab->lane);
	if (!ret)
		lab->blind = lane_blind(&lab->lane, &side);
	if (lab->blind)
		ui_note("%s", lab->blind);
	else if (!ret && side.vendor != VENDOR_ANY && !strcmp(lab->set.lane, "auto"))
		ui_note("lane %s: %s", lab->lane.name, lab->lane.reason);
	free(side.file);
	return ret;
}

int lab_open(struct lab *lab, const char *who, enum lab_use use)
{
	_cleanup_free_ char *kept = kept_path();
	int ret;

	*lab = (struct lab){ .lock_fd = -1, .use = use };
	loop_init();
	ret = settings_load(&lab->set);
	if (!ret)
		ret = kernel_conf_load(lab->set.kernel, &lab->kernel);
	if (!ret)
		ret = choose_lane(lab);
	if (!ret)
		ret = choose_backend(lab);
	if (!ret)
		ret = add_flavor(lab);
	if (!ret)
		ret = add_patches(lab, KERNEL_HOST, "PATCH", &lab->set.patches);
	if (!ret)
		ret = add_patches(lab, KERNEL_GUEST, "GUEST_PATCH", &lab->set.guest_patches);
	/* Before the lock: who holds it ends what is left of other labs. */
	lab->was_kept = path_exists(kept);
	if (!ret && lab->was_kept && !lab->backend->keeps)
		ret = fail(OUT_USAGE,
			   "LANE=%s can't run beside the lab that was left running; `make "
			   "lab-down` first",
			   lab->lane.name);
	if (!ret)
		ret = take_lock(lab, who, use);
	if (ret)
		return ret;
	/* Without lab-up nothing may be running now: what is was left by a killed run. */
	if (!lab->was_kept && use == LAB_EXCLUSIVE && daemon_is_private() && daemon_sweep())
		ui_note("ended what an earlier run had left behind");
	level_init(&lab->l1, 1, NULL, lab->lane.slowdown);
	level_init(&lab->l2, 2, &lab->l1, lab->lane.slowdown);
	return 0;
}

static int hash_config(struct hash *h, const char *relative)
{
	_cleanup_free_ char *path = path_in_root(relative);

	return hash_add_file(h, relative, path);
}

static void hash_number(struct hash *h, const char *label, uint64_t n)
{
	hash_add(h, label, &n, sizeof(n));
}

/* A state keeps the CPU and the TSC that it was saved with. */
void lab_hash_machine(struct hash *h)
{
	_cleanup_buf_ struct buf b = { 0 };
	const char *name =
		file_read("/proc/cpuinfo", &b) ? NULL : strstr(buf_str(&b), "model name");

	if (name)
		hash_add(h, "machine", name, strcspn(name, "\n"));
}

static int make_l1_key(struct lab *lab)
{
	struct hash *h = hash_new("l1-state-1");
	int ret;

	hash_add_str(h, "kernel", lab->host.bzimage_sha256);
	hash_add_str(h, "image", lab->golden.key);
	hash_add_str(h, "type", lab->lane.virt_type ? lab->lane.virt_type : lab->lane.name);
	hash_add_str(h, "cpu", lab->lane.cpu_mode);
	hash_add_str(h, "options", L1_EMULATED_OPTIONS);
	hash_number(h, "cpus", lab->set.l1_cpus);
	hash_number(h, "spare", lab->lane.spare_cpus);
	hash_number(h, "memory", lab->set.l1_memory);
	lab_hash_machine(h);
	hash_number(h, "uid", getuid()); /* root's libvirtd and a user's write different states */
	ret = hash_config(h, "config/domains/l1.args");
	if (!ret)
		ret = hash_add_file(h, "qemu", QEMU);
	hash_hex(h, lab->l1_key);
	return ret;
}

static int make_lab_key(struct lab *lab)
{
	struct hash *h = hash_new("lab-state-2");
	int ret;

	hash_add_str(h, "l1", lab->l1_key);
	hash_add_str(h, "host", lab->host.key);
	hash_add_str(h, "guest", lab->guest.key);
	hash_add_str(h, "initramfs", lab->initramfs.key);
	hash_number(h, "cpus", lab->set.l2_cpus);
	hash_number(h, "nested paging", lab->set.nested_paging);
	hash_number(h, "memory", lab->set.l2_memory);
	ret = hash_config(h, "config/domains/l2.args");
	hash_hex(h, lab->lab_key);
	return ret;
}

static int make_keys(struct lab *lab)
{
	int ret = make_l1_key(lab);

	return ret ? ret : make_lab_key(lab);
}

/* A lane that should have it and has not judges less: that must be seen at once. */
static void open_plugin(struct lab *lab)
{
	plugin_open(&lab->plugin, &lab->lane);
	if (lab->lane.plugin && lab->plugin.missing)
		ui_note("%s; what needs them is skipped", lab->plugin.missing);
}

/* A libvirt that is not ours runs QEMU as a user of its own. */
static int find_owner(struct lab *lab)
{
	char *const argv[] = { (char *)"virsh", (char *)"--connect", lab->uri, (char *)"capabilities", NULL };
	_cleanup_buf_ struct buf text = { 0 };
	struct proc p = { .what = "asking LIBVIRT_DEFAULT_URI's libvirt what it can", .argv = argv, .out = &text,
			  .deadline_s = 180 };
	int ret = proc_check(&p);

	if (!ret)
		lab->owner = domxml_owner(buf_str(&text));
	return ret;
}

int lab_prepare_image(struct lab *lab)
{
	int ret = daemon_start(lane_emulates(&lab->lane), &lab->uri);

	if (!ret && !daemon_is_private())
		ret = find_owner(lab);
	return ret ? ret : golden_prepare(lab);
}

/* A domain that an earlier lab-up left running gives way: every run starts from the same state. */
static void end_kept(struct lab *lab)
{
	virDomainPtr old = virDomainLookupByName(lab->l1.conn, L1_DOMAIN);

	if (!old)
		return;
	virDomainDestroy(old);
	virDomainFree(old);
}

static void end_l1(void *ctx)
{
	struct lab *lab = ctx;
	virDomainPtr l1 = lab->l1.conn ? virDomainLookupByName(lab->l1.conn, L1_DOMAIN) : NULL;

	if (!l1)
		return;
	virDomainDestroy(l1);
	virDomainFree(l1);
}

/* Its state is that of the lab's own kernel, which a run of the reference needs next. */
static int boot_l1(struct lab *lab)
{
	int ret = make_keys(lab);

	if (!ret)
		ret = level_connect(&lab->l1, lab->uri);
	if (ret)
		return ret;
	loop_guard(level_ms(&lab->l1, GUARD_S), end_l1, lab);
	end_kept(lab);
	ret = bringup_l1(lab, false);
	return ret ? ret : bringup_kvm(lab);
}

static int libvirt_prepare(struct lab *lab)
{
	int ret = lab_prepare_image(lab);

	str_set(&lab->emulator, QEMU);
	if (!ret)
		open_plugin(lab);
	if (!ret)
		ret = make_keys(lab);
	if (ret || lab->without_l2 || state_exists(lab->lab_key))
		return ret;
	ret = capabilities_prepare(lab, boot_l1);
	return ret ? ret : make_keys(lab);
}

int lab_prepare(struct lab *lab)
{
	int ret = kernel_build(&lab->kernel, KERNEL_HOST, &lab->host);

	if (!ret && !lab->without_l2)
		ret = kernel_build(&lab->kernel, KERNEL_GUEST, &lab->guest);
	if (!ret)
		ret = image_initramfs(&lab->initramfs);
	return ret ? ret : lab->backend->prepare(lab);
}

static void copy_image(struct image *to, const struct image *from)
{
	*to = *from;
	to->path = from->path ? xstrdup(from->path) : NULL;
	to->format = from->format ? xstrdup(from->format) : NULL;
}

int lab_prepare_variant(const struct lab *lab, struct lab *variant)
{
	int ret;

	*variant = (struct lab){ .lock_fd = -1, .without_l2 = lab->without_l2 };
	ret = settings_load(&variant->set);
	if (!ret)
		ret = lane_choose(lab->lane.name, NULL, &variant->lane);
	variant->backend = lab->backend;
	if (!ret)
		ret = kernel_conf_load(lab->set.kernel, &variant->kernel);
	if (!ret)
		ret = add_flavor(variant);
	if (ret)
		return ret;
	strv_free(&variant->kernel.role[KERNEL_HOST].patches);
	variant->uri = lab->uri ? xstrdup(lab->uri) : NULL;
	variant->owner = lab->owner ? xstrdup(lab->owner) : NULL;
	variant->emulator = lab->emulator ? xstrdup(lab->emulator) : NULL;
	variant->capabilities = lab->capabilities ? xstrdup(lab->capabilities) : NULL;
	copy_image(&variant->golden, &lab->golden);
	copy_image(&variant->initramfs, &lab->initramfs);
	level_init(&variant->l1, 1, NULL, lab->lane.slowdown);
	level_init(&variant->l2, 2, &variant->l1, lab->lane.slowdown);
	ret = kernel_build(&variant->kernel, KERNEL_HOST, &variant->host);
	if (!ret && !variant->without_l2)
		ret = kernel_build(&variant->kernel, KERNEL_GUEST, &variant->guest);
	return ret ? ret : make_keys(variant);
}

static int restore_both(struct lab *lab)
{
	int ret = state_restore(lab, lab->lab_key);

	if (!ret)
		ret = level_open_channel(&lab->l1, 5);
	return ret ? ret : bringup_join_l2(lab);
}

static void reset_levels(struct lab *lab)
{
	lab_levels_down(lab);
	level_init(&lab->l1, 1, NULL, lab->lane.slowdown);
	level_init(&lab->l2, 2, &lab->l1, lab->lane.slowdown);
}

static int save_both(struct lab *lab)
{
	int ret;

	ui_stage_begin("lab state");
	/* QEMU 7.2 can't restore a machine that was saved while a CPU of it was in its guest ("inconsistent ... nested state"). */
	ret = level_suspend(&lab->l2);
	if (!ret)
		ret = bringup_disconnect_l2(lab);
	if (ret)
		return ret;
	level_close_channel(&lab->l1);
	ret = state_save(lab, lab->lab_key, true);
	if (ret)
		return ret;
	level_detach(&lab->l1);
	level_init(&lab->l1, 1, NULL, lab->lane.slowdown);
	ret = level_connect(&lab->l1, lab->uri);
	if (!ret)
		ret = restore_both(lab);
	if (!ret)
		ui_stage_end("saved");
	return ret;
}

static int boot_once(struct lab *lab, bool fresh)
{
	int ret = bringup_l1(lab, fresh);

	if (!ret)
		ret = bringup_kvm(lab);
	/* L1's own state and half a second for the modules: not worth a state of its own. */
	if (ret || lab->without_l2)
		return ret;
	ret = bringup_l2(lab);
	return ret ? ret : save_both(lab);
}

static void free_boot(struct boot_record *b)
{
	free(b->samples);
	free(b->reasons);
	*b = (struct boot_record){ 0 };
}

bool lab_lost_silently(const struct lab *lab, int ret)
{
	return (ret == -OUT_CRASH || ret == -OUT_BROKEN) && !proc_interrupted() &&
	       !lab->l1.console.crash && !lab->l2.console.crash;
}

/* L1's end closes every socket that leads into it, and whoever waits on one goes on. */
/* Once more, from a new boot: a change that hangs its kernel does so again. */
static int boot_both(struct lab *lab, bool fresh)
{
	int ret = boot_once(lab, fresh);

	/* A domain that its libvirt refuses to start was not lost. */
	if (!ret || !level_exists(&lab->l1) || !lab_lost_silently(lab, ret))
		return ret;
	ui_stage_abort();
	ui_note("%s; booting once more", fail_text());
	reset_levels(lab);
	free_boot(&lab->boot);
	ret = level_connect(&lab->l1, lab->uri);
	if (ret)
		return ret;
	loop_guard(level_ms(&lab->l1, GUARD_S), end_l1, lab);
	return boot_once(lab, true);
}

static int libvirt_up(struct lab *lab, bool fresh)
{
	int ret = level_connect(&lab->l1, lab->uri);

	if (ret)
		return ret;
	loop_guard(level_ms(&lab->l1, GUARD_S), end_l1, lab);
	end_kept(lab);
	if (fresh || lab->without_l2 || !state_exists(lab->lab_key))
		return boot_both(lab, fresh);
	ui_stage_begin("lab");
	ret = restore_both(lab);
	if (!ret) {
		ui_stage_end("L1 and L2 restored");
		return 0;
	}
	if (fail_outcome() == OUT_CRASH)
		return ret;
	ui_stage_end("not restorable, booting");
	ui_debug("the lab's state can't be restored: %s", fail_text());
	state_drop(lab->lab_key);
	reset_levels(lab);
	ret = level_connect(&lab->l1, lab->uri);
	return ret ? ret : boot_both(lab, false);
}

static const struct lab_backend libvirt = {
	.name = "libvirt",
	.prepare = libvirt_prepare,
	.up = libvirt_up,
	.keeps = true,
};

int lab_up(struct lab *lab, const char *run_dir, bool fresh)
{
	str_set(&lab->run_dir, run_dir);
	return lab->backend->up(lab, fresh);
}

bool lab_has_l2(const struct lab *lab)
{
	return level_exists(&lab->l2);
}

int lab_up_again(struct lab *lab)
{
	_cleanup_free_ char *run_dir = xstrdup(lab->run_dir);

	reset_levels(lab);
	return lab_up(lab, run_dir, false);
}

int lab_join(struct lab *lab, bool with_l2)
{
	int ret;

	if (!lab->was_kept)
		return fail(OUT_USAGE, "no lab is running; start one with `make lab-up`");
	lab->uri = daemon_uri();
	ret = level_connect(&lab->l1, lab->uri);
	if (!ret)
		ret = level_attach(&lab->l1, L1_DOMAIN, NULL);
	if (!ret && with_l2)
		ret = bringup_join_l2(lab);
	return ret;
}

void lab_levels_down(struct lab *lab)
{
	loop_unguard();
	/* L1's end first: a libvirt inside a dead L1 would not answer to a polite goodbye. */
	lab->l2.stop_expected = true;
	level_power_off(&lab->l1);
	level_detach(&lab->l2);
	level_detach(&lab->l1);
}

static void free_parts(struct lab *lab)
{
	settings_free(&lab->set);
	lane_free(&lab->lane);
	plugin_close(&lab->plugin);
	kernel_conf_free(&lab->kernel);
	kernel_build_free(&lab->host);
	kernel_build_free(&lab->guest);
	image_free(&lab->golden);
	image_free(&lab->initramfs);
	free(lab->uri);
	free(lab->owner);
	free(lab->blind);
	free_boot(&lab->boot);
	free(lab->run_dir);
	free(lab->emulator);
	free(lab->capabilities);
	free(lab->l2_initramfs);
}

void lab_close_variant(struct lab *variant)
{
	lab_levels_down(variant);
	free_parts(variant);
	*variant = (struct lab){ .lock_fd = -1 };
}

static void remove_leftovers(void)
{
	static const char *const names[] = { "l1.qcow2", "l1.iso", "l1-disk", "l2-initramfs", "l1.counters", "provision.qcow2",
					     "kept" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = strf("%s/%s", path_run(), names[i]);

		unlink(path);
	}
}

void lab_close(struct lab *lab, bool keep)
{
	_cleanup_free_ char *kept = kept_path();
	bool ours = lab->lock_fd >= 0 && lab->use == LAB_EXCLUSIVE;

	if (keep && ours)
		(void)file_write(kept, lab->lab_key, strlen(lab->lab_key), 0600);
	if (keep || lab->use == LAB_SHARED) {
		loop_unguard();
		level_detach(&lab->l2);
		level_detach(&lab->l1);
	} else if (ours) {
		lab_levels_down(lab);
		if (daemon_is_private())
			daemon_sweep();
		remove_leftovers();
	}
	free_parts(lab);
	release_lock(lab);
	*lab = (struct lab){ .lock_fd = -1 };
}

int lab_sweep(unsigned int *n)
{
	struct lab lab = { .lock_fd = -1 };
	int ret = take_lock(&lab, "lab-down", LAB_EXCLUSIVE);

	if (ret)
		return ret;
	*n = daemon_is_private() ? daemon_sweep() : 0;
	remove_leftovers();
	release_lock(&lab);
	return 0;
}

char *lab_uri(unsigned int level)
{
	_cleanup_free_ char *kept = kept_path();

	if (!path_exists(kept)) {
		fail(OUT_USAGE, "no lab is running; start one with `make lab-up`");
		return NULL;
	}
	return level == 1 ? daemon_uri() : bringup_libvirt_uri(true);
}
