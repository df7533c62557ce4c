// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab in Bochs: booted anew for each run from a medium that holds L1's kernel, the initramfs,
 * the KVM modules and what L2 is made of. For tests of L1 alone that is all; to carry an L2, L1
 * changes to the same disk as in other lanes, with the same libvirt and QEMU on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "image/medium.h"
#include "lab/bochs_lab.h"
#include "lab/bringup.h"
#include "lab/capabilities.h"
#include "lab/golden.h"
#include "lab/lab.h"
#include "lab/state.h"
#include "machine/bochs/bochs.h"
#include "machine/bochs/bochs_program.h"
#include "machine/loop.h"
#include "replay/record.h"

#define MEDIUM "l1.iso"
#define DISK RECORD_DISK /* a link: Bochs can't read every path */
#define SUITE_DISK "l1-suite" /* the same */
#define MODULES "l1-modules" /* in a state's folder */
#define PORT 7548 /* in a namespace of its own: never taken */

static const struct cache_kind media = {
	.folder = "media", .suffix = ".iso", .what = "L1's boot media", .keep_entries = 40,
};
CACHE_KIND(media);

/* L1 changes to its Debian root for what needs it: libvirt and QEMU, which carry L2 or a suite. */
static bool has_root(const struct lab *lab)
{
	return !lab->without_l2 || (lab->suite.disk && lab->suite.wants_root);
}

/*
 * Two ticks less to take care of and a known TSC, as for other emulators. A reset would boot again:
 * stay there after a panic, we end it. On the console (87 us a character, all of them waited for)
 * only what is wrong. There is nothing to mitigate in a CPU that speculates on nothing.
 * idle=nomwait: Bochs drops TLB entries and traces of all CPUs at each MONITOR. Of the initcalls,
 * trace_eval_init puts names for numbers into the formats of built-in events, which nobody here
 * reads (5 s of CPU time), and ftrace_check_for_weak_functions looks up each built-in function's
 * name, for function filters, while the boot waits to stop that CPU (0.5 s).
 */
static char *make_cmdline(const struct lab *lab)
{
	_cleanup_free_ char *device = image_root_device(&lab->golden, "sda");
	_cleanup_free_ char *root = has_root(lab) ? strf(" nestlab.root=%s", device) : xstrdup("");

	return strf("console=ttyS0,115200 loglevel=5 panic=0 oops=panic softlockup_panic=1 mitigations=off idle=nomwait tsc=reliable "
		    "tsc_early_khz=%u " L1_EMULATED_OPTIONS
		    " initcall_blacklist=trace_eval_init,ftrace_check_for_weak_functions nestlab.level=L1 nestlab.port=/dev/ttyS1%s",
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

/* The kernel unpacks one archive over the other. */
static int make_l2_initramfs(struct lab *lab, const struct strv *programs)
{
	_cleanup_free_ char *path = strf("%s/l2-initramfs", path_run());
	_cleanup_buf_ struct buf both = { 0 };
	int ret = image_files(path, MEDIUM_DIR, programs);

	if (!ret && (file_read(lab->initramfs.path, &both) || file_read(path, &both) ||
		     file_write(path, both.data, both.len, 0644)))
		ret = fail(OUT_BROKEN, "can't put L2's initramfs together in %s", path);
	if (!ret)
		str_set(&lab->l2_initramfs, path);
	return ret;
}

static int add_l2_parts(struct lab *lab, struct strv *files)
{
	int ret = make_l2_initramfs(lab, files);

	if (ret)
		return ret;
	strv_add(files, lab->guest.bzimage);
	strv_add(files, lab->l2_initramfs);
	if (lab->capabilities)
		strv_add(files, lab->capabilities);
	return 0;
}

static int list_files(struct lab *lab, struct strv *files)
{
	int ret = add_programs(files);

	if (!ret && !lab->without_l2)
		ret = add_l2_parts(lab, files);
	for (size_t i = 0; i < lab->host.modules.n; i++)
		strv_add(files, lab->host.modules.v[i]);
	if (lab->monitor)
		strv_add(files, lab->monitor);
	return ret;
}

static int press(void *ctx, const char *path)
{
	return medium_make(ctx, path);
}

/* In the cache: a record names it. *path is the caller's, and pinned. */
static int make_medium(struct lab *lab, char **path)
{
	_cleanup_free_ char *cmdline = make_cmdline(lab), *key = NULL;
	_cleanup_strv_ struct strv files = { 0 };
	struct medium m = { .kernel = lab->host.bzimage,
			    .initramfs = lab->initramfs.path,
			    .cmdline = cmdline,
			    .files = &files };
	struct cache_entry *e;
	int ret = list_files(lab, &files);

	if (!ret)
		ret = medium_key(&m, &key);
	if (!ret)
		ret = cache_get(&media, key, press, &m, &e);
	if (ret)
		return ret;
	*path = xstrdup(cache_path(e));
	cache_hold(e);
	return 0;
}

/*
 * The cache notes a use in the file's time, and Bochs restores no state when the time of a disk is
 * not the one that it was saved with ("unexpected modification time of the r/o disk").
 */
static void keep_time(const char *disk)
{
	const struct timespec same[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000 } };

	utimensat(AT_FDCWD, disk, same, 0);
}

static int link_to(const char *disk, const char *name)
{
	_cleanup_free_ char *link = strf("%s/%s", path_run(), name);

	unlink(link);
	return symlink(disk, link) ? fail(OUT_BROKEN, "can't make the link %s: %s", link, strerror(errno)) : 0;
}

static int link_disk(const struct lab *lab, char **disk)
{
	int ret = golden_raw(lab, BOCHS_CYLINDER, disk);

	if (ret)
		return ret;
	keep_time(*disk);
	return link_to(*disk, DISK);
}

static int add_disks(const struct lab *lab, struct bochs_spec *spec, char **disk)
{
	int ret = has_root(lab) ? link_disk(lab, disk) : 0;

	spec->disk = has_root(lab) ? DISK : NULL;
	if (!ret && lab->suite.disk)
		ret = link_to(lab->suite.disk, SUITE_DISK);
	spec->second = lab->suite.disk ? SUITE_DISK : NULL;
	return ret;
}

/* ---- power-on ---- */

/* Debian's Bochs can't, and what it takes from outside would not be known. */
static int begin_record(const struct lab *lab, const struct bochs_spec *spec,
			const struct record_from *from, char **record)
{
	return spec->debian ? 0 : record_begin(lab->run_dir, spec, from, record);
}

static char *door_path(void)
{
	return strf("%s/l1-agent", path_run());
}

static int start(struct lab *lab, const struct bochs_spec *spec, const char *record)
{
	_cleanup_free_ char *log = strf("%s/l1-bochs.log", lab->run_dir), *local = bringup_libvirt_path(false);
	_cleanup_free_ char *console = strf("%s/l1-console.log", lab->run_dir), *door = door_path();
	struct bochs_wires wires = { .log = log, .console_log = console, .record = record };

	if (!lab->without_l2) {
		wires.local = local;
		wires.remote = L1_LIBVIRT;
		wires.door = door;
	}
	return bochs_start(&lab->levels[L1], spec, &wires);
}

/*
 * For a debugger on a replay. One exec: each byte over the line takes 87 us. What L1 does not tell
 * (a base without names for its sections) is missing there alone.
 */
static void note_modules(struct lab *lab)
{
	static const char script[] = "cd /sys/module && exec grep ^0x */sections/.text* */sections/.noinstr* */sections/.data* */sections/.rodata* */sections/.bss*";
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };
	_cleanup_free_ char *path = lab->record ? record_modules(lab->record) : NULL;
	struct level *l1 = &lab->levels[L1];
	_cleanup_buf_ struct buf out = { 0 };
	struct channel_status st = { 0 };

	if (!path)
		return;
	if (channel_run(l1->channel, argv, &out, NULL, &st, level_ms(l1, 10)) ||
	    file_write(path, buf_str(&out), out.len, 0644))
		fail_clear();
}

static int copy_modules(const char *from, const char *to)
{
	int err = path_exists(from) ? file_copy(from, to, 0644) : 0;

	return err ? fail(OUT_BROKEN, "can't copy %s to %s: %s", from, to, strerror(-err)) : 0;
}

int bochs_lab_parts(struct lab *lab, const char *state, struct bochs_parts *p)
{
	int ret;

	*p = (struct bochs_parts){ .spec = { .program = lab->emulator,
					     .state = state,
					     .debian = bochs_is_debians(lab->emulator),
					     .cpu = lab->plan->lane.cpu_mode,
					     .cpus = lab->plan->l1_cpus,
					     .memory_mib = lab->plan->l1_memory,
					     .medium = MEDIUM,
					     .console = BOCHS_CONSOLE,
					     .port = PORT },
				   .from = { .state = state, .second = lab->suite.disk } };
	ret = make_medium(lab, &p->medium);
	if (!ret)
		ret = link_to(p->medium, MEDIUM);
	if (!ret)
		ret = add_disks(lab, &p->spec, &p->disk);
	p->from.medium = p->medium;
	p->from.disk = p->disk;
	return ret;
}

void bochs_lab_free_parts(struct bochs_parts *p)
{
	free(p->medium);
	free(p->disk);
}

/* state: NULL for power-on, or what bochs_save() left. */
static int power_on(struct lab *lab, const char *state)
{
	_cleanup_free_ char *record = NULL;
	struct bochs_parts p;
	int ret = bochs_lab_parts(lab, state, &p);

	if (!ret)
		ret = begin_record(lab, &p.spec, &p.from, &record);
	str_set(&lab->record, record);
	if (!ret)
		ret = start(lab, &p.spec, record);
	bochs_lab_free_parts(&p);
	return ret;
}

int bochs_lab_boot_l1(struct lab *lab)
{
	int ret;

	ui_stage_begin("L1");
	ret = power_on(lab, NULL);
	if (!ret)
		ret = bringup_open_channel(&lab->levels[L1], 20);
	if (ret)
		return ret;
	ui_stage_end("booted, kernel %s", lab->host.release);
	lab->levels[L1].medium = MEDIUM_DIR;
	ret = bringup_kvm(lab);
	if (ret)
		return ret;
	note_modules(lab);
	return bringup_suite(lab, has_root(lab) ? "/dev/sdb" : "/dev/sda");
}

static int start_libvirtd(struct lab *lab)
{
	int ret;

	ui_stage_begin("L1's libvirt");
	ret = bringup_libvirtd(lab);
	if (!ret)
		ui_stage_end("started");
	return ret;
}

static int boot(struct lab *lab)
{
	int ret = bochs_lab_boot_l1(lab);

	return ret || lab->without_l2 ? ret : start_libvirtd(lab);
}

/* ---- states: of both levels, with a Bochs that can be asked for one ---- */

static int hash_files(struct hash *h, const struct strv *files)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < files->n; i++) {
		const char *slash = strrchr(files->v[i], '/');

		ret = hash_add_file(h, slash ? slash + 1 : files->v[i], files->v[i]);
	}
	return ret;
}

/* L1 has all that its medium brought in memory. */
int bochs_lab_hash(struct hash *h, const struct lab *lab)
{
	_cleanup_free_ char *cmdline = make_cmdline(lab);
	_cleanup_strv_ struct strv files = { 0 };
	int ret = add_programs(&files);

	if (lab->monitor)
		strv_add(&files, lab->monitor);
	strv_add(&files, lab->emulator);
	strv_add(&files, BOCHS_BIOS);
	strv_add(&files, BOCHS_VGABIOS);
	if (!ret)
		ret = hash_files(h, &files);
	hash_add_str(h, "command line", cmdline);
	hash_add_str(h, "image", lab->golden.key);
	hash_add_str(h, "cpu", lab->plan->lane.cpu_mode);
	hash_add_number(h, "cpus", lab->plan->l1_cpus);
	hash_add_number(h, "memory", lab->plan->l1_memory);
	return ret;
}

static int name_states(struct lab *lab)
{
	struct hash *h = hash_new("bochs-state-1");
	int ret = bochs_lab_hash(h, lab);

	if (!ret)
		ret = state_hash_l2(h, lab);
	hash_hex(h, lab->lab_key);
	return ret;
}

int bochs_lab_save(struct lab *lab, const char *dir)
{
	_cleanup_free_ char *from = record_modules(lab->record), *to = strf("%s/" MODULES, dir);
	int ret = bochs_save(&lab->levels[L1], dir);

	return ret ? ret : copy_modules(from, to);
}

int bochs_lab_tell_modules(const char *state, const char *record)
{
	_cleanup_free_ char *from = strf("%s/" MODULES, state), *to = record_modules(record);

	return copy_modules(from, to);
}

static int restore(struct lab *lab, const char *dir)
{
	int ret = power_on(lab, dir);

	lab->levels[L1].medium = MEDIUM_DIR;
	return ret ? ret : bochs_lab_tell_modules(dir, lab->record);
}

/* ---- left running ---- */

static void stay(struct lab *lab)
{
	bochs_leave_channel(&lab->levels[L1]);
}

static int join(struct lab *lab)
{
	_cleanup_free_ char *door = door_path();

	bochs_join(&lab->levels[L1], path_run(), door);
	return 0;
}

/* ---- the backend ---- */

static bool has_states(const struct lab *lab)
{
	return !lab->without_l2 && !bochs_is_debians(lab->emulator);
}

static int prepare_l2(struct lab *lab)
{
	int ret = lab_prepare_image(lab);

	if (!ret)
		ret = name_states(lab);
	if (ret || (has_states(lab) && state_exists(lab->lab_key)))
		return ret;
	return capabilities_prepare(lab, boot);
}

static int check_seed(const struct lab *lab)
{
	const struct knobs *k = &lab->plan->knobs;

	if (!k->seed || !bochs_is_debians(lab->emulator))
		return 0;
	return fail(OUT_USAGE, "SEED=%u wants the lab's own Bochs: `make bochs` builds it", k->seed);
}

/*
 * With one core Bochs's CPUs contradict themselves (a package of eight siblings), and the kernel
 * warns of it.
 */
static int prepare(struct lab *lab)
{
	int ret;

	if (lab->plan->l1_cpus < 2)
		return fail(OUT_USAGE, "LANE=%s wants L1_CPUS of at least 2", lab->plan->lane.name);
	free(lab->emulator);
	lab->emulator = xstrdup(lab->plan->lane.emulator ? lab->plan->lane.emulator : BOCHS_DEBIAN);
	ret = check_seed(lab);
	if (ret || !lab->without_l2)
		return ret ? ret : prepare_l2(lab);
	return has_root(lab) ? lab_prepare_image(lab) : 0;
}

static void cut_l1(void *ctx)
{
	level_cut(&((struct lab *)ctx)->levels[L1]);
}

static void guard(struct lab *lab)
{
	loop_guard(level_ms(&lab->levels[L1], LAB_GUARD_S), cut_l1, lab);
}

/* Bochs does not notice a full disk: half a state would be restored, and L1 found dead. */
bool bochs_lab_has_room(const struct lab *lab)
{
	struct statvfs v;

	if (!statvfs(path_cache(), &v) &&
	    (uint64_t)v.f_bavail * v.f_frsize >> 20 > lab->plan->l1_memory)
		return true;
	ui_debug("the lab's state is not saved: less than %u MiB are free in %s", lab->plan->l1_memory, path_cache());
	return false;
}

static int boot_both(struct lab *lab)
{
	int ret = boot(lab);

	if (ret || lab->without_l2)
		return ret;
	guard(lab);
	ret = bringup_l2(lab);
	return ret || !has_states(lab) || !bochs_lab_has_room(lab) ? ret : bringup_save(lab);
}

static int up(struct lab *lab, bool fresh)
{
	int ret;

	if (fresh || !has_states(lab) || !state_exists(lab->lab_key))
		return boot_both(lab);
	guard(lab);
	ret = bringup_restore(lab);
	return ret <= 0 ? ret : boot_both(lab);
}

static const struct lab_backend lab_bochs = { .name = "bochs",
				       .schedules = &bochs_schedules,
				       .prepare = prepare,
				       .name_states = name_states,
				       .up = up,
				       .save = bochs_lab_save,
				       .restore = restore,
				       .stay = stay,
				       .join = join };
LAB_BACKEND(lab_bochs);
