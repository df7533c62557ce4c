// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floors: what plain tools need for what the lab does with them. A bare machine has the lab's host
 * kernel, as many CPUs and as much memory as L1, and no disk, no channel, no libvirt.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/hyperfine.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "bench/qemu.h"
#include "kernel/kernel.h"
#include "kernel/make.h"
#include "kernel/worktree.h"

#define KERNEL "6.12"
#define DEADLINE_S 300
#define NO_INIT "end Kernel panic" /* there is no root to find one in */
#define MACHINE "qemu-system-x86_64 -nodefaults -display none -machine q35 -accel tcg,thread=multi -cpu max -smp 3 -m 2048 -no-reboot -no-user-config"

static int host_kernel(struct kernel_build *build)
{
	struct kernel_conf k = { 0 };
	int ret = kernel_conf_load(KERNEL, &k);

	*build = (struct kernel_build){ 0 };
	if (!ret)
		ret = kernel_build(&k, KERNEL_HOST, build);
	kernel_conf_free(&k);
	return ret;
}

/* From its start to where its init would be: it finds no root, and resets. */
static int run_boot(struct bench_run *r, const struct bench *b)
{
	_cleanup_free_ char *command = NULL;
	struct kernel_build host;
	struct timed t = { .any_end = true, .warm = 1 };
	int ret = host_kernel(&host);

	if (!ret) {
		command = strf(MACHINE " -serial null -kernel %s -append 'console=ttyS0 panic=-1 reboot=t'", host.bzimage);
		t.command = command;
		ret = hyperfine_bench(r, b, &t, DEADLINE_S);
	}
	kernel_build_free(&host);
	return ret;
}

/* ---- a saved machine ---- */

static void machine(const struct kernel_build *host, const char *console, struct strv *argv)
{
	strv_split(argv, MACHINE, " ");
	strv_add(argv, "-serial");
	strv_addf(argv, "file:%s", console);
	strv_add(argv, "-kernel");
	strv_add(argv, host->bzimage);
	strv_add(argv, "-append");
	strv_add(argv, "console=ttyS0");
}

static int await_console(const char *console, const char *text)
{
	uint64_t deadline = now_ns() + DEADLINE_S * NSEC_PER_SEC;
	bool seen = false;

	while (!seen) {
		_cleanup_buf_ struct buf b = { 0 };

		seen = !file_read(console, &b) && strstr(buf_str(&b), text);
		if (proc_interrupted())
			return fail(OUT_INTERRUPTED, "interrupted");
		if (!seen && now_ns() > deadline)
			return fail(OUT_BROKEN, "a plain QEMU did not boot the kernel within %d s; its console: %s", DEADLINE_S, console);
		if (!seen)
			poll(NULL, 0, 50);
	}
	return 0;
}

static int save_machine(const struct strv *argv, const char *console, const char *state)
{
	_cleanup_free_ char *migrate = strf("{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"exec:cat >%s\"}}", state);
	struct qemu q;
	int ret;

	unlink(console);
	ret = qemu_start(&q, argv);
	if (!ret)
		ret = await_console(console, NO_INIT);
	if (!ret)
		ret = qemu_say(&q, "{\"execute\": \"migrate-set-capabilities\", \"arguments\": {\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}}");
	if (!ret)
		ret = qemu_say(&q, migrate);
	if (!ret)
		ret = qemu_await(&q, "\"completed\"", DEADLINE_S);
	qemu_end(&q);
	return ret;
}

static int load_machine(const struct strv *argv, const char *state, struct samples *s)
{
	_cleanup_strv_ struct strv all = { 0 };
	uint64_t start = now_ns();
	struct qemu q;
	int ret;

	for (size_t i = 0; i < argv->n; i++)
		strv_add(&all, argv->v[i]);
	strv_add(&all, "-incoming");
	strv_addf(&all, "exec:cat %s", state);
	ret = qemu_start(&q, &all);
	if (!ret)
		ret = qemu_await(&q, "\"RESUME\"", DEADLINE_S);
	if (!ret)
		samples_add(s, (double)(now_ns() - start) / 1e9);
	qemu_end(&q);
	return ret;
}

static int save_and_load(struct bench_run *r, const struct bench *b,
			 const struct kernel_build *host, struct samples *s)
{
	_cleanup_free_ char *state = strf("%s/machine", r->outside);
	_cleanup_free_ char *console = strf("%s/%s.log", r->dir, b->name);
	_cleanup_strv_ struct strv argv = { 0 };
	int ret;

	machine(host, console, &argv);
	ret = save_machine(&argv, console, state);
	for (unsigned int n = bench_values(r, b); !ret && n; n--)
		ret = load_machine(&argv, state, s);
	unlink(state);
	return ret;
}

static int run_load(struct bench_run *r, const struct bench *b)
{
	struct kernel_build host;
	struct samples s = { 0 };
	int ret = host_kernel(&host);

	if (!ret)
		ret = save_and_load(r, b, &host, &s);
	if (!ret)
		ret = bench_add_seconds(r, b, &s);
	kernel_build_free(&host);
	samples_free(&s);
	return ret;
}

/* ---- make ---- */

#define CHANGED "arch/x86/kvm/cpuid.c"

/* A declaration more at its end, which no cache of objects has seen with this number. */
static int change_file(struct bench_run *r, const struct worktree *w)
{
	_cleanup_free_ char *path = strf("%s/" CHANGED, w->src);
	_cleanup_buf_ struct buf b = { 0 };

	if (file_read(path, &b))
		return fail(OUT_BROKEN, "can't read %s", path);
	buf_printf(&b, "extern int nestlab_bench_%u;\n", r->numbers++);
	/* A new inode: the old one is other trees', too. */
	return file_write(path, b.data, b.len, 0666) ? fail(OUT_BROKEN, "can't write %s", path) : 0;
}

static int make_once(struct bench_run *r, const struct worktree *w, struct make *m, double *seconds)
{
	static const char *const goals[] = { "virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", NULL };
	int ret = change_file(r, w);
	uint64_t start = now_ns();

	if (!ret)
		ret = make_run(m, DEADLINE_S, goals);
	*seconds = (double)(now_ns() - start) / 1e9;
	return ret > 0 ? fail(OUT_BROKEN, "make ended with status %d: see %s", ret, m->log) : ret;
}

/* As the lab calls it, in its sandbox. The first one builds what the last series left, too. */
static int time_make(struct bench_run *r, const struct bench *b, const struct worktree *w)
{
	_cleanup_free_ char *log = strf("%s/%s.log", r->dir, b->name), *ccache = path_in_cache("ccache");
	struct samples s = { 0 };
	struct make m;
	double seconds;
	int ret;

	make_init(&m, w, b->what, log, ccache);
	ret = make_once(r, w, &m, &seconds);
	for (unsigned int n = bench_values(r, b); !ret && n; n--) {
		ret = make_once(r, w, &m, &seconds);
		if (!ret)
			samples_add(&s, seconds);
	}
	if (!ret)
		ret = bench_add_seconds(r, b, &s);
	make_free(&m);
	samples_free(&s);
	return ret;
}

static int run_kernel_make(struct bench_run *r, const struct bench *b)
{
	struct kernel_conf k = { 0 };
	struct worktree w;
	int ret = kernel_conf_load(KERNEL, &k);

	if (!ret) {
		ret = kernel_copy_tree(&k, KERNEL_HOST, &w);
		if (!ret)
			ret = time_make(r, b, &w);
		worktree_close(&w);
	}
	kernel_conf_free(&k);
	return ret;
}

static const struct bench floors[] = {
	{ .name = "floor-boot", .what = "plain QEMU boots the host kernel to where its init would be", .run = run_boot },
	{ .name = "floor-load", .what = "plain QEMU loads that machine, saved", .run = run_load },
	{ .name = "floor-make", .what = "plain make of the module kvm with one file changed", .run = run_kernel_make },
};
BENCHES(floors);
