// SPDX-License-Identifier: GPL-2.0-only
#include "lab/golden.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "lab/bringup.h"
#include "machine/libvirt/domxml.h"

/*
 * Some 450 MB each, and the plain copies as much again. wait_s: a kernel and a boot of cloud-init,
 * by another nestlab.
 */
static const struct cache_kind images = {
	.folder = "golden", .whole = "l1.qcow2", .what = "L1's images", .keep_entries = 4, .wait_s = 4600,
};
CACHE_KIND(images);
static const struct cache_kind plain = {
	.folder = "disks", .suffix = ".raw", .what = "L1's images for Bochs", .keep_entries = 4,
};
CACHE_KIND(plain);

#define KEY_DIGITS 16
#define PROVISION_UUID "6e657374-6c61-4b00-8001-000000000003"
/* What guest-image/user-data's last command says on the console. */
#define PROVISIONED "nestlab: provision"

/* What goes in, and where things lie while the image is made. */
struct provisioning {
	struct lab *lab;
	struct image root, seed;
	struct kernel_build kernel;
	char *overlay; /* what the boot writes to */
	char *log;
};

static void golden_key(const struct provisioning *p, char *hex)
{
	struct hash *h = hash_new("golden-1");

	hash_add_str(h, "root", p->root.key);
	hash_add_str(h, "seed", p->seed.key);
	hash_hex(h, hex);
}

static int domain_xml(const struct provisioning *p, char **xml)
{
	_cleanup_free_ char *cmdline = bringup_l1_cmdline(p->lab, &p->root);
	const struct lab *lab = p->lab;
	bool by_libvirt = lab->plan->lane.virt_type; /* what else runs L1 can't run this */
	struct domain_spec s = {
		.options = "l1-provision",
		.name = "nestlab-provision",
		.uuid = PROVISION_UUID,
		.virt_type = by_libvirt ? lab->plan->lane.virt_type : "qemu",
		.cpu_mode = by_libvirt ? lab->plan->lane.cpu_mode : "maximum",
		.cpus = 2,
		.memory_mib = lab->plan->l1_memory,
		.kernel = p->kernel.bzimage,
		.cmdline = cmdline,
		.disks = { { p->overlay, "qcow2", false }, { p->seed.path, "raw", false } },
		.n_disks = 2,
		.owner = lab->owner,
	};

	return domxml_make(&s, lab->uri, xml);
}

/* The lab's own kernel: a crash here is never a submitter's fault. */
static int as_broken(int ret)
{
	return ret == -OUT_CRASH ? fail(OUT_BROKEN, "provisioning L1: %s", fail_text()) : ret;
}

static int boot_until_off(struct provisioning *p, const char *xml)
{
	struct level l;
	int ret;

	level_init(&l, 1, NULL, p->lab->plan->lane.slowdown);
	ret = level_connect(&l, p->lab->uri);
	if (!ret)
		ret = level_create(&l, xml, p->log);
	if (!ret)
		ret = level_wait_console(&l, PROVISIONED, 60);
	if (!ret && !strstr(l.console.await_line, PROVISIONED "ed"))
		ret = fail(OUT_BROKEN, "cloud-init could not provision L1: %s", l.console.await_line);
	if (!ret)
		ret = level_wait_stopped(&l, 15);
	level_destroy(&l);
	return as_broken(ret);
}

static int convert(const char *what, const char *from, const char *format, const char *to)
{
	char *const argv[] = { (char *)"qemu-img", (char *)"convert", (char *)"-q",
			       (char *)"-O",	   (char *)format,    (char *)from,
			       (char *)to,	   NULL };
	struct proc p = { .what = what, .argv = argv, .deadline_s = 300 };

	return proc_check(&p);
}

static int boot(struct provisioning *p, const char *image)
{
	_cleanup_free_ char *xml = NULL;
	int ret = cache_folder(&cache_logs, NULL);

	if (ret)
		return ret;
	unlink(p->log);
	ret = bringup_make_overlay(p->root.path, p->root.format, p->overlay);
	if (!ret)
		ret = domain_xml(p, &xml);
	if (!ret)
		ret = boot_until_off(p, xml);
	if (!ret)
		ret = convert("keeping the provisioned image", p->overlay, "qcow2", image);
	unlink(p->overlay);
	if (ret)
		return fail_prefix("making L1's image (its console: %s)", p->log);
	return 0;
}

static int provision(void *ctx, const char *dir)
{
	_cleanup_free_ char *image = strf("%s/l1.qcow2", dir);
	struct provisioning *p = ctx;
	int ret = golden_kernel(p->lab, &p->kernel);

	if (ret)
		return ret;
	ui_stage_begin("L1 image");
	ret = boot(p, image);
	if (!ret)
		ui_stage_end("provisioned by cloud-init");
	return ret;
}

static int inputs(struct provisioning *p)
{
	int ret = image_root(p->lab->plan->knobs.base_image, &p->root);

	return ret ? ret : image_seed(&p->seed);
}

int golden_kernel(const struct lab *lab, struct kernel_build *kernel)
{
	struct kernel_conf k = { 0 };
	int ret = kernel_conf_load(lab->plan->knobs.provision_kernel, &k);

	if (!ret)
		ret = kernel_build(&k, KERNEL_HOST, kernel);
	kernel_conf_free(&k);
	return ret;
}

static int find_or_make(struct provisioning *p, struct image *golden)
{
	_cleanup_free_ char *name = NULL;
	struct cache_entry *e;
	int ret = inputs(p);

	if (ret)
		return ret;
	golden_key(p, golden->key);
	name = xstrndup(golden->key, KEY_DIGITS);
	p->log = path_in_cache("logs/l1-image-%s.log", name);
	p->overlay = strf("%s/provision.qcow2", path_run());
	ret = cache_get(&images, name, provision, p, &e);
	if (ret)
		return ret;
	golden->path = strf("%s/l1.qcow2", cache_path(e));
	golden->format = xstrdup("qcow2");
	golden->partition = p->root.partition;
	golden->reused = !cache_made(e);
	cache_hold(e); /* L1's disk stands on it */
	return 0;
}

int golden_prepare(struct lab *lab)
{
	struct provisioning p = { .lab = lab };
	int ret = find_or_make(&p, &lab->golden);

	image_free(&p.root);
	image_free(&p.seed);
	kernel_build_free(&p.kernel);
	free(p.overlay);
	free(p.log);
	return ret;
}

/* Whole units, as they are written anyway. */
static int round_up(const char *path, unsigned int unit)
{
	struct stat st;
	off_t size;

	if (stat(path, &st))
		return fail(OUT_BROKEN, "can't look at %s: %m", path);
	size = (st.st_size + unit - 1) / unit * unit;
	return truncate(path, size) ? fail(OUT_BROKEN, "can't make %s %lld bytes long: %m", path, (long long)size) : 0;
}

struct copying {
	const char *image;
	unsigned int unit;
};

static int copy_plain(void *ctx, const char *path)
{
	const struct copying *c = ctx;
	int ret = convert("copying L1's image for an emulator that knows no formats", c->image, "raw", path);

	return ret ? ret : round_up(path, c->unit);
}

int golden_raw(const struct lab *lab, unsigned int unit, char **path)
{
	_cleanup_free_ char *name = strf("%.*s-%u", KEY_DIGITS, lab->golden.key, unit);
	struct copying c = { .image = lab->golden.path, .unit = unit };
	struct cache_entry *e;
	int ret = cache_get(&plain, name, copy_plain, &c, &e);

	if (ret)
		return ret;
	*path = xstrdup(cache_path(e));
	cache_hold(e); /* as long as Bochs runs */
	return 0;
}
