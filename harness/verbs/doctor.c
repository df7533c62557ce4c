// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/util.h"
#include "machine/libvirt/plugin.h"
#include "plan/lane.h"
#include "plan/probe.h"
#include "verbs/verb.h"

#define NEED_MEMORY_MIB 4096
#define NEED_DISK_GIB 12
#define NEED_FILLED_GIB 3 /* for what changes: states, work trees */

static int verb_doctor(int argc, char **argv);

static const struct verb doctor = {
	.name = "doctor",
	.usage = "",
	.summary = "what this machine offers: cores, memory, disk, packages, lanes, versions",
	.order = 40,
	.run = verb_doctor,
};
VERB(doctor);

/* "ok", or "!!" for what will not do. Returns 1 for a fault. */
static int line(bool ok, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int line(bool ok, const char *what, const char *fmt, ...)
{
	va_list ap;

	printf("  %s  %-18s ", ok ? "ok" : "!!", what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return !ok;
}

static int machine(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long mib = sysconf(_SC_PHYS_PAGES) / 256 * (sysconf(_SC_PAGESIZE) / 4096);
	struct utsname u;
	int faults = line(cores >= 1, "cores", "%ld", cores);

	faults += line(mib >= NEED_MEMORY_MIB, "memory", "%ld MiB (want %d)", mib, NEED_MEMORY_MIB);
	uname(&u);
	return faults + line(!strcmp(u.machine, "x86_64"), "L0 kernel", "%s %s", u.release, u.machine);
}

/* L1's images are among the last that a first run makes. */
static bool is_filled(void)
{
	_cleanup_free_ char *images = path_in_cache("golden");
	_cleanup_strv_ struct strv names = { 0 };

	return !dir_list(images, NULL, &names) && names.n;
}

static int disk(void)
{
	bool filled = is_filled();
	int want = filled ? NEED_FILLED_GIB : NEED_DISK_GIB;
	struct statvfs v;
	double gib;

	if (mkdir_p(path_cache()) || statvfs(path_cache(), &v))
		return line(false, "cache", "%s can't be made", path_cache());
	gib = (double)v.f_bavail * (double)v.f_frsize / (1 << 30);
	return line(gib >= want, "cache", "%s, %.1f GiB free (want %d: it %s)", path_cache(), gib, want,
		    filled ? "holds most of what a lab needs" : "is to be filled");
}

/* What is missing, or ""; for an answer's line. */
static void missing_of(const char *list, struct buf *out)
{
	_cleanup_free_ char *path = path_in_root(list);
	char *const argv[] = { (char *)"sh", (char *)"-c",
			       (char *)"for p in $(sed 's/#.*//' \"$0\" | awk 'NF {print $1}'); do "
				       "dpkg-query -W -f='${Status}' $p 2>/dev/null | "
				       "grep -q 'ok installed' || echo $p; done | tr '\\n' ' '",
			       path, NULL };
	struct proc p = { .what = "asking dpkg", .argv = argv, .out = out };

	if (proc_run(&p))
		buf_puts(out, "dpkg can't be asked");
}

static int packages(const char *list)
{
	_cleanup_buf_ struct buf missing = { 0 };

	missing_of(list, &missing);
	return line(!missing.len, list, "%s%s", missing.len ? "missing: " : "all installed", buf_str(&missing));
}

/* Nobody needs them for a verdict: no fault. */
static void more_packages(const char *list)
{
	_cleanup_buf_ struct buf missing = { 0 };

	missing_of(list, &missing);
	printf("  %s  %-18s %s%s\n", missing.len ? "--" : "ok", list, missing.len ? "not there: " : "all installed", buf_str(&missing));
}

static int version(const char *what, const char *program, const char *arg)
{
	char *const argv[] = { (char *)program, (char *)arg, NULL };
	_cleanup_buf_ struct buf out = { 0 };
	struct proc p = { .what = what, .argv = argv, .out = &out, .quiet_stderr = true };
	bool ok = !proc_run(&p) && out.len;

	if (ok)
		out.data[strcspn(out.data, "\n")] = '\0';
	return line(ok, what, "%s", ok ? out.data : "not found");
}

static int versions(void)
{
	int faults = version("QEMU", "qemu-system-x86_64", "--version");

	faults += version("libvirt", "/usr/sbin/libvirtd", "--version");
	faults += version("virt-install", "virt-install", "--version");
	return faults + version("compiler", "gcc", "--version");
}

/* Without it checks are skipped, so it is no fault. */
static void plugin(const struct lane *l)
{
	_cleanup_free_ char *why = NULL;
	bool ok;

	if (!l->plugin)
		return;
	ok = plugin_usable(l, &why);
	printf("  %s  plugin %-11s counts #VMEXITs in the emulator of lane %s: %s\n",
	       ok ? "ok" : "--", l->plugin, l->name, why);
	fail_clear();
}

/* A lane that doesn't work here is no fault as long as one does. */
static int lanes(void)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct lane l;
	int ret = lane_names(&names), usable = 0;

	for (size_t i = 0; !ret && i < names.n; i++) {
		char *why = NULL;
		bool ok = !lane_load(names.v[i], &l) && lane_usable(&l, &why);

		printf("  %s  lane %-13s %s: %s\n", ok ? "ok" : "--", names.v[i],
		       l.title ? l.title : "", why ? why : fail_text());
		usable += ok;
		plugin(&l);
		free(why);
		lane_free(&l);
	}
	if (!lane_choose("auto", NULL, NULL, true, &l))
		line(true, "default lane", "%s", l.name);
	lane_free(&l);
	return !usable;
}

static int verb_doctor(int argc, char **argv)
{
	struct kvm_probe k;
	int faults;

	(void)argc;
	(void)argv;
	faults = machine() + disk();
	/* What is installed as a package has said itself what it wants. */
	if (!path_release()) {
		faults += packages("config/packages");
		more_packages("config/packages-check");
		more_packages("config/packages-slurm");
	}
	more_packages("config/packages-monitors");
	more_packages("config/packages-gdb");
	faults += versions();
	kvm_probe(&k);
	printf("  %s  %-18s %s\n", k.nested ? "ok" : "--", "/dev/kvm", k.why);
	faults += lanes();
	fflush(stdout);
	if (faults)
		return fail(OUT_BROKEN, "%d thing(s) above must be put right first", faults);
	return 0;
}
