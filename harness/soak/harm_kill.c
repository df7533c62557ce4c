// SPDX-License-Identifier: GPL-2.0-only
/* Programs of a lab that end or stop in the middle: by the OOM killer, by hand, in a power cut. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak/harm.h"

#define SHORT_S 3
#define LONG_S 25 /* more than any deadline of a lab that answers at once */

/* One of them, drawn; 0: there is none. */
static pid_t draw(struct victim *v, const char *comm)
{
	struct pids pids;
	pid_t pid;

	world_processes(v->world, comm, &pids);
	pid = pids.n ? pids.v[dice_below(v->dice, pids.n)] : 0;
	free(pids.v);
	return pid;
}

static bool signal_one(struct victim *v, const char *comm, int sig)
{
	pid_t pid = draw(v, comm);

	if (pid <= 0 || kill(pid, sig))
		return false;
	buf_printf(&v->note, "SIG%s to %s", sigabbrev_np(sig), comm);
	return true;
}

static bool kill_harness(struct victim *v)
{
	buf_puts(&v->note, "SIGKILL to nestlab");
	return !kill(v->pid, SIGKILL);
}

static bool kill_qemu(struct victim *v)
{
	return signal_one(v, "qemu-system-x86", SIGKILL);
}

static bool kill_libvirtd(struct victim *v)
{
	return signal_one(v, "libvirtd", SIGKILL);
}

static bool kill_bochs(struct victim *v)
{
	return signal_one(v, "bochs", SIGKILL);
}

static bool stop_qemu(struct victim *v)
{
	return signal_one(v, "qemu-system-x86", SIGSTOP);
}

static bool stop_libvirtd(struct victim *v)
{
	return signal_one(v, "libvirtd", SIGSTOP);
}

/* What nobody ended goes on then, and is told as left. */
static void continue_all(struct victim *v)
{
	struct pids pids;

	world_processes(v->world, NULL, &pids);
	for (size_t i = 0; i < pids.n; i++)
		kill(pids.v[i], SIGCONT);
	free(pids.v);
}

static size_t signal_all(struct victim *v, int sig)
{
	struct pids pids;
	size_t n = 0;

	world_processes(v->world, NULL, &pids);
	for (size_t i = 0; i < pids.n; i++)
		n += !kill(pids.v[i], sig);
	free(pids.v);
	return n;
}

static bool power_cut(struct victim *v)
{
	buf_printf(&v->note, "SIGKILL to all %zu", signal_all(v, SIGKILL));
	return true;
}

/* A suspended machine's clock stands still, too; this one's goes on, which is harder. */
static bool suspend(struct victim *v, unsigned int seconds)
{
	size_t n = signal_all(v, SIGSTOP);

	sleep(seconds);
	signal_all(v, SIGCONT);
	buf_printf(&v->note, "all %zu stood still for %u s", n, seconds);
	return true;
}

static bool suspend_shortly(struct victim *v)
{
	return suspend(v, SHORT_S);
}

static bool suspend_long(struct victim *v)
{
	return suspend(v, LONG_S);
}

static const struct harm kills[] = {
	{ .name = "kill-nestlab", .what = "nestlab is killed", .harm = kill_harness },
	{ .name = "kill-qemu", .what = "QEMU is killed", .machine = "libvirt", .harm = kill_qemu },
	{ .name = "kill-libvirtd", .what = "libvirtd is killed", .machine = "libvirt", .harm = kill_libvirtd },
	{ .name = "kill-bochs", .what = "Bochs is killed", .machine = "bochs", .harm = kill_bochs },
	{ .name = "stop-qemu", .what = "QEMU is stopped, and does not go on", .machine = "libvirt", .harm = stop_qemu, .undo = continue_all },
	{ .name = "stop-libvirtd", .what = "libvirtd is stopped, and does not go on", .machine = "libvirt", .harm = stop_libvirtd, .undo = continue_all },
	{ .name = "power-cut", .what = "all processes are killed at once", .harm = power_cut },
	{ .name = "suspend", .what = "all processes stand still for 3 s", .harm = suspend_shortly },
	{ .name = "suspend-long", .what = "all processes stand still for 25 s", .harm = suspend_long },
};
HARMS(kills);
