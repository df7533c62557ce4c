// SPDX-License-Identifier: GPL-2.0-only
#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

/* Nobody, and no other program is who that is: all that it left behind is swept away by this. */
#define NOBODY 64206
#define TICK_US 20000 /* how soon a deadline is noticed */
#define RED_ZONE 128  /* the x86-64 ABI: a function may use what is under its stack pointer */
#define SYSCALL_BYTES 2

#define SYSCALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */

struct task {
	pid_t tid; /* 0: free */
	struct tracee_call call;
	bool left_out, changed;
	struct user_regs_struct asked; /* as the program made the call, when that was changed */
};

struct tracee {
	const struct tracee_watcher *watcher;
	struct task tasks[TRACEE_MAX_TASKS];
	struct task *now; /* the one that the watcher is called for */
	pid_t pid;
	int mem;     /* /proc/PID/mem */
	bool loaded; /* the program itself runs, and not our own child any more */
	bool stop;
	uint64_t deadline_ns;
	struct tracee_result *result;
};

/* -- the child -- */

static void limit(int what, rlim_t most)
{
	struct rlimit l = { most, most };

	if (setrlimit(what, &l))
		_exit(126);
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		_exit(126);
}

static void give_up_rights(void)
{
	limit(RLIMIT_FSIZE, 16 << 20); /* a guest's memory may be a file, too */
	limit(RLIMIT_AS, 1 << 30);
	limit(RLIMIT_NOFILE, 64);
	limit(RLIMIT_NPROC, 64);
	limit(RLIMIT_CORE, 0);
	become_nobody();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(126);
}

static _Noreturn void be_program(char *const argv[], int out, int err, bool traced)
{
	int null = open("/dev/null", O_RDONLY);
	char *const no_environment[] = { NULL };

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	setsid();
	give_up_rights();
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP); /* until the options are set */
	}
	execve(argv[0], argv, no_environment);
	_exit(127);
}

/* -- its tasks -- */

static struct task *task_of(struct tracee *t, pid_t tid)
{
	struct task *unused = NULL;

	for (size_t i = 0; i < TRACEE_MAX_TASKS; i++) {
		if (t->tasks[i].tid == tid)
			return &t->tasks[i];
		if (!t->tasks[i].tid && !unused)
			unused = &t->tasks[i];
	}
	if (unused)
		*unused = (struct task){ .tid = tid };
	return unused;
}

/* Those, too, that are not in the table: one more fork is always on its way. */
static void kill_all(struct tracee *t)
{
	int status;
	pid_t tid;

	for (size_t i = 0; i < TRACEE_MAX_TASKS; i++)
		if (t->tasks[i].tid)
			kill(t->tasks[i].tid, SIGKILL);
	if (t->pid)
		kill(t->pid, SIGKILL);
	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (tid > 0 && WIFSTOPPED(status))
			kill(tid, SIGKILL);
}

/* -- a stop at a system call -- */

static void set_call(pid_t tid, uint64_t number)
{
	ptrace(PTRACE_POKEUSER, tid, (void *)offsetof(struct user, regs.orig_rax), (void *)number);
}

static void set_result(pid_t tid, int64_t result)
{
	ptrace(PTRACE_POKEUSER, tid, (void *)offsetof(struct user, regs.rax), (void *)result);
}

/* Another call than the program made. */
static void change_call(struct task *k)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, k->tid, NULL, &k->asked))
		return;
	regs = k->asked;
	regs.orig_rax = k->call.number;
	regs.rdi = k->call.args[0];
	regs.rsi = k->call.args[1];
	regs.rdx = k->call.args[2];
	k->changed = !ptrace(PTRACE_SETREGS, k->tid, NULL, &regs);
}

/* A compiler counts on it that a system call leaves its arguments' registers as they were. */
static void restore_arguments(struct task *k)
{
	struct user_regs_struct regs;

	k->changed = false;
	if (ptrace(PTRACE_GETREGS, k->tid, NULL, &regs))
		return;
	regs.rdi = k->asked.rdi;
	regs.rsi = k->asked.rsi;
	regs.rdx = k->asked.rdx;
	ptrace(PTRACE_SETREGS, k->tid, NULL, &regs);
}

static bool is_changed(const struct tracee_call *call, const struct __ptrace_syscall_info *info)
{
	return call->number != info->entry.nr ||
	       memcmp(call->args, info->entry.args, sizeof(call->args));
}

static void on_enter(struct tracee *t, const struct __ptrace_syscall_info *info)
{
	struct task *k = t->now;

	k->call = (struct tracee_call){ .number = info->entry.nr };
	memcpy(k->call.args, info->entry.args, sizeof(k->call.args));
	k->left_out = !t->watcher->enter(t, t->watcher->ctx, &k->call);
	if (k->left_out)
		set_call(k->tid, (uint64_t)-1);
	else if (is_changed(&k->call, info))
		change_call(k);
}

static void on_leave(struct tracee *t, const struct __ptrace_syscall_info *info)
{
	struct task *k = t->now;
	int64_t real = info->exit.rval;

	if (k->changed)
		restore_arguments(k);
	if (!k->left_out)
		k->call.result = real;
	t->watcher->leave(t, t->watcher->ctx, &k->call);
	if (k->call.result != real)
		set_result(k->tid, k->call.result);
}

static void on_syscall(struct tracee *t, struct task *k)
{
	struct __ptrace_syscall_info info = { 0 };

	if (!t->loaded || ptrace(PTRACE_GET_SYSCALL_INFO, k->tid, (void *)sizeof(info), &info) <= 0)
		return;
	t->now = k;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_enter(t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT && k->call.number)
		on_leave(t, &info);
	t->now = NULL;
}

/* A program that was just loaded has new memory. */
static void on_exec(struct tracee *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)t->pid);
	if (t->mem >= 0)
		close(t->mem);
	t->mem = open(path, O_RDWR | O_CLOEXEC);
	if (t->mem < 0)
		guest_broken(__FILE__, __LINE__, "can't open %s", path);
	t->loaded = true;
}

/* The signal that the task is to get when it goes on. */
static int on_stop(struct tracee *t, struct task *k, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == SYSCALL_STOP)
		on_syscall(t, k);
	else if (event == PTRACE_EVENT_EXEC)
		on_exec(t);
	else if (!event && signal != SIGSTOP && signal != SIGTRAP)
		return signal;
	return 0;
}

static void on_end(struct tracee *t, struct task *k, int status)
{
	if (k->tid == t->pid) {
		t->result->end = WIFEXITED(status) ? TRACEE_EXITED : TRACEE_SIGNALED;
		t->result->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
		t->pid = 0;
	}
	k->tid = 0;
}

/* -- the loop -- */

static void on_tick(int sig)
{
	(void)sig;
}

/*
 * Ticks, so that waitpid() comes back; again and again, as a single one could come just before it.
 */
static void tick(bool on)
{
	struct sigaction a = { .sa_handler = on_tick };
	struct itimerval every = { .it_interval.tv_usec = on ? TICK_US : 0,
				   .it_value.tv_usec = on ? TICK_US : 0 };

	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* 0 when it is to be ended. */
static pid_t next_task(struct tracee *t, int *status)
{
	pid_t tid;

	do {
		if (guest_now_ns() > t->deadline_ns) {
			t->result->end = TRACEE_DEADLINE;
			return 0;
		}
		tid = waitpid(-1, status, __WALL);
	} while (tid < 0 && errno == EINTR);
	if (tid < 0)
		guest_broken(__FILE__, __LINE__, "waiting for the traced program");
	return tid;
}

/* All that is left of it, and ran away from those who watch. The tick ends here. */
static void sweep(void)
{
	pid_t pid;

	tick(false);
	pid = SAFE_FORK();
	if (!pid) {
		become_nobody();
		kill(-1, SIGKILL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void follow(struct tracee *t)
{
	int status, signal;

	while (t->pid) {
		pid_t tid = next_task(t, &status);
		struct task *k = tid ? task_of(t, tid) : NULL;

		if (tid && !k) {
			kill(tid, SIGKILL);
			t->stop = true; /* too many tasks */
		} else if (tid && !WIFSTOPPED(status)) {
			on_end(t, k, status);
		} else if (tid) {
			signal = on_stop(t, k, status);
			if (!t->stop)
				ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)signal);
		}
		if (t->stop)
			t->result->end = TRACEE_STOPPED;
		if (!tid || t->stop)
			return;
	}
}

static void attach(struct tracee *t)
{
	const intptr_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC |
				 PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	int status;

	if (waitpid(t->pid, &status, __WALL) != t->pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, t->pid, NULL, (void *)options) ||
	    ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL))
		guest_broken(__FILE__, __LINE__, "can't trace the program");
}

static int memory_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		guest_broken(__FILE__, __LINE__, "can't make a file for the program's output");
	return fd;
}

static size_t take_output(int fd, char *to)
{
	ssize_t n = pread(fd, to, TRACEE_OUTPUT_MAX, 0);

	close(fd);
	return n > 0 ? (size_t)n : 0;
}

void tracee_run(char *const argv[], unsigned int deadline_ms, const struct tracee_watcher *w,
		struct tracee_result *r)
{
	struct tracee t = { .watcher = w, .result = r, .mem = -1 };
	int out = memory_file("out"), err = memory_file("err");

	t.deadline_ns = guest_now_ns() + (uint64_t)deadline_ms * 1000000;
	t.pid = SAFE_FORK();
	if (!t.pid)
		be_program(argv, out, err, true);
	attach(&t);
	tick(true);
	follow(&t);
	kill_all(&t);
	sweep();
	if (t.mem >= 0)
		close(t.mem);
	r->out_len = take_output(out, r->out);
	r->err_len = take_output(err, r->err);
	if (!t.loaded)
		guest_broken(__FILE__, __LINE__, "can't run %s", argv[0]);
}

/* -- another one beside it -- */

/* Until it ends or, at the deadline, is ended. */
static int wait_beside(pid_t pid, uint64_t deadline_ns, struct tracee_result *r)
{
	int status = 0;

	while (waitpid(pid, &status, 0) != pid) {
		if (guest_now_ns() < deadline_ns)
			continue; /* a tick */
		r->end = TRACEE_DEADLINE;
		kill(pid, SIGKILL);
	}
	return status;
}


void tracee_beside(struct tracee *t, char *const argv[], unsigned int deadline_ms,
		   struct tracee_result *r)
{
	int out = memory_file("out beside"), err = memory_file("err beside"), status;
	uint64_t start = guest_now_ns();
	pid_t pid = SAFE_FORK();

	if (!pid)
		be_program(argv, out, err, false);
	*r = (struct tracee_result){ .end = TRACEE_EXITED };
	tick(true); /* as the watched one's may not be running */
	status = wait_beside(pid, start + (uint64_t)deadline_ms * 1000000, r);
	if (r->end != TRACEE_DEADLINE) {
		r->end = WIFEXITED(status) ? TRACEE_EXITED : TRACEE_SIGNALED;
		r->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	}
	r->out_len = take_output(out, r->out);
	r->err_len = take_output(err, r->err);
	if (t)
		t->deadline_ns += guest_now_ns() - start;
	else
		sweep();
}

/* -- for the watcher -- */

bool tracee_read(struct tracee *t, uint64_t at, void *to, size_t len)
{
	return pread(t->mem, to, len, (off_t)at) == (ssize_t)len;
}

bool tracee_write(struct tracee *t, uint64_t at, const void *from, size_t len)
{
	return pwrite(t->mem, from, len, (off_t)at) == (ssize_t)len;
}

void tracee_fd(struct tracee *t, int fd, char *name, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->now->tid, fd);
	n = readlink(path, name, size - 1);
	name[n > 0 ? n : 0] = '\0';
}

uint64_t tracee_scratch(struct tracee *t, size_t len)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, t->now->tid, NULL, &regs))
		guest_broken(__FILE__, __LINE__, "can't read the program's registers");
	return (regs.rsp - RED_ZONE - len) & ~(uint64_t)15;
}

static bool to_next_stop(struct tracee *t)
{
	int status;
	pid_t got;

	if (ptrace(PTRACE_SYSCALL, t->now->tid, NULL, NULL))
		return false;
	do
		got = waitpid(t->now->tid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	return got > 0 && WIFSTOPPED(status) && WSTOPSIG(status) == SYSCALL_STOP;
}

/* The task has just left a system call: its instruction is behind it, and is run again. */
int64_t tracee_inject(struct tracee *t, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	struct user_regs_struct saved, regs;
	int64_t result = -EIO;

	if (ptrace(PTRACE_GETREGS, t->now->tid, NULL, &saved))
		return result;
	regs = saved;
	regs.rip -= SYSCALL_BYTES;
	regs.rax = number;
	regs.orig_rax = (uint64_t)-1; /* no call is being restarted */
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	if (!ptrace(PTRACE_SETREGS, t->now->tid, NULL, &regs) && to_next_stop(t) &&
	    to_next_stop(t) && !ptrace(PTRACE_GETREGS, t->now->tid, NULL, &regs))
		result = (int64_t)regs.rax;
	saved.orig_rax = (uint64_t)-1;
	ptrace(PTRACE_SETREGS, t->now->tid, NULL, &saved);
	return result;
}

void tracee_stop(struct tracee *t)
{
	t->stop = true;
}
