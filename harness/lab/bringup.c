// SPDX-License-Identifier: GPL-2.0-only
#include "lab/bringup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "image/medium.h"
#include "lab/capabilities.h"
#include "lab/state.h"
#include "lab/tsc.h"

#define L1_UUID "6e657374-6c61-4b00-8001-000000000001"
#define L2_UUID "6e657374-6c61-4b00-8001-000000000002"
#define L2_OPTIONS "nestlab.level=L2"
#define SAMPLE_MS 40
#define SETTLE_MS 250
#define L1_DIR "/run/nestlab" /* a tmpfs in L1: goes with every boot */

char *bringup_overlay_path(void)
{
	return strf("%s/l1.qcow2", path_run());
}

char *bringup_console_path(void)
{
	return strf("%s/l1-console", path_run());
}

char *bringup_emulator_log(void)
{
	return strf("%s/log/qemu/" L1_DOMAIN ".log", path_run());
}

char *bringup_libvirt_path(bool people)
{
	return strf("%s/l1-libvirt.%d", path_run(), people);
}

char *bringup_libvirt_uri(bool people)
{
	_cleanup_free_ char *path = bringup_libvirt_path(people);

	return strf("qemu+unix:///system?socket=%s", path);
}

int bringup_make_overlay(const char *base, const char *format, const char *overlay)
{
	char *const argv[] = { (char *)"qemu-img", (char *)"create", (char *)"-q", (char *)"-f",
			       (char *)"qcow2",	   (char *)"-b",     (char *)base, (char *)"-F",
			       (char *)format,	   (char *)overlay,  NULL };
	struct proc p = { .what = "making a disk overlay", .argv = argv };

	return proc_check(&p);
}

/*
 * QEMU's emulator gives its guest this machine's TSC, and on a busy machine the guest's kernel
 * can't find out how fast it is ("could not calculate TSC khz"): then KVM in L1 tells L2 nonsense
 * about time, and L2 hung in one boot of three.
 *
 * It also loses interrupts, it seems: a CPU of L1 was once found in L2 after 50 s in which it had
 * taken none, not even its timer's. (helper_vmrun() in QEMU 7.2 sets CPU_INTERRUPT_VIRQ without the
 * lock under which other threads raise interrupts.) A one-shot timer that is lost is never set
 * again; the next tick of a periodic one brings the lost one along. (config/qemu/0002 mends that,
 * for those who have the lab's own QEMU.)
 */
char *bringup_l1_cmdline(const struct lab *lab, const struct image *root)
{
	_cleanup_free_ char *device = image_root_device(root, "vda");

	if (!lane_emulates(&lab->plan->lane))
		return strf("root=%s nestlab.level=L1", device);
	return strf("root=%s tsc_early_khz=%u " L1_EMULATED_OPTIONS "%s nestlab.level=L1", device, tsc_khz(),
		    lab->plan->lane.spare_cpus ? " isolcpus=0" : "");
}

/*
 * The agent is the init there, and joins the ports to libvirtd's socket: systemd would take half of
 * the boot.
 */
static char *booted_cmdline(const struct lab *lab)
{
	_cleanup_free_ char *common = bringup_l1_cmdline(lab, &lab->golden);

	return strf("%s " L1_INIT_OPTIONS, common);
}

void bringup_l1_spec(const struct lab *lab, struct bringup_l1 *b)
{
	*b = (struct bringup_l1){
		.overlay = bringup_overlay_path(),
		.console = bringup_console_path(),
		/*
		 * Not where libvirt would put it: an ordinary user's path there is over the 107
		 * bytes of a unix socket.
		 */
		.port_agent = strf("%s/l1-agent", path_run()),
		.port_lab = bringup_libvirt_path(false),
		.port_people = bringup_libvirt_path(true),
		.cmdline = booted_cmdline(lab),
	};
	b->spec = (struct domain_spec){
		.options = "l1",
		.name = L1_DOMAIN,
		.uuid = L1_UUID,
		.virt_type = lab->plan->lane.virt_type,
		.emulator = lab->plan->lane.emulator,
		.cpu_mode = lab->plan->lane.cpu_mode,
		.cpus = lab->plan->l1_cpus + lab->plan->lane.spare_cpus,
		.memory_mib = lab->plan->l1_memory,
		.kernel = lab->host.bzimage,
		.cmdline = b->cmdline,
		.console = b->console,
		.disks = { { b->overlay, "qcow2", false } },
		.n_disks = 1,
		.ports = { { "org.nestlab.agent.0", b->port_agent },
			   { "org.nestlab.libvirt.0", b->port_lab },
			   { "org.nestlab.libvirt.1", b->port_people } },
		.n_ports = 3,
		.plugin = lab->plugin.option,
		.owner = lab->owner,
	};
	if (lab->suite.disk)
		b->spec.disks[b->spec.n_disks++] = (struct domain_disk){ lab->suite.disk, "raw", true };
}

void bringup_l1_free(struct bringup_l1 *b)
{
	free(b->overlay);
	free(b->console);
	free(b->port_agent);
	free(b->port_lab);
	free(b->port_people);
	free(b->cmdline);
}

/* A level that runs but never gets ready is a kernel that hangs, not a broken lab. */
int bringup_open_channel(struct level *l, unsigned int deadline_s)
{
	int ret = level_open_channel(l, deadline_s), end;
	_cleanup_free_ char *why = xstrdup(fail_text());
	const struct level *silent;

	if (ret != -OUT_BROKEN || proc_interrupted())
		return ret;
	end = level_diagnose(l, l->carrier, &silent); /* its own agent was asked just now */
	if (end)
		return end;
	if (!l->channel && !l->carrier)
		return fail(OUT_BROKEN, "%s", why); /* L0's libvirt did not open the port: no kernel's doing */
	if (silent)
		return fail(OUT_CRASH, "%s hangs: its agent does not answer any more (%s)", silent->name, why);
	return fail(OUT_CRASH, "%s hangs: its kernel was started, but its agent did not get ready (%s)", l->name, why);
}

static int connect_l2(struct lab *lab)
{
	_cleanup_free_ char *uri = bringup_libvirt_uri(false);

	if (lab->l2_initramfs)
		lab->levels[L2].medium = MEDIUM_DIR;
	return level_connect(&lab->levels[L2], uri);
}

/*
 * L1 must have seen the end of the connection before its state is saved: restored, its bridge would
 * otherwise take the next connection for the old one ("End of file while reading data" at the next
 * call, once in some runs).
 */
int bringup_disconnect_l2(struct lab *lab)
{
	uint64_t until = now_ns() + SETTLE_MS * NSEC_PER_MSEC;
	int ret = 0;

	level_detach(&lab->levels[L2]);
	level_init(&lab->levels[L2], 2, &lab->levels[L1], lab->plan->lane.slowdown);
	while (!ret && now_ns() < until)
		ret = level_step(&lab->levels[L1], SETTLE_MS);
	return ret;
}

int bringup_libvirtd(struct lab *lab)
{
	static const char script[] = "cat /etc/hostname >/proc/sys/kernel/hostname || :; dmesg -n 5; mkdir -p /run/lock; exec libvirtd --daemon";
	char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)script, NULL };

	return level_command(&lab->levels[L1], "starting libvirtd", argv, 10);
}

static int boot_l1(struct lab *lab)
{
	_cleanup_free_ char *log = strf("%s/l1-console.log", lab->run_dir), *xml = NULL;
	struct bringup_l1 b;
	int ret;

	bringup_l1_spec(lab, &b);
	ret = bringup_make_overlay(lab->golden.path, lab->golden.format, b.overlay);
	if (!ret)
		ret = domxml_make(&b.spec, lab->uri, &xml);
	bringup_l1_free(&b);
	lab->levels[L1].console_file = bringup_console_path();
	str_set(&lab->levels[L1].emulator_log, NULL);
	lab->levels[L1].emulator_log = bringup_emulator_log();
	unlink(lab->levels[L1].console_file);
	if (!ret)
		ret = plugin_renew(&lab->plugin);
	if (!ret)
		ret = level_create(&lab->levels[L1], xml, log);
	if (!ret)
		ret = bringup_open_channel(&lab->levels[L1], 20);
	if (!ret)
		ret = bringup_libvirtd(lab);
	if (ret)
		return ret;
	/* Ready means its libvirtd too. */
	ret = connect_l2(lab);
	return ret ? ret : bringup_disconnect_l2(lab);
}

static int reconnect_l1(struct lab *lab)
{
	level_detach(&lab->levels[L1]);
	level_init(&lab->levels[L1], 1, NULL, lab->plan->lane.slowdown);
	return level_connect(&lab->levels[L1], lab->uri);
}

static int restore_l1(struct lab *lab)
{
	int ret = state_restore(lab, lab->l1_key);

	if (!ret)
		ret = bringup_open_channel(&lab->levels[L1], 5);
	return ret;
}

int bringup_l1(struct lab *lab, bool fresh)
{
	int ret;

	if (!fresh && state_exists(lab->l1_key)) {
		ui_stage_begin("L1");
		ret = restore_l1(lab);
		if (!ret) {
			ui_stage_end("restored");
			return 0;
		}
		if (proc_interrupted())
			return ret;
		/* E.g. a full disk cut it short, or QEMU was updated in place: boot instead. */
		ui_debug("L1's state can't be restored (%s); booting", fail_text());
		ui_stage_end("not restorable");
		state_drop(lab->l1_key);
		level_destroy(&lab->levels[L1]);
		level_init(&lab->levels[L1], 1, NULL, lab->plan->lane.slowdown);
		ret = level_connect(&lab->levels[L1], lab->uri);
		if (ret)
			return ret;
	}
	ui_stage_begin("L1");
	ret = boot_l1(lab);
	if (ret)
		return ret;
	ui_stage_end("booted, kernel %s", lab->host.release);
	if (!state_is_wanted(lab, lab->l1_key))
		return 0;
	ui_stage_begin("L1's state");
	level_close_channel(&lab->levels[L1]);
	ret = state_save(lab, lab->l1_key, false);
	if (!ret)
		ret = reconnect_l1(lab);
	if (!ret)
		ret = restore_l1(lab);
	if (!ret)
		ui_stage_end("saved");
	return ret;
}

/* "arch/x86/kvm/kvm-amd.ko" -> "kvm-amd" */
static char *module_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = xstrdup(slash ? slash + 1 : path), *dot = strrchr(name, '.');

	if (dot)
		*dot = '\0';
	return name;
}

bool bringup_loads(const struct lane *lane, const char *module)
{
	_cleanup_free_ char *name = module_name(module);
	const char *vendor = lane->intel ? "kvm-intel" : "kvm-amd";

	for (size_t i = 0; i < lane->modules.n; i++) {
		const char *m = lane->modules.v[i];

		if (!strcmp(!strcmp(m, "vendor") ? vendor : m, name))
			return true;
	}
	return false;
}

/* Both vendors' modules know it as a parameter; NULL: nothing to be said. */
static const char *paging_option(const struct lab *lab, const char *module)
{
	static const struct {
		const char *module, *option;
	} options[] = { { "kvm-amd", "npt=0" }, { "kvm-intel", "ept=0" } };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!lab->plan->knobs.nested_paging && !strcmp(module, options[i].module))
			return options[i].option;
	return NULL;
}

static char *put_at(const char *module)
{
	return strf(L1_DIR "/%s.ko", module);
}

char *bringup_kvm_modules(const struct lab *lab)
{
	_cleanup_buf_ struct buf list = { 0 };

	for (size_t i = 0; i < lab->host.modules.n; i++) {
		const char *local = lab->host.modules.v[i];
		_cleanup_free_ char *name = module_name(local), *to = put_at(name);
		_cleanup_free_ char *at = level_place_of(&lab->levels[L1], local, to);
		const char *option = paging_option(lab, name);

		if (bringup_loads(&lab->plan->lane, local))
			buf_printf(&list, "%s%s %s", list.len ? ":" : "", at, option ? option : "");
	}
	return xstrdup(buf_str(&list));
}

/*
 * The modules are the change under test: one that can't be loaded is not the lab's fault, and one
 * that hangs L1 is a crash. But the connection to it may have been lost as well: with a libvirtd
 * that was killed the change was told as wrong.
 */
static int why_not_loaded(struct lab *lab)
{
	_cleanup_free_ char *why = xstrdup(fail_text());
	const struct level *silent;
	int end = level_diagnose(&lab->levels[L1], &lab->levels[L1], &silent);

	if (end)
		return end;
	if (silent)
		return fail(OUT_CRASH, "%s hangs: its agent does not answer any more (%s)", silent->name, why);
	return fail(OUT_FAIL, "%s", why);
}

static int load_module(struct lab *lab, const char *local)
{
	_cleanup_free_ char *name = module_name(local), *to = put_at(name), *remote = NULL;
	_cleanup_free_ char *what = strf("loading %s", name);
	int ret;

	if (!bringup_loads(&lab->plan->lane, local))
		return 0;
	ret = level_place(&lab->levels[L1], local, to, 0600, &remote);
	if (!ret) {
		char *const argv[] = { (char *)"insmod", remote, (char *)paging_option(lab, name), NULL };

		ret = level_command(&lab->levels[L1], what, argv, 10);
	}
	return ret == -OUT_BROKEN && str_starts(fail_text(), what) ? why_not_loaded(lab) : ret;
}

/* The tracepoint is there once KVM is loaded. */
static void count_exits(struct lab *lab)
{
	static const char keys[] = "hist:keys=exit_reason\n";

	if (channel_write(lab->levels[L1].channel, "/sys/kernel/tracing/events/kvm/kvm_exit/trigger", keys, strlen(keys),
			  level_ms(&lab->levels[L1], 5)))
		fail_clear();
}

/*
 * What a change prints without a level goes to L1's log alone: on a serial line, which is slow
 * under emulation, 70 lines a call made 27 s of a test of 0.6, and a vCPU that prints so seemed to
 * hang. A kernel that checks itself prints its reports in this way, too.
 */
static void quieten_console(struct lab *lab)
{
	static const char levels[] = "5 6 1 7\n"; /* as dmesg -n 5, and KERN_INFO where none is said */
	struct level *l1 = &lab->levels[L1];

	if (!lab->plan->host.patches.strange || lab->plan->kernel.flavor.name)
		return;
	if (channel_write(l1->channel, "/proc/sys/kernel/printk", levels, strlen(levels),
			  level_ms(l1, 5)))
		fail_clear();
}

int bringup_kvm(struct lab *lab)
{
	int ret = 0;

	ui_stage_begin("KVM modules");
	quieten_console(lab);
	for (size_t i = 0; !ret && i < lab->host.modules.n; i++)
		ret = load_module(lab, lab->host.modules.v[i]);
	if (!ret) {
		count_exits(lab);
		ui_stage_end("loaded%s", lab->plan->knobs.nested_paging ? "" : " without nested paging");
	}
	return ret;
}

int bringup_suite(struct lab *lab, const char *device)
{
	static const char script[] = "mkdir -p " SUITE_DIR "; exec mount -t ext4 -o ro \"$1\" " SUITE_DIR;
	char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)script, (char *)"sh", (char *)device, NULL };

	return lab->suite.disk ? level_command(&lab->levels[L1], "mounting the suite's disk", argv, 10) : 0;
}

/* Samples of L2's exit count while it boots. */
struct sampling {
	struct boot_record *boot;
	uint64_t power_on_ns; /* the last sample that still read 0 */
	bool more;	      /* a new one came */
};

static void on_sample(void *ctx, const char *path, uint64_t level_ns, const char *text)
{
	struct sampling *s = ctx;
	struct boot_record *b = s->boot;
	uint64_t exits = strtoull(text, NULL, 10);

	(void)path;
	s->more = true;
	if (!exits && !b->n) {
		s->power_on_ns = level_ns;
		return;
	}
	if (!s->power_on_ns)
		s->power_on_ns = level_ns;
	b->samples = xrealloc(b->samples, b->n + 1, sizeof(*b->samples));
	b->samples[b->n++] = (struct exit_sample){
		.seconds = (double)(level_ns - s->power_on_ns) / 1e9,
		.exits = exits,
	};
}

/*
 * A guest that knows of no KVM has to find out how fast its TSC is, and on a busy machine it can't
 * ("Unable to calibrate against PIT"): it has no timer then, and hangs. L1 was told, and has the
 * same.
 */
static char *l2_cmdline(struct lab *lab)
{
	static const char word[] = "tsc_early_khz=";
	_cleanup_buf_ struct buf l1 = { 0 };
	struct level *l = &lab->levels[L1];
	const char *told;

	if (!lab->plan->l2_hides_kvm)
		return xstrdup(L2_OPTIONS);
	if (channel_get(l->channel, "/proc/cmdline", &l1, level_ms(l, 5)))
		fail_clear();
	told = strstr(buf_str(&l1), word);
	return told ? strf("%.*s " L2_OPTIONS, (int)strcspn(told, " \n"), told) : xstrdup(L2_OPTIONS);
}

static int l2_xml(struct lab *lab, char **xml)
{
	_cleanup_free_ char *kernel = NULL, *initrd = NULL, *cmdline = l2_cmdline(lab);
	struct domain_spec s = {
		.options = "l2",
		.name = L2_DOMAIN,
		.uuid = L2_UUID,
		.virt_type = "kvm",
		.cpu_mode = "host-passthrough",
		.cpus = lab->plan->knobs.l2_cpus,
		.holes = lab->plan->l2_has_holes,
		.hide_kvm = lab->plan->l2_hides_kvm,
		.memory_mib = lab->plan->l2_memory,
		.cmdline = cmdline,
	};
	int ret = level_place(&lab->levels[L1], lab->guest.bzimage, L1_DIR "/bzImage", 0644, &kernel);

	if (!ret)
		ret = level_place(&lab->levels[L1],
				  lab->l2_initramfs ? lab->l2_initramfs : lab->initramfs.path,
				  L1_DIR "/initramfs", 0644, &initrd);
	s.kernel = kernel;
	s.initrd = initrd;
	return ret ? ret : domxml_make(&s, lab->uri, xml);
}

/* One sample more, taken after READY. */
static int sample_once_more(struct lab *lab, struct sampling *s)
{
	uint64_t deadline = now_ns() + level_ms(&lab->levels[L1], 2) * NSEC_PER_MSEC;
	int ret = 0;

	s->more = false;
	while (!ret && !s->more && now_ns() < deadline)
		ret = level_step(&lab->levels[L1], SAMPLE_MS);
	return ret;
}

static char *read_exits(struct lab *lab)
{
	_cleanup_buf_ struct buf hist = { 0 };
	struct level *l1 = &lab->levels[L1];

	if (channel_get(l1->channel, L1_EXITS_HIST, &hist, level_ms(l1, 5)))
		fail_clear();
	return xstrdup(buf_str(&hist));
}

/*
 * Also after a failure, whose words are kept: a sample that came when the lab was brought down for
 * another try wrote to what was gone.
 */
static int end_sampling(struct lab *lab, uint32_t watch, int ret)
{
	_cleanup_free_ char *why = ret ? xstrdup(fail_text()) : NULL;
	struct channel *c = lab->levels[L1].channel;
	int err = c ? channel_unwatch(c, watch) : 0;

	return ret ? fail((enum outcome)-ret, "%s", why) : err;
}

static int boot_l2_sampled(struct lab *lab, struct sampling *s)
{
	_cleanup_free_ char *log = strf("%s/l2-console.log", lab->run_dir), *xml = NULL;
	struct boot_record *b = &lab->boot;
	uint32_t watch;
	int ret = l2_xml(lab, &xml);

	if (!ret)
		ret = channel_watch(lab->levels[L1].channel, "/sys/kernel/debug/kvm/[0-9]*/exits",
				    SAMPLE_MS, on_sample, s, &watch);
	if (ret)
		return ret;
	ui_debug("L2: XML and kernel are in L1");
	ret = level_create(&lab->levels[L2], xml, log);
	ui_debug("L2: runs");
	if (!ret)
		ret = bringup_open_channel(&lab->levels[L2], 8);
	ui_debug("L2: ready");
	if (!ret)
		ret = sample_once_more(lab, s);
	ret = end_sampling(lab, watch, ret);
	if (!ret)
		b->reasons = read_exits(lab);
	if (!ret && b->n) {
		b->exits = b->samples[b->n - 1].exits;
		b->seconds = b->samples[b->n - 1].seconds;
	}
	return ret;
}

int bringup_l2(struct lab *lab)
{
	struct sampling s = { .boot = &lab->boot };
	int ret;

	ui_stage_begin("L2");
	ret = capabilities_place(lab);
	if (!ret)
		ret = connect_l2(lab);
	if (!ret)
		ret = boot_l2_sampled(lab, &s);
	if (!ret)
		ui_stage_end("booted, %u vCPUs, kernel %s", lab->levels[L2].agent.cpus, lab->guest.release);
	return ret;
}

int bringup_join_l2(struct lab *lab)
{
	_cleanup_free_ char *log = lab->run_dir ? strf("%s/l2-console.log", lab->run_dir) : NULL;
	int ret = connect_l2(lab);

	if (!ret)
		ret = level_attach(&lab->levels[L2], L2_DOMAIN, log);
	if (!ret)
		ret = level_resume(&lab->levels[L2]); /* in a saved state it stands still */
	return ret ? ret : bringup_open_channel(&lab->levels[L2], 5);
}

/* ---- states of both ---- */

static int restore_both(struct lab *lab)
{
	int ret = state_restore(lab, lab->lab_key);

	if (!ret)
		ret = level_open_channel(&lab->levels[L1], 5);
	return ret ? ret : bringup_join_l2(lab);
}

static int go_on(struct lab *lab)
{
	int ret;

	if (lab->backend->saving_ends) {
		level_detach(&lab->levels[L1]);
		level_init(&lab->levels[L1], 1, NULL, lab->plan->lane.slowdown);
		return restore_both(lab);
	}
	ret = level_open_channel(&lab->levels[L1], 5);
	return ret ? ret : bringup_join_l2(lab);
}

int bringup_save(struct lab *lab)
{
	bool saved;
	int ret;

	if (!lab->plan->knobs.save_lab || !state_is_wanted(lab, lab->lab_key))
		return 0;
	ui_stage_begin("lab state");
	/*
	 * QEMU 7.2 can't restore a machine that was saved while a CPU of it was in its guest
	 * ("inconsistent ... nested state").
	 */
	ret = level_suspend(&lab->levels[L2]);
	if (!ret)
		ret = bringup_disconnect_l2(lab);
	if (ret)
		return ret;
	level_close_channel(&lab->levels[L1]);
	ret = state_save(lab, lab->lab_key, true);
	saved = !ret;
	if (ret && !lab->backend->saving_ends && !proc_interrupted()) {
		ui_debug("the lab's state is not saved: %s", fail_text());
		ret = 0;
	}
	if (!ret)
		ret = go_on(lab);
	if (!ret)
		ui_stage_end("%s", saved ? "saved" : "not saved");
	return ret;
}

int bringup_restore(struct lab *lab)
{
	int ret;

	ui_stage_begin("lab");
	ret = restore_both(lab);
	if (!ret)
		ui_stage_end("L1 and L2 restored");
	if (!ret || fail_outcome() == OUT_CRASH || proc_interrupted())
		return ret;
	ui_stage_end("not restorable, booting");
	ui_debug("the lab's state can't be restored: %s", fail_text());
	state_drop(lab->lab_key);
	lab_reset_levels(lab);
	return 1;
}
