// SPDX-License-Identifier: GPL-2.0-only
#include "lab/capabilities.h"

#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "lab/golden.h"
#include "machine/loop.h"

#define L1_QEMU_CACHE "/var/cache/libvirt/qemu"
#define KEY_DIGITS 16

static const struct cache_kind answers = {
	.folder = "capabilities", .suffix = ".tar.gz", .what = "what L1's QEMU can", .keep_entries = 50,
};
CACHE_KIND(answers);

/* ---- which ---- */

/* The CPU that L1 sees is the emulator's and the lane's choice, with hardware the machine's. */
static void make_key(const struct lab *lab, char *hex)
{
	struct hash *h = hash_new("capabilities-2");

	hash_add_str(h, "image", lab->golden.key);
	hash_add_str(h, "lane", lab->plan->lane.name);
	hash_add_str(h, "cpu", lab->plan->lane.cpu_mode);
	hash_add_str(h, "kernel", lab->plan->knobs.provision_kernel);
	lab_hash_machine(h);
	if (hash_add_file(h, "emulator", lab->emulator))
		fail_clear(); /* it will be missed soon */
	hash_hex(h, hex);
}

/* libvirt compares kernels by name and version, and of one base they are the same. */
static bool would_fit(const struct lab *lab)
{
	struct kernel_conf own = { 0 };
	const char *package = lab->plan->kernel.source.package;
	bool same = !kernel_conf_load(lab->plan->knobs.provision_kernel, &own) && package &&
		    own.source.package && !strcmp(package, own.source.package);

	kernel_conf_free(&own);
	return same;
}

/* ---- asking ---- */

static int ask(struct lab *lab, const char *path)
{
	static const char script[] = "virsh --connect qemu:///system domcapabilities --virttype kvm >/dev/null\n"
				     "exec tar -C " L1_QEMU_CACHE " -cz capabilities\n";
	char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)script, NULL };
	_cleanup_buf_ struct buf out = { 0 }, err = { 0 };
	struct channel_status st = { 0 };
	struct level *l1 = &lab->levels[L1];
	int ret = channel_run(l1->channel, argv, &out, &err, &st, level_ms(l1, 20));

	if (ret)
		return ret;
	if (st.exit_code)
		return fail(OUT_BROKEN, "L1's libvirt does not tell: %s", buf_str(&err));
	return file_write(path, out.data, out.len, 0644) ? fail(OUT_BROKEN, "can't write %s", path) : 0;
}

static int boot_and_ask(struct lab *lab, const char *path, int (*boot)(struct lab *lab))
{
	_cleanup_free_ char *logs = strf("%s/asking", path_run());
	char *run_dir = lab->run_dir;
	int ret;

	rm_rf(logs); /* of an earlier boot: consoles are appended to, and go into states */
	if (mkdir_p(logs))
		return fail(OUT_BROKEN, "can't make %s", logs);
	lab->run_dir = logs;
	ret = boot(lab);
	lab->run_dir = run_dir;
	if (!ret) {
		ui_stage_begin("what QEMU can");
		ret = ask(lab, path);
	}
	if (!ret)
		ui_stage_end("asked, kept for all runs");
	else
		ui_stage_abort();
	loop_unguard();
	level_destroy(&lab->levels[L1]);
	level_init(&lab->levels[L1], 1, NULL, lab->plan->lane.slowdown);
	return ret;
}

struct asking {
	struct lab *lab;
	int (*boot)(struct lab *lab);
};

static int ask_with_own_kernel(void *ctx, const char *path)
{
	const struct asking *a = ctx;
	struct lab *lab = a->lab;
	struct kernel_build judged = lab->host, own = { 0 };
	int ret = golden_kernel(lab, &own);

	if (!ret) {
		lab->host = own;
		ret = boot_and_ask(lab, path, a->boot);
		lab->host = judged;
	}
	kernel_build_free(&own);
	return ret;
}

int capabilities_prepare(struct lab *lab, int (*boot)(struct lab *lab))
{
	struct asking a = { .lab = lab, .boot = boot };
	_cleanup_free_ char *name = NULL;
	char key[HASH_HEX_LEN + 1];
	struct cache_entry *e;
	int ret;

	if (!would_fit(lab))
		return 0;
	make_key(lab, key);
	name = xstrndup(key, KEY_DIGITS);
	ret = cache_get(&answers, name, ask_with_own_kernel, &a, &e);
	if (ret && !proc_interrupted()) {
		ui_note("asking once what QEMU in L1 can: %s; L2 will start later (L1's console: %s/asking)", fail_text(), path_run());
		fail_clear();
		return 0;
	}
	if (ret)
		return ret;
	str_set(&lab->capabilities, cache_path(e));
	cache_hold(e);
	return 0;
}

/* ---- telling ---- */

int capabilities_place(struct lab *lab)
{
	_cleanup_free_ char *where = NULL;
	int ret = 0;

	if (lab->capabilities)
		ret = level_place(&lab->levels[L1], lab->capabilities, "/run/nestlab-capabilities.tar.gz", 0600, &where);
	if (!ret && where) {
		/* A libvirtd that was started just now may not have made its folder yet. */
		static const char script[] = "mkdir -p " L1_QEMU_CACHE "; exec tar -C " L1_QEMU_CACHE " -xzf \"$1\"";
		char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)script, (char *)"sh", where, NULL };

		ret = level_command(&lab->levels[L1], "telling libvirtd what QEMU can", argv, 10);
	}
	return ret;
}
