// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/utsname.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "run/run.h"
#include "run/suite.h"

static const char *below_root(const char *path)
{
	size_t n = strlen(path_root());

	return str_starts(path, path_root()) && path[n] == '/' ? path + n + 1 : path;
}

/* file: root-relative, or absolute. */
static void add_file(struct run *r, const char *kind, const char *file)
{
	_cleanup_free_ char *path = path_in_root(file);
	_cleanup_free_ char *key = strf("%s %s", kind, below_root(path));
	char hex[HASH_HEX_LEN + 1];

	if (!hash_file(path, hex))
		result_set_manifest(r->result, key, hex);
}

/* A variant may have its original's tests. */
static void add_assignment(struct run *r, const struct assignment *a)
{
	_cleanup_free_ char *original = a->variant_of ? strf("config/assignments/%s.conf", a->variant_of) : NULL;

	add_file(r, "assignment", a->path);
	if (original)
		add_file(r, "assignment", original);
}

/* What was built, and not what its files hold by now. */
static void add_patches(struct run *r, const struct kernel_build *b)
{
	for (size_t i = 0; i < b->n_patches; i++) {
		_cleanup_free_ char *key = strf("patch %s", below_root(b->patches[i].path));

		result_set_manifest(r->result, key, b->patches[i].sha256);
	}
}

/* Known as soon as it was tried to build it. */
static void add_source(struct run *r, enum kernel_role role, const struct kernel_build *b)
{
	_cleanup_free_ char *source = strf("source %s %s", kernel_role_name(role), b->source ? b->source : "");
	_cleanup_free_ char *compiler = strf("compiler %s", kernel_role_name(role)), *line = NULL;

	if (b->source)
		result_set_manifest(r->result, source, b->source_key);
	if (!b->compiler)
		return;
	line = xstrndup(b->compiler, strcspn(b->compiler, "\n"));
	result_set_manifest(r->result, compiler, line);
}

/* What it was built to, by its bits. */
static void add_product(struct run *r, const char *kind, const char *path)
{
	_cleanup_free_ char *key = strf("%s %s", kind, path_last(path));
	char hex[HASH_HEX_LEN + 1];

	if (!hash_file(path, hex))
		result_set_manifest(r->result, key, hex);
}

static void add_kernel(struct run *r, enum kernel_role role, const struct kernel_build *b)
{
	const struct kernel_role_conf *c = &kernel_conf_of(&r->lab->plan->kernel, role)->role[role];
	_cleanup_free_ char *what = strf("kernel %s", kernel_role_name(role));
	_cleanup_free_ char *bz = strf("bzImage %s", kernel_role_name(role));

	add_source(r, role, b);
	if (!b->bzimage)
		return;
	result_set_manifest(r->result, what, b->key);
	result_set_manifest(r->result, bz, b->bzimage_sha256);
	for (size_t i = 0; i < b->modules.n; i++)
		add_product(r, "module", b->modules.v[i]);
	add_patches(r, b);
	for (size_t i = 0; i < c->fragments.n; i++)
		add_file(r, "config", c->fragments.v[i]);
}

static void add_version(struct run *r, const char *key, unsigned long v)
{
	_cleanup_free_ char *text = strf("%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);

	result_set_manifest(r->result, key, text);
}

static void add_tools(struct run *r)
{
	unsigned long qemu, libvirt;
	struct utsname u;

	if (level_versions(&r->lab->levels[L1], &qemu, &libvirt)) {
		add_version(r, "version QEMU", qemu);
		add_version(r, "version libvirt", libvirt);
	}
	result_set_manifest(r->result, "compiler of nestlab", "gcc " __VERSION__);
	if (!uname(&u))
		result_set_manifest(r->result, "version L0 kernel", u.release);
}

/* Its version says too little: Bochs may be Debian's or the lab's own. */
static void add_emulator(struct run *r)
{
	_cleanup_free_ char *key = strf("emulator %s", r->lab->emulator ? r->lab->emulator : "");
	char hex[HASH_HEX_LEN + 1];

	if (r->lab->emulator && !hash_file(r->lab->emulator, hex))
		result_set_manifest(r->result, key, hex);
}

static void add_suite(struct run *r)
{
	const struct suite_programs *p = r->suite ? &r->suite->programs : NULL;

	if (!p)
		return;
	result_set_manifest(r->result, "suite", r->plan->suite->name);
	if (p->source)
		result_set_manifest(r->result, "suite's source", p->source);
	if (p->key[0])
		result_set_manifest(r->result, "suite's programs", p->key);
}

void manifest_fill(struct run *r)
{
	struct lab *lab = r->lab;
	char hex[HASH_HEX_LEN + 1];

	add_kernel(r, KERNEL_HOST, &lab->host);
	add_kernel(r, KERNEL_GUEST, &lab->guest);
	add_emulator(r);
	if (lab->golden.path)
		result_set_manifest(r->result, "image L1", lab->golden.key);
	if (lab->initramfs.path)
		result_set_manifest(r->result, "image L2", lab->initramfs.key);
	if (lab->initramfs.path && !hash_file(lab->initramfs.path, hex))
		result_set_manifest(r->result, "initramfs L2", hex);
	if (lab->lab_key[0])
		result_set_manifest(r->result, "lab state", lab->lab_key);
	result_set_manifest(r->result, "nested paging", lab->plan->knobs.nested_paging ? "on" : "off");
	if (r->monitor.path) {
		result_set_manifest(r->result, "monitor", r->monitor.name);
		result_set_manifest(r->result, "monitor sources", r->monitor.key);
	}
	result_set_manifest(r->result, "emulator's counts",
			    !lab->plan->lane.plugin	  ? "none in this lane"
			    : lab->plugin.missing ? lab->plugin.missing
						  : "present");
	add_suite(r);
	for (size_t i = 0; i < r->n_assignments; i++)
		add_assignment(r, r->assignments[i]);
	add_tools(r);
}
