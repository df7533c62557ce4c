// SPDX-License-Identifier: GPL-2.0-only
#include "lab/golden.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/recent.h"
#include "core/ui.h"
#include "lab/bringup.h"
#include "machine/libvirt/domxml.h"

#define KEEP_IMAGES 4 /* up to 900 MB each, with the copy for Bochs */
#define PROVISION_UUID "6e657374-6c61-4b00-8001-000000000003"
/* What guest-image/user-data's last command says on the console. */
#define PROVISIONED "nestlab: provision"

/* What goes in, and where things lie while the image is made. */
struct provisioning {
	struct lab *lab;
	struct image root, seed;
	struct kernel_build kernel;
	char *dir;     /* of the finished image */
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
		.disks = { { p->overlay, "qcow2" }, { p->seed.path, "raw" } },
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

static int provision(struct provisioning *p)
{
	_cleanup_free_ char *image = strf("%s/l1.qcow2", p->dir), *xml = NULL;
	_cleanup_free_ char *part = strf("%s.part", image);
	int ret;

	if (mkdir_p(p->dir))
		return fail(OUT_BROKEN, "can't make %s", p->dir);
	unlink(p->log);
	ret = bringup_make_overlay(p->root.path, p->root.format, p->overlay);
	if (!ret)
		ret = domain_xml(p, &xml);
	if (!ret)
		ret = boot_until_off(p, xml);
	if (!ret)
		ret = convert("keeping the provisioned image", p->overlay, "qcow2", part);
	if (!ret && rename(part, image))
		ret = fail(OUT_BROKEN, "can't rename %s: %m", part);
	unlink(p->overlay);
	if (ret)
		return fail_prefix("making L1's image (its console: %s)", p->log);
	return 0;
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
	_cleanup_free_ char *all = path_in_cache("golden");
	int ret = inputs(p);

	if (ret)
		return ret;
	golden_key(p, golden->key);
	p->dir = path_in_cache("golden/%.16s", golden->key);
	p->log = strf("%s/provision-console.log", p->dir);
	p->overlay = strf("%s/provision.qcow2", path_run());
	golden->path = strf("%s/l1.qcow2", p->dir);
	golden->format = xstrdup("qcow2");
	golden->partition = p->root.partition;
	golden->reused = path_exists(golden->path);
	if (golden->reused) {
		recent_use(p->dir);
		return 0;
	}
	ret = golden_kernel(p->lab, &p->kernel);
	if (ret)
		return ret;
	ui_stage_begin("L1 image");
	ret = provision(p);
	if (ret)
		return ret;
	recent_keep(all, KEEP_IMAGES);
	ui_stage_end("provisioned by cloud-init");
	return 0;
}

int golden_prepare(struct lab *lab)
{
	struct provisioning p = { .lab = lab };
	int ret = find_or_make(&p, &lab->golden);

	image_free(&p.root);
	image_free(&p.seed);
	kernel_build_free(&p.kernel);
	free(p.dir);
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

int golden_raw(const struct lab *lab, unsigned int unit, char **path)
{
	_cleanup_free_ char *part = strf("%s.raw.part", lab->golden.path);
	int ret = 0;

	*path = strf("%s.raw", lab->golden.path);
	if (path_exists(*path))
		return 0;
	ret = convert("copying L1's image for an emulator that knows no formats", lab->golden.path, "raw", part);
	if (!ret)
		ret = round_up(part, unit);
	if (!ret && rename(part, *path))
		ret = fail(OUT_BROKEN, "can't rename %s: %m", part);
	unlink(part);
	return ret;
}
