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
#include "lab/daemon.h"
#include "lab/golden.h"
#include "lab/loop.h"
#include "lab/wish.h"

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
		return fail(OUT_BUSY, "this checkout's lab is in use by %s; wait for its end",
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

static int choose_backend(struct lab *lab)
{
	static const struct lab_backend *const all[] = { &lab_libvirt, &lab_bochs };
	const char *name = lab->lane.machine ? lab->lane.machine : lab_libvirt.name;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			lab->backend = all[i];
	return lab->backend ? 0
			    : fail(OUT_USAGE, "config/lanes/%s.conf: machine = %s is not known",
				   lab->lane.name, name);
}

static int choose_lane(struct lab *lab)
{
	struct vendor_side side;
	struct wish w;
	int ret = wish_find(&lab->set, &lab->kernel, &w);

	vendor_of_patches(wish_change(&lab->set, &lab->kernel), &side);
	if (!ret)
		ret = lane_choose(w.lane, w.by, &side, &lab->lane);
	if (!ret)
		lab->blind = lane_blind(&lab->lane, &side);
	if (lab->blind)
		ui_note("%s", lab->blind);
	else if (!ret && (w.by ? !strcmp(lab->set.lane, "auto") : side.vendor != VENDOR_ANY))
		ui_note("lane %s: %s", lab->lane.name, lab->lane.reason);
	free(side.file);
	wish_free(&w);
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

/* A state keeps the CPU and the TSC that it was saved with. */
void lab_hash_machine(struct hash *h)
{
	_cleanup_buf_ struct buf b = { 0 };
	const char *name =
		file_read("/proc/cpuinfo", &b) ? NULL : strstr(buf_str(&b), "model name");

	if (name)
		hash_add(h, "machine", name, strcspn(name, "\n"));
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
		ret = lane_choose(lab->lane.name, "the lab that it is a variant of", NULL, &variant->lane);
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
	return ret ? ret : variant->backend->name_states(variant);
}

static void free_boot(struct boot_record *b)
{
	free(b->samples);
	free(b->reasons);
	*b = (struct boot_record){ 0 };
}

void lab_reset_levels(struct lab *lab)
{
	lab_levels_down(lab);
	free_boot(&lab->boot);
	level_init(&lab->l1, 1, NULL, lab->lane.slowdown);
	level_init(&lab->l2, 2, &lab->l1, lab->lane.slowdown);
}

bool lab_lost_silently(const struct lab *lab, int ret)
{
	return (ret == -OUT_CRASH || ret == -OUT_BROKEN) && !proc_interrupted() &&
	       !lab->l1.console.crash && !lab->l2.console.crash;
}

int lab_up(struct lab *lab, const char *run_dir, bool fresh)
{
	_cleanup_free_ char *first = NULL;
	int ret, end;

	str_set(&lab->run_dir, run_dir);
	ret = lab->backend->up(lab, fresh);
	if (ret != -OUT_BROKEN || proc_interrupted())
		return ret;
	/* "Broken pipe" may be a level's end. */
	first = xstrdup(fail_text());
	end = level_look_for_end(&lab->l2);
	return end ? end : fail(OUT_BROKEN, "%s", first);
}

bool lab_has_l2(const struct lab *lab)
{
	return level_exists(&lab->l2);
}

int lab_up_again(struct lab *lab)
{
	_cleanup_free_ char *run_dir = xstrdup(lab->run_dir);

	lab_reset_levels(lab);
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

/* Bochs's, of a disk whose changes are forgotten. */
static void remove_locks(void)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(path_run(), ".lock", &names))
		return;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", path_run(), names.v[i]);

		unlink(path);
	}
}

static void remove_leftovers(void)
{
	static const char *const names[] = { "l1.qcow2", "l1.iso", "l1-disk", "l2-initramfs", "save", "l1.counters", "provision.qcow2",
					     "kept" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = strf("%s/%s", path_run(), names[i]);

		unlink(path);
	}
	remove_locks();
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
