// SPDX-License-Identifier: GPL-2.0-only
#include "lab/lab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "kernel/store.h"
#include "lab/bringup.h"
#include "lab/closed.h"
#include "lab/golden.h"
#include "lab/keeper.h"
#include "lab/logs.h"
#include "lab/state.h"
#include "machine/libvirt/daemon.h"
#include "machine/loop.h"

extern const struct lab_backend *const __start_nestlab_backends[];
extern const struct lab_backend *const __stop_nestlab_backends[];

static const struct lab_backend *find_backend(const char *name)
{
	for (const struct lab_backend *const *b = __start_nestlab_backends;
	     b < __stop_nestlab_backends; b++)
		if (!strcmp((*b)->name, name))
			return *b;
	return NULL;
}

static const char *backend_name(const struct lane *lane)
{
	return lane->machine ? lane->machine : LAB_BACKEND_DEFAULT;
}

bool lab_needs_keeper(const struct plan *plan)
{
	const struct lab_backend *b = find_backend(backend_name(&plan->lane));

	return b && b->stay;
}

static int choose_backend(struct lab *lab)
{
	const struct lane *lane = &lab->plan->lane;
	const char *name = backend_name(lane);

	lab->backend = find_backend(name);
	return lab->backend ? 0
			    : fail(OUT_USAGE, "config/lanes/%s.conf: machine = %s is not known", lane->name, name);
}

static int check_seed(const struct lab *lab)
{
	const struct plan *p = lab->plan;
	/* 1 is what all have who name none; a plan that was saved names all. */
	bool seeds = p->knobs.seeds > 1 && knobs_source(&p->knobs, "SEEDS") == KNOB_FROM_COMMAND;

	if ((!p->knobs.seed && !seeds) || lab->backend->schedules)
		return 0;
	return fail(OUT_USAGE, "SEED%s=%u is of no use in lane %s, where L1's CPUs take no turns: LANE=bochs-vmx", seeds ? "S" : "",
		    seeds ? p->knobs.seeds : p->knobs.seed, p->lane.name);
}

static void init_levels(struct lab *lab, uint32_t slowdown)
{
	for (unsigned int i = 0; i < LAB_LEVELS; i++)
		level_init(&lab->levels[i], i + 1, i ? &lab->levels[i - 1] : NULL, slowdown);
}

/*
 * The domains' names are the same in all places, so somebody else's libvirt has room for one lab.
 */
static int check_libvirt(const struct place *p)
{
	if (daemon_is_private() || !strcmp(p->name, PATH_FIRST_PLACE))
		return 0;
	return fail(OUT_BUSY, "LIBVIRT_DEFAULT_URI's libvirt carries one lab at a time, in place " PATH_FIRST_PLACE "; this is place %s", p->name);
}

static void remove_leftovers(void);

static void sweep_here(void *ctx)
{
	unsigned int n = daemon_sweep();

	*(unsigned int *)ctx += n;
	if (n)
		remove_leftovers();
}

/*
 * Nothing may be running now in our place, nor in one that nobody has: what is was left by a killed
 * run.
 */
static void sweep_dead(const struct lab *lab)
{
	unsigned int n = 0;

	if (!daemon_is_private())
		return;
	sweep_here(&n);
	place_each_dead(&lab->place, sweep_here, &n);
	if (n)
		ui_note("ended what an earlier run had left behind");
}

int lab_open(struct lab *lab, const struct plan *plan, const char *who)
{
	int ret;

	*lab = (struct lab){ .plan = plan, .place.lock = -1 };
	loop_init();
	ret = choose_backend(lab);
	if (!ret)
		ret = check_seed(lab);
	if (!ret)
		ret = place_take(plan->knobs.place, who, &lab->place);
	if (!ret)
		ret = check_libvirt(&lab->place);
	if (ret) {
		place_release(&lab->place);
		return ret;
	}
	sweep_dead(lab);
	init_levels(lab, plan->lane.slowdown);
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
	const struct lane *lane = &lab->plan->lane;
	int ret = daemon_start(lane_emulates(lane), lane->slowdown, &lab->uri);

	if (!ret && !daemon_is_private())
		ret = find_owner(lab);
	return ret ? ret : golden_prepare(lab);
}

int lab_prepare(struct lab *lab)
{
	int ret = kernel_build(&lab->plan->kernel, KERNEL_HOST, &lab->host);

	if (!ret && !lab->without_l2)
		ret = kernel_build(&lab->plan->kernel, KERNEL_GUEST, &lab->guest);
	if (!ret)
		ret = image_initramfs(&lab->initramfs);
	return ret ? ret : lab->backend->prepare(lab);
}

int lab_key_of(const struct lab *lab, const struct plan *other, char key[HASH_HEX_LEN + 1])
{
	struct lab named = *lab; /* of which all but these is the same */
	int ret;

	named.plan = other;
	named.host = named.guest = (struct kernel_build){ 0 };
	ret = kernel_build(&other->kernel, KERNEL_HOST, &named.host);
	if (!ret && !named.without_l2)
		ret = kernel_build(&other->kernel, KERNEL_GUEST, &named.guest);
	if (!ret)
		ret = lab->backend->name_states(&named);
	memcpy(key, named.lab_key, sizeof(named.lab_key));
	kernel_build_free(&named.host);
	kernel_build_free(&named.guest);
	return ret;
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
	init_levels(lab, lab->plan->lane.slowdown);
}

bool lab_lost_silently(const struct lab *lab, int ret)
{
	for (size_t i = 0; i < LAB_LEVELS; i++)
		if (lab->levels[i].console.crash)
			return false;
	return (ret == -OUT_CRASH || ret == -OUT_BROKEN) && !proc_interrupted();
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
	end = level_look_for_end(&lab->levels[L2]);
	return end ? end : fail(OUT_BROKEN, "%s", first);
}

int lab_check_parts(const struct lab *lab)
{
	int ret = store_check(&lab->host);

	if (!ret)
		ret = store_check(&lab->guest);
	if (!ret)
		ret = state_check(lab->l1_key);
	return ret ? ret : state_check(lab->lab_key);
}

bool lab_has_l2(const struct lab *lab)
{
	return level_exists(&lab->levels[L2]);
}

int lab_up_again(struct lab *lab)
{
	_cleanup_free_ char *run_dir = xstrdup(lab->run_dir);
	int ret;

	lab_reset_levels(lab);
	logs_put_aside(run_dir);
	ret = lab_up(lab, run_dir, false);
	for (size_t i = 0; i < LAB_LEVELS; i++)
		logs_join(run_dir, &lab->levels[i]);
	return ret;
}

/* ---- a kept lab: its place's note says what it is ---- */

static char *make_note(const struct lab *lab)
{
	_cleanup_free_ char *subject = plan_subject(lab->plan);

	return strf("%s %s %u %s\n", lab->backend->name, lab->plan->shape, lab->plan->lane.slowdown,
		    subject);
}

struct note {
	char *backend, *shape, *subject;
	uint32_t slowdown;
};

static bool read_note(struct note *n)
{
	_cleanup_free_ char *text = place_note();
	char *rest = text, *backend = strsep(&rest, " "), *shape = strsep(&rest, " ");

	*n = (struct note){ 0 };
	if (!rest)
		return false;
	n->slowdown = (uint32_t)strtoul(rest, &rest, 10);
	n->backend = xstrdup(backend);
	n->shape = xstrdup(shape);
	n->subject = xstrdup(str_strip(rest));
	return n->slowdown != 0;
}

static void free_note(struct note *n)
{
	free(n->backend);
	free(n->shape);
	free(n->subject);
}

/* The lab is another's, and lives on: what leads into it is closed on our side alone. */
static void hang_up(void *ctx)
{
	struct lab *lab = ctx;

	for (size_t i = 0; i < LAB_LEVELS; i++)
		level_hang_up(&lab->levels[i]);
}

int lab_join(struct lab *lab, const char *place, bool with_l2)
{
	struct note n = { 0 };
	int ret;

	*lab = (struct lab){ .place.lock = -1 };
	loop_init();
	ret = place_join(place, &lab->place);
	if (!ret)
		lab->backend = read_note(&n) ? find_backend(n.backend) : NULL;
	if (!ret && !lab->backend)
		ret = fail(OUT_BROKEN, "place %s has a lab that another nestlab left; `nestlab lab-down` ends it", lab->place.name);
	init_levels(lab, n.slowdown ? n.slowdown : 1);
	free_note(&n);
	loop_guard(level_ms(&lab->levels[L1], LAB_GUARD_S), hang_up, lab);
	if (!ret)
		ret = lab->backend->join(lab);
	if (!ret && with_l2)
		ret = bringup_join_l2(lab);
	return ret;
}

bool lab_is_up(const struct plan *plan, char **subject)
{
	struct place p = { .lock = -1 };
	struct note n = { 0 };
	bool same = !place_join(plan->knobs.place, &p) && read_note(&n) &&
		    !strcmp(n.shape, plan->shape);

	*subject = n.subject;
	n.subject = NULL;
	free_note(&n);
	place_release(&p);
	fail_clear();
	return same;
}

void lab_end_l2(struct lab *lab)
{
	struct level *l2 = &lab->levels[L2];

	if (!level_exists(l2))
		return;
	l2->stop_expected = true;
	level_destroy(l2);
	level_init(l2, L2 + 1, &lab->levels[L1], lab->plan->lane.slowdown);
}

void lab_levels_down(struct lab *lab)
{
	loop_unguard();
	/* L1's end first: a libvirt inside a dead L1 would not answer to a polite goodbye. */
	lab->levels[L2].stop_expected = true;
	level_power_off(&lab->levels[L1]);
	for (size_t i = LAB_LEVELS; i--;)
		level_detach(&lab->levels[i]);
}

static void free_parts(struct lab *lab)
{
	if (lab->own_plan)
		plan_free(lab->own_plan);
	free(lab->own_plan);
	plugin_close(&lab->plugin);
	kernel_build_free(&lab->host);
	kernel_build_free(&lab->guest);
	image_free(&lab->golden);
	image_free(&lab->initramfs);
	free(lab->uri);
	free(lab->owner);
	free_boot(&lab->boot);
	free(lab->run_dir);
	free(lab->emulator);
	free(lab->record);
	free(lab->capabilities);
	free(lab->l2_initramfs);
}

void lab_close_scripted(struct lab *scripted)
{
	lab_levels_down(scripted);
	free_parts(scripted);
	*scripted = (struct lab){ .place.lock = -1 };
}

static char *kept_plan(void)
{
	return strf("%s/plan", path_run());
}

/* Bochs's locks, of a disk whose changes are forgotten; folders of closed runs. */
static void remove_others(void)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(path_run(), NULL, &names))
		return;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", path_run(), names.v[i]);

		if (str_ends(names.v[i], ".lock"))
			unlink(path);
		else if (str_starts(names.v[i], LAB_CLOSED))
			rm_rf(path);
	}
}

static void remove_leftovers(void)
{
	static const char *const names[] = { "l1.qcow2", "l1.iso", "l1-disk", "l1-suite", "l2-initramfs", "save", "l1.counters", "provision.qcow2", "gdb" };
	_cleanup_free_ char *plan = kept_plan();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = strf("%s/%s", path_run(), names[i]);

		unlink(path);
	}
	(void)rm_rf(plan);
	remove_others();
}

int lab_kept_plan(struct plan *plan)
{
	_cleanup_free_ char *dir = kept_plan();

	return plan_load(dir, plan);
}

static void keep_place(const struct lab *lab)
{
	_cleanup_free_ char *note = make_note(lab), *dir = kept_plan();
	int ret = mkdir_p(dir) ? fail(OUT_BROKEN, "can't make the folder %s: %m", dir) : 0;

	if (!ret)
		ret = plan_save(lab->plan, dir);
	if (!ret)
		ret = place_keep(note);
	if (ret)
		ui_note("%s", fail_text());
}

/* Others may come as soon as the place is given back. */
void lab_stay(struct lab *lab, struct keeper *k)
{
	keep_place(lab);
	level_detach(&lab->levels[L2]);
	lab->backend->stay(lab);
	place_release(&lab->place);
	keeper_ready(k);
	while (!level_step(&lab->levels[L1], KEEPER_STEP_MS))
		;
	loop_unguard();
	level_destroy(&lab->levels[L1]);
}

void lab_close(struct lab *lab, bool keep)
{
	bool ours = lab->place.lock >= 0 && !lab->place.shared;

	if (keep && ours)
		keep_place(lab);
	if (keep || lab->place.shared) {
		loop_unguard();
		level_detach(&lab->levels[L2]);
		level_detach(&lab->levels[L1]);
	} else if (ours) { /* else it never began */
		lab_levels_down(lab);
		if (daemon_is_private())
			daemon_sweep();
		remove_leftovers();
	}
	free_parts(lab);
	place_release(&lab->place);
	*lab = (struct lab){ .place.lock = -1 };
}

static int sweep_place(const char *name, unsigned int *n)
{
	struct place p;
	int ret = place_clear(name, &p);

	if (!ret) {
		*n += daemon_is_private() ? daemon_sweep() : 0;
		remove_leftovers();
		place_unkeep();
	}
	place_release(&p);
	return ret;
}

int lab_sweep(const char *place, unsigned int *n)
{
	_cleanup_strv_ struct strv names = { 0 };
	int ret = 0;

	*n = 0;
	if (strcmp(place, PLACE_AUTO) != 0)
		strv_add(&names, place);
	else
		ret = place_list(&names);
	for (size_t i = 0; !ret && i < names.n; i++)
		ret = sweep_place(names.v[i], n);
	return ret;
}

char *lab_uri(const char *place, unsigned int level)
{
	struct note n = { 0 };
	struct place p;
	char *uri = NULL;

	if (!place_join(place, &p) && read_note(&n)) {
		if (level == 2)
			uri = bringup_libvirt_uri(true);
		else if (!strcmp(n.backend, LAB_BACKEND_DEFAULT))
			uri = daemon_uri();
		else
			fail(OUT_USAGE, "no libvirt carries L1 of the lab that is running: it is a process of %s", n.backend);
	}
	free_note(&n);
	place_release(&p);
	return uri;
}
