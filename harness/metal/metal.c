// SPDX-License-Identifier: GPL-2.0-only
#include "metal/metal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "lab/tsc.h"
#include "machine/libvirt/daemon.h"
#include "machine/loop.h"
#include "metal/cargo.h"
#include "proto.h"

#define QEMU "qemu-system-x86_64"
#define KERNEL "6.12-unpatched"
#define SLOWDOWN 6    /* of the machine itself, an emulated one */
/* of what runs in it, two levels further down: L2 took 28 s for what lane kvm gives 8 */
#define SLOWDOWN_INSIDE 30
#define SLOWDOWN_MOST 100 /* that SLOWDOWN= takes */
#define BOOT_S 20
#define SETUP_S 20
/*
 * L2's vCPUs run on those of L1, they on two of these; the first is spared
 * (config/lanes/tcg-svm.conf).
 */
#define CPUS "3"
#define MEMORY_MIB "6144"
#define STEP_MS 100

static char *in_run(const char *name)
{
	return strf("%s/%s", path_run(), name);
}

/* Of all that it writes to, which is forgotten with it. */
static const char *const overlays[] = { "l0-root.qcow2", "l0-cache.qcow2" };
#define CHECKOUT_DISK "l0-checkout.img"
#define AGENT_SOCKET "l0-agent"
#define CONSOLE "l0-console"
#define PID_FILE "l0.pid"

static void remove_files(void)
{
	const char *const names[] = { overlays[0], overlays[1], CHECKOUT_DISK, AGENT_SOCKET,
				      PID_FILE };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = in_run(names[i]);

		unlink(path);
	}
}

/* ---- the machine, as a level ---- */

static pid_t read_pid(void)
{
	_cleanup_free_ char *path = in_run(PID_FILE);
	_cleanup_buf_ struct buf b = { 0 };

	return file_read(path, &b) ? 0 : atoi(buf_str(&b));
}

static void cut(struct level *l)
{
	pid_t pid = read_pid();

	(void)l;
	if (pid > 0)
		kill(pid, SIGKILL);
}

/* It is nobody's child, and goes on. */
static void end(struct level *l)
{
	(void)l;
}

static void look(struct level *l)
{
	pid_t pid = read_pid();

	if (pid <= 0 || kill(pid, 0))
		level_note_end(l, OUT_BROKEN, "the metal machine's QEMU has ended");
}

static struct vstream *open_port(struct level *l, const struct vstream_handler *h)
{
	_cleanup_free_ char *path = in_run(AGENT_SOCKET);
	int fd = unix_connect(path);

	if (fd >= 0)
		return vstream_open_socket(fd, h);
	fail(OUT_BROKEN, "%s's agent can't be reached at %s: %s", l->name, path, strerror(errno));
	return NULL;
}

static const struct level_machine machine = {
	.cut = cut, .end = end, .open_port = open_port, .look = look
};

static int reach(struct level *l, uint32_t slowdown)
{
	loop_init();
	level_init(l, 0, NULL, SLOWDOWN * slowdown);
	l->console_file = in_run(CONSOLE);
	level_adopt(l, &machine, NULL);
	return level_open_channel(l, BOOT_S);
}

/* ---- power-on ---- */

struct parts {
	struct kernel_build kernel;
	struct image root, initramfs;
	struct cargo cargo;
	struct cache_entry *cargo_disk;
};

static void free_parts(struct parts *p)
{
	kernel_build_free(&p->kernel);
	image_free(&p->root);
	image_free(&p->initramfs);
	cargo_free(&p->cargo);
	cache_release(p->cargo_disk);
}

static int build_kernel(struct kernel_build *b)
{
	struct kernel_conf k;
	int ret = kernel_conf_load(KERNEL, &k);

	if (!ret)
		ret = kernel_build(&k, KERNEL_HOST, b);
	kernel_conf_free(&k);
	return ret;
}

static int prepare(const struct strv *settings, struct parts *p)
{
	int ret = cargo_check(METAL_PLACE, settings);

	if (!ret && path_release())
		ret = fail(OUT_USAGE, "a metal machine runs a checkout, and this is an installed nestlab");
	if (!ret)
		ret = build_kernel(&p->kernel);
	if (!ret)
		ret = cargo_gather(METAL_PLACE, settings, &p->cargo);
	if (!ret)
		ret = cargo_disk(&p->cargo, &p->cargo_disk);
	if (!ret)
		ret = image_initramfs(&p->initramfs);
	/* The last: what was found until then is brought along, and this root need not be. */
	return ret ? ret : image_metal_root(&p->root);
}

static int make_overlay(const char *base, const char *name)
{
	_cleanup_free_ char *overlay = in_run(name);
	char *const argv[] = { (char *)"qemu-img", (char *)"create", (char *)"-q",  (char *)"-f",
			       (char *)"qcow2",	   (char *)"-F",     (char *)"raw", (char *)"-b",
			       (char *)base,	   overlay,	     NULL };
	struct proc pr = { .what = "making an overlay", .argv = argv };

	return proc_check(&pr);
}

static int make_disks(const struct parts *p)
{
	_cleanup_free_ char *cargo = strf("%s/" CARGO_DISK, cache_path(p->cargo_disk));
	_cleanup_free_ char *checkout = in_run(CHECKOUT_DISK);
	int ret = make_overlay(p->root.path, overlays[0]);

	if (!ret)
		ret = make_overlay(cargo, overlays[1]);
	return ret ? ret : cargo_checkout(checkout);
}

static void add_disk(struct strv *argv, const char *name, const char *format)
{
	strv_add(argv, "-drive");
	strv_addf(argv, "file=%s/%s,format=%s,if=virtio,cache=unsafe", path_run(), name, format);
}

/* As L1's where it is emulated: why is told there (lab/bringup.c, config/domains/l1.args). */
static void add_kernel(struct strv *argv, const struct parts *p)
{
	strv_add(argv, "-kernel");
	strv_add(argv, p->kernel.bzimage);
	strv_add(argv, "-initrd");
	strv_add(argv, p->initramfs.path);
	strv_add(argv, "-append");
	strv_addf(argv,
		  "console=ttyS0 panic=-1 oops=panic net.ifnames=0 tsc=reliable no_timer_check nohz=off highres=off "
		  "isolcpus=0 tsc_early_khz=%u nestlab.level=L0 nestlab.root=/dev/vda",
		  tsc_khz());
}

static void add_port(struct strv *argv)
{
	strv_add(argv, "-chardev");
	strv_addf(argv, "socket,id=agent,path=%s/" AGENT_SOCKET ",server=on,wait=off", path_run());
	strv_add(argv, "-device");
	strv_add(argv, "virtserialport,chardev=agent,name=" PROTO_PORT_NAME);
	strv_add(argv, "-serial");
	strv_addf(argv, "file:%s/" CONSOLE, path_run());
	strv_add(argv, "-pidfile");
	strv_addf(argv, "%s/" PID_FILE, path_run());
}

static void make_command(const struct parts *p, struct strv *argv)
{
	static const char *const fixed[] = {
		QEMU, "-name", "nestlab-l0", "-nodefaults", "-no-user-config", "-display", "none",
		"-no-reboot", "-daemonize", "-machine", "q35", "-accel", "tcg,thread=multi",
		"-cpu", "max", "-smp", CPUS, "-m", MEMORY_MIB, "-device", "virtio-serial-pci",
		"-device", "virtio-rng-pci",
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(argv, fixed[i]);
	add_kernel(argv, p);
	for (size_t i = 0; i < ARRAY_SIZE(overlays); i++)
		add_disk(argv, overlays[i], "qcow2");
	add_disk(argv, CHECKOUT_DISK, "raw");
	add_port(argv);
}

static int power_on(const struct parts *p)
{
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_free_ char *log = in_run("l0-qemu.log"), *console = in_run(CONSOLE);
	struct proc pr = { .what = "starting the metal machine's QEMU", .log_path = log };

	unlink(log);
	unlink(console);
	make_command(p, &argv);
	pr.argv = argv.v;
	return proc_check(&pr);
}

/* What an init would do on real hardware. nested: where it is off by default, it says so there. */
static int set_up(struct level *l, const struct parts *p)
{
	static const char script[] =
		"mkdir -p " METAL_CACHE " " METAL_CHECKOUT "\n"
		"mount -o noinit_itable /dev/vdb " METAL_CACHE "\n"
		"mount -o noinit_itable /dev/vdc " METAL_CHECKOUT "\n"
		"busybox ip link set lo up\n"
		"for m in irqbypass kvm; do busybox insmod \"$1/$m.ko\"; done\n"
		"busybox insmod \"$1/kvm-amd.ko\" nested=1\n";
	_cleanup_free_ char *modules =
		strf(METAL_CACHE "%s/modules", p->kernel.dir + strlen(path_cache()));
	char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)script, (char *)"sh", modules, NULL };

	return level_command(l, "setting the metal machine up", argv, SETUP_S);
}

/*
 * Kernels are known by their source and compiler. Of another Debian, or of one that was not
 * upgraded for a while, none that was built here would be found there.
 */
static int compare_packages(struct level *l)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c",
			       (char *)"dpkg-query -W -f '${Package} ${Version} ' gcc-12 binutils linux-source-6.12", NULL };
	_cleanup_buf_ struct buf here = { 0 }, there = { 0 };
	struct proc p = { .what = "asking dpkg", .argv = argv, .out = &here, .quiet_stderr = true };
	struct channel_status st = { 0 };
	int ret = proc_run(&p);

	if (ret >= 0)
		ret = channel_run(l->channel, argv, &there, NULL, &st, level_ms(l, SETUP_S));
	if (ret || !strcmp(buf_str(&here), buf_str(&there)))
		return ret;
	return fail(OUT_BROKEN, "the metal machine has %sand this one has %s: upgrade this one, or remove CACHE/roots, which is made anew",
		    buf_str(&there), buf_str(&here));
}

static int boot(const struct parts *p, uint32_t slowdown)
{
	struct level l;
	int ret = power_on(p);

	if (ret)
		return ret;
	ret = reach(&l, slowdown);
	if (!ret)
		ret = compare_packages(&l);
	if (!ret)
		ret = set_up(&l, p);
	level_detach(&l);
	return ret ? fail_prefix("the metal machine (its console: %s/" CONSOLE ")", path_run()) : 0;
}

/* In its place, which is ours. */
static int up(const struct parts *p, uint32_t slowdown)
{
	int ret;

	daemon_sweep();
	remove_files();
	ui_stage_begin("the metal machine");
	ret = make_disks(p);
	if (!ret)
		ret = boot(p, slowdown);
	if (!ret)
		ret = place_keep(METAL_PLACE);
	if (!ret) {
		ui_stage_end("booted, kernel %s", p->kernel.release);
		return 0;
	}
	ui_stage_abort();
	daemon_sweep();
	remove_files();
	return ret;
}

int metal_up(const struct strv *settings, uint32_t slowdown)
{
	struct place place = { .lock = -1 };
	struct parts p = { 0 };
	int ret = prepare(settings, &p);

	if (!ret)
		ret = place_take(METAL_PLACE, "metal", &place);
	if (!ret)
		ret = up(&p, slowdown);
	place_release(&place);
	free_parts(&p);
	return ret;
}

int metal_down(unsigned int *n)
{
	struct place place;
	int ret = place_clear(METAL_PLACE, &place);

	if (!ret) {
		*n = daemon_sweep();
		remove_files();
		place_unkeep();
	}
	place_release(&place);
	return ret;
}

/* ---- commands in it ---- */

int metal_join(struct metal *m, uint32_t slowdown)
{
	int ret;

	*m = (struct metal){ .place.lock = -1, .slowdown = slowdown };
	level_init(&m->level, 0, NULL, slowdown);
	ret = place_join(METAL_PLACE, &m->place);
	if (ret == -OUT_USAGE)
		return fail(OUT_USAGE, "no metal machine is running; `nestlab metal up` boots one");
	return ret ? ret : reach(&m->level, slowdown);
}

void metal_leave(struct metal *m)
{
	level_detach(&m->level);
	place_release(&m->place);
}

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	int fd = s == CHANNEL_STDERR ? STDERR_FILENO : STDOUT_FILENO;

	(void)ctx;
	(void)level_ns;
	for (ssize_t n; len && (n = write(fd, data, len)) > 0; len -= (size_t)n)
		data = (const char *)data + n;
}

int metal_run(struct metal *m, const char *command)
{
	uint32_t times = SLOWDOWN_INSIDE * m->slowdown;
	_cleanup_free_ char *slowdown = strf("SLOWDOWN=%u", times < SLOWDOWN_MOST ? times : SLOWDOWN_MOST);
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)command, NULL };
	char *const env[] = { (char *)"HOME=/root", (char *)"LC_ALL=C.UTF-8", slowdown, NULL };
	struct channel_exec e = {
		.argv = argv, .env = env, .cwd = METAL_CHECKOUT, .on_output = on_output
	};
	struct channel_status st = { 0 };
	uint32_t id;
	int ret = channel_start(m->level.channel, &e, &st, &id);

	while (!ret && !st.done)
		ret = level_step(&m->level, STEP_MS);
	if (ret) {
		channel_forget(m->level.channel, id);
		return ret;
	}
	if (st.error)
		return fail(OUT_BROKEN, "can't start a shell in the metal machine: %s", strerror(st.error));
	return st.signal ? 128 + st.signal : st.exit_code;
}
