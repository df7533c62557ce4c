// SPDX-License-Identifier: GPL-2.0-only
/*
 * A class judged by Slurm, on one node: this machine, with daemons of its own in a folder of its
 * own, which end with us. It wants root, as slurmd does.
 */
#include <signal.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/util.h"
#include "tests/check.h"

#define CLASS LOGS "/slurm"
#define GRADE(more, out) NESTLAB " grade " more " SUBMISSIONS=" CLASS "/class OUT=" CLASS "/" out " ASSIGNMENT=cpuid-exits " \
	"TESTS='cpuid-exits/counters cpuid-exits/answer' LANE=tcg-svm SAVE_LAB=0"
/* Until its task runs; $pid is the command. */
#define RUNS(out, log) GRADE("--slurm", out) " >" CLASS "/" log " 2>&1 & pid=$!; " \
	"until squeue -h -t running -o %F | grep .; do kill -0 $pid || break; sleep 0.2; done; "
#define LOG(log) "cat " CLASS "/" log "; "
#define LINES "tail -n +2 " CLASS "/by-slurm/class.csv"
#define GRADE_S 1800

/* ---- the node; $D is its folder ---- */

static const struct one_case node = {
	"a Slurm of one node is described",
	"set -e; mkdir $D/state $D/spool; head -c 1024 /dev/urandom >$D/key; chmod 400 $D/key; "
	"sed \"s,@D@,$D,; s,@HOST@,$(uname -n | cut -d. -f1),; s,@N@,$((2000 + $$ % 1000)),\" harness/tests/data/slurm/slurm.conf >$D/slurm.conf",
	0, { NULL }, 0
};

/* In the order of their start. */
static struct daemon {
	const char *name, *command;
	pid_t pid;
} daemons[] = {
	{ "munged", "exec munged --foreground --force --key-file=$D/key --socket=$D/munge.socket --pid-file=$D/munged.pid "
		    "--log-file=$D/munged.messages --seed-file=$D/munged.seed", 0 },
	{ "slurmctld", "until [ -S $D/munge.socket ]; do sleep 0.1; done; exec slurmctld -D", 0 },
	{ "slurmd", "until [ -S $D/munge.socket ]; do sleep 0.1; done; exec slurmd -D", 0 },
};

/* It ends with us, however we end. */
static void start(struct daemon *d, const char *folder)
{
	_cleanup_free_ char *log = strf("%s/%s.log", folder, d->name);
	int fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	d->pid = fork();
	if (!d->pid) {
		proc_child_setup();
		setsid();
		dup2(null, STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", d->command, NULL);
		_exit(127);
	}
	close(fd);
	close(null);
}

static void stop(struct daemon *d)
{
	if (d->pid <= 0)
		return;
	kill(d->pid, SIGTERM);
	for (unsigned int i = 0; i < 200 && !waitpid(d->pid, NULL, WNOHANG); i++)
		poll(NULL, 0, 50);
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	d->pid = 0;
}

static void tell_skip(const char *folder)
{
	_cleanup_buf_ struct buf out = { 0 };

	check_shell("slurm does not start", "tail -qn1 $D/*.log", 10, &out);
	for (char *p = out.data; p && *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	check_skipped("a class judged by Slurm", now_ns(), out.len ? buf_str(&out) : folder);
}

/* ---- what is seen ---- */

static const struct one_case without = {
	"no Slurm", "PATH=/nowhere " GRADE("--slurm", "nowhere"), 3, { "there is no sbatch on this machine" }, 0
};

static const struct one_case cases[] = {
	{ "a class of four, three of which are no change",
	  "rm -rf " CLASS "; mkdir -p " CLASS "/class; cd " CLASS "/class; : >empty; echo 'I did it, as you asked.' >words.txt; "
	  "echo https://example.org/mine >address.txt; cat ../../../../kernel-patches/6.12/host/*.patch >reference.patch", 0, { NULL }, 0 },
	{ "it is graded without Slurm", GRADE("", "alone"), 0, { "reference.patch          100.0  pass", "4 submissions, 0 judged before" }, GRADE_S },
	{ "^C cancels the array", RUNS("by-slurm", "1.log") "kill -INT $pid; wait $pid; s=$?; squeue -h; " LOG("1.log") "exit $s", 130,
	  { "tasks 1 to 1, 1 at once", "interrupted: Slurm job array", "is cancelled", "!  all  " }, 300 },
	{ "a task that is cancelled is not judged",
	  RUNS("by-slurm", "2.log") "scancel --user root; wait $pid; s=$?; " LOG("2.log") LINES "; exit $s", 3,
	  { "1 of 4 submissions were not judged", "\"reference.patch\",\"not judged\",\"\"", "ended as CANCELLED" }, 300 },
	{ "the grader is killed, its array goes on", RUNS("by-slurm", "3.log") "kill -KILL $pid; wait $pid; squeue -h -o %T", 0, { "RUNNING" }, 300 },
	{ "the same command judges what is missing", GRADE("--slurm", "by-slurm"), 0,
	  { "which an earlier run left", "reference.patch          100.0  pass", "4 submissions, 0 judged before" }, GRADE_S },
	{ "and comes to the same class", "diff " CLASS "/alone/class.csv " CLASS "/by-slurm/class.csv && squeue -h | sed 's/^/left: /'", 0, { "!left" }, 60 },
	{ "nothing is judged twice", GRADE("--slurm", "by-slurm"), 0, { "4 submissions, 1 judged before", "!job array" }, 300 },
};

static const struct one_case ends[] = {
	{ "Slurm's tasks end", "scancel --user root; for i in $(seq 60); do squeue -h | grep . || exit 0; sleep 1; done; exit 1", 0, { NULL }, 90 },
	{ "nothing is left of them", COUNT_OURS, 0, { NOTHING_LEFT }, 0 },
};

static bool judge(const char *folder)
{
	_cleanup_buf_ struct buf out = { 0 };
	bool good;

	if (check_shell("slurm starts", "for i in $(seq 30); do sinfo -h -o %t | grep -x idle && exit 0; sleep 1; done; exit 1", 60, &out)) {
		tell_skip(folder);
		return true;
	}
	good = run_cases(cases, ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		good &= run_set_up(&ends[i]);
	return good;
}

static bool on_a_node(const char *folder)
{
	_cleanup_free_ char *conf = strf("%s/slurm.conf", folder);
	bool good;

	setenv("D", folder, 1);
	setenv("SLURM_CONF", conf, 1);
	good = run_set_up(&node);
	for (size_t i = 0; good && i < ARRAY_SIZE(daemons); i++)
		start(&daemons[i], folder);
	good = good && judge(folder);
	for (size_t i = ARRAY_SIZE(daemons); i--;)
		stop(&daemons[i]);
	unsetenv("SLURM_CONF");
	rm_rf(folder);
	return good;
}

bool check_slurm(void)
{
	char folder[] = "/tmp/nestlab-slurm-XXXXXX";
	bool good = run_case(&without);

	if (geteuid())
		check_skipped("a class judged by Slurm", now_ns(), "only root starts slurmd");
	else if (check_shell("slurm", "for p in munged slurmctld slurmd sbatch; do command -v $p || exit; done", 10, NULL))
		check_skipped("a class judged by Slurm", now_ns(), "not all of config/packages-slurm is installed");
	else if (mkdtemp(folder))
		good = on_a_node(folder) && good;
	return good;
}
