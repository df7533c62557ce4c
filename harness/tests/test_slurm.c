// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool's jobs by Slurm: the batch script, what Slurm says, and whole arrays. sbatch, squeue and
 * scancel are scripts that do as the real ones did; check's part slurm has those. This program is
 * also the nestlab that a task starts: it ends as its folder's name says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "report/report.h"
#include "run/slurm.h"

#include <cmocka.h>

static char root[] = "/tmp/nestlab slurm'%-XXXXXX";

static char *in_root(const char *name)
{
	return strf("%s/%s", root, name);
}

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = in_root(name);

	assert_int_equal(file_write(path, text, strlen(text), 0755), 0);
}

static char *text_of(const char *name)
{
	_cleanup_free_ char *path = in_root(name);
	_cleanup_buf_ struct buf b = { 0 };

	file_read(path, &b);
	return xstrdup(buf_str(&b));
}

static bool is_there(const char *name)
{
	_cleanup_free_ char *path = in_root(name);

	return path_exists(path);
}

/* ---- the nestlab of a task: "run DIR OUT=DIR ..." ---- */

static int be_nestlab(int argc, char **argv)
{
	_cleanup_free_ char *json = strf("%s/results.json", argv[2]);
	const char *name = path_last(argv[2]);
	struct run_result *r = result_new("20261128-000000-0000");
	struct test_result *t = result_add_test(r, "cpuid-exits/exact", "cpuid-exits");

	for (int i = 0; i < argc; i++)
		puts(argv[i]);
	result_set_subject_what(r, "a change");
	result_add_check(t, "total", OUT_PASS, "1", "1", NULL);
	if (str_starts(name, "crash"))
		r->verdict = OUT_CRASH;
	result_finish(r);
	report_json(r, json);
	result_free(r);
	return str_starts(name, "breaks") ? 3 : str_starts(name, "crash") ? 5 : str_starts(name, "killed") ? 137 : 0;
}

/* ---- Slurm ---- */

/* Each task by its job's name: "never-NAME" has not begun. What squeue says is $T/NAME.says. */
static const char sbatch[] =
	"#!/bin/sh\necho \"$@\" >>\"$T/calls\"; n=${2#--array=1-}; n=${n%%\\%*}; shift 3; : >\"$T/states\"\n"
	"export SLURM_ARRAY_TASK_ID SLURM_JOB_ID=7\n"
	"for SLURM_ARRAY_TASK_ID in $(seq $n); do\n"
	"name=$(sed -n \"s,^$SLURM_ARRAY_TASK_ID) .*jobs/\\([a-z0-9-]*\\)'; set.*,\\1,p\" \"$1\")\n"
	"case $name in never-*) state=RUNNING ;; oom-*) sh \"$1\"; state=OUT_OF_MEMORY ;; limit-*) state=TIMEOUT ;;\n"
	"*) sh \"$1\"; state=COMPLETED ;; esac\n"
	"echo \"7 $SLURM_ARRAY_TASK_ID $state\" >>\"$T/states\"; done\n"
	"echo sbatch: a warning >&2; echo 7\n";
static const char squeue[] = "#!/bin/sh\necho '6 1 RUNNING'; cat \"$T/states\"\n";
static const char scancel[] = "#!/bin/sh\necho scancel $1 >>\"$T/calls\"; sed -i s/RUNNING/CANCELLED/ \"$T/states\"\n";

static struct told {
	unsigned int judged, lost, broken;
	char *why; /* of the last that was not judged */
} told;

static void count_job(struct pool_job *job, void *ctx)
{
	(void)ctx;
	if (job->result)
		told.judged++;
	else if (job->lost)
		told.lost++;
	else
		told.broken++;
	if (!job->result)
		str_set(&told.why, fail_text());
}

static void add_job(struct pool *p, const char *name)
{
	struct pool_job job = { .name = name, .dir = strf("%s/jobs/%s", root, name) };

	assert_int_equal(mkdir_p(job.dir), 0);
	p->jobs = xrealloc(p->jobs, p->n + 1, sizeof(*p->jobs));
	p->jobs[p->n++] = job;
}

/* As a class does: enter, run, leave. */
static int run_all(struct pool *p)
{
	struct slurm s = { .lock = -1, .needs = { 2, 6144, 60 } };
	_cleanup_free_ char *dir = in_root("slurm");
	_cleanup_strv_ struct strv jobs = { 0 };
	int ret;

	p->done = count_job;
	for (size_t i = 0; i < p->n; i++)
		strv_add(&jobs, p->jobs[i].dir);
	ret = slurm_enter(&s, dir, &jobs);
	if (!ret)
		ret = slurm_run(&s, p, 2);
	slurm_leave(&s);
	return ret;
}

static int set_up(void **state)
{
	_cleanup_free_ char *path = NULL;

	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	if (!mkdtemp(root))
		return -1;
	path = strf("%s:/usr/bin:/bin", root);
	setenv("PATH", path, 1);
	setenv("T", root, 1);
	put("sbatch", sbatch);
	put("squeue", squeue);
	put("scancel", scancel);
	put("states", "");
	put("calls", "");
	str_set(&told.why, NULL);
	told = (struct told){ 0 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	str_set(&told.why, NULL);
	return rm_rf(root);
}

/* ---- text ---- */

static void test_ids(void **state)
{
	uint64_t id;

	(void)state;
	assert_true(array_id("71\n", &id) && id == 71);
	assert_true(array_id("72;cluster\n", &id) && id == 72);
	assert_true(array_id("sbatch: warning: 9 nodes\n73\n", &id) && id == 73);
	assert_false(array_id("", &id));
	assert_false(array_id("0\n", &id));
	assert_false(array_id("sbatch: error: Batch job submission failed\n", &id));
}

/* As squeue 22.05 printed them, with those of another array, and a line of its trouble. */
static void test_states(void **state)
{
	static const char lines[] = "6 1 RUNNING\nslurm_load_jobs error: Unable to contact slurm controller\n7 2 RUNNING\n"
				    "7 1 COMPLETED\n7 3 OUT_OF_MEMORY\n7 99 RUNNING\n7 0 RUNNING\n7 N/A PENDING\n7 5 NEWER_WORD\n";
	static const enum task_is is[] = { TASK_COMPLETED, TASK_ACTIVE, TASK_ENDED,
					    TASK_UNKNOWN, TASK_ACTIVE };
	struct task_state states[ARRAY_SIZE(is)];

	(void)state;
	array_states(lines, 7, states, ARRAY_SIZE(states));
	for (size_t i = 0; i < ARRAY_SIZE(is); i++)
		assert_int_equal(states[i].is, is[i]);
	assert_string_equal(states[2].word, "OUT_OF_MEMORY");
	assert_string_equal(states[3].word, "unknown");
}

static void test_task_file(void **state)
{
	static const struct {
		const char *text;
		uint64_t index;
		int status;
	} rows[] = { { "3 0\n", 3, 0 }, { "12 137\n", 12, 137 }, { "", 0, -1 }, { "3", 0, -1 }, { "3 x\n", 0, -1 }, { "3 1 4\n", 0, -1 }, { "3 999\n", 0, -1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct task_said said = task_said(rows[i].text);

		assert_int_equal(said.index, rows[i].index);
		assert_int_equal(said.status, rows[i].status);
	}
}

static void test_verdicts(void **state)
{
	static const struct {
		enum task_is is;
		int status;
		enum task_verdict verdict;
	} rows[] = {
		{ TASK_ACTIVE, -1, TASK_GOES_ON },   { TASK_ACTIVE, 0, TASK_GOES_ON },
		{ TASK_COMPLETED, 0, TASK_JUDGED },  { TASK_COMPLETED, 3, TASK_JUDGED },
		{ TASK_COMPLETED, 5, TASK_JUDGED },  { TASK_COMPLETED, -1, TASK_SILENT },
		{ TASK_COMPLETED, 137, TASK_LOST },  { TASK_ENDED, -1, TASK_LOST },
		{ TASK_ENDED, 0, TASK_LOST },	     { TASK_ENDED, 5, TASK_LOST },
		{ TASK_UNKNOWN, 1, TASK_JUDGED },    { TASK_UNKNOWN, 5, TASK_LOST },
		{ TASK_UNKNOWN, -1, TASK_SILENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct task_state s = { .is = rows[i].is };

		assert_int_equal(task_verdict(&s, rows[i].status), rows[i].verdict);
	}
}

static void test_script(void **state)
{
	static const struct task_needs needs = { 2, 6144, 60 };
	struct pool_job jobs[] = { { .dir = (char *)"/c/it's 5%" }, { .dir = (char *)"/c/$HOME" } };
	const struct pool p = { .cache = "/a cache" };
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	array_script(&b, &p, jobs, 2, "/bin/nest lab", &needs);
	assert_non_null(strstr(buf_str(&b), "#!/bin/sh\n#SBATCH --job-name=nestlab\n#SBATCH --ntasks=1\n"
					    "#SBATCH --cpus-per-task=2\n#SBATCH --mem=6144M\n#SBATCH --time=60\n#SBATCH --no-requeue\n"));
	assert_non_null(strstr(buf_str(&b), "\n1) dir='/c/it'\\''s 5%'; set -- '/bin/nest lab' 'run' '/c/it'\\''s 5%' 'OUT=/c/it'\\''s 5%' "
					    "'HISTORY=no' 'SAVE_LAB=0' ;;\n2) dir='/c/$HOME'; set -- "));
	assert_non_null(strstr(buf_str(&b), "\nexport 'NESTLAB_CACHE=/a cache'\n"));
}

/* ---- arrays ---- */

static void test_all_judged(void **state)
{
	_cleanup_free_ char *calls = NULL, *log = NULL, *array = NULL;
	struct pool p = { 0 };

	(void)state;
	add_job(&p, "one");
	add_job(&p, "crash-2");
	add_job(&p, "breaks-3");
	assert_int_equal(run_all(&p), 0);
	assert_int_equal(told.judged, 2);
	assert_int_equal(told.broken, 1);
	assert_int_equal(p.jobs[1].result->verdict, OUT_CRASH);
	assert_non_null(strstr(told.why, "judging breaks-3 ended with exit code 3"));
	calls = text_of("calls");
	assert_non_null(strstr(calls, "--parsable --array=1-3%2 --output="));
	assert_non_null(strstr(calls, "slurm'%%-"));
	log = text_of("jobs/one/output.log");
	assert_non_null(strstr(log, "\nSAVE_LAB=0\nPLACE=s7\n"));
	array = text_of("slurm/array");
	assert_string_equal(array, "");
	assert_false(is_there("jobs/one/" TASK_FILE));
	pool_free(&p);
}

/* A machine that Slurm killed reads as a crash: it is none, and nobody takes it for one later. */
static void test_lost(void **state)
{
	struct pool p = { 0 };

	(void)state;
	add_job(&p, "one");
	add_job(&p, "killed-2");
	add_job(&p, "limit-3");
	add_job(&p, "oom-4");
	assert_int_equal(run_all(&p), 0);
	assert_int_equal(told.judged, 1);
	assert_int_equal(told.lost, 3);
	assert_non_null(strstr(told.why, "task 7_4 ended as OUT_OF_MEMORY with exit code 0"));
	assert_true(is_there("jobs/one/results.json"));
	assert_false(is_there("jobs/killed-2/results.json"));
	assert_false(is_there("jobs/oom-4/results.json"));
	pool_free(&p);
}

/* Runs them in a child until the second task's state is there, and sends it this signal. */
static int run_and_signal(struct pool *p, int signal)
{
	_cleanup_free_ char *array = NULL;
	pid_t pid = fork();
	int status;

	if (!pid) {
		proc_catch_signals();
		_exit(-run_all(p));
	}
	for (unsigned int i = 0; i < 200 && (!array || !*array); i++) {
		free(array);
		usleep(50000);
		array = text_of("slurm/array");
	}
	usleep(500000);
	kill(pid, signal);
	waitpid(pid, &status, 0);
	return status;
}

static void test_interrupted(void **state)
{
	_cleanup_free_ char *calls = NULL;
	struct pool p = { 0 };
	int status;

	(void)state;
	add_job(&p, "never-1");
	status = run_and_signal(&p, SIGINT);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), OUT_INTERRUPTED);
	calls = text_of("calls");
	assert_non_null(strstr(calls, "scancel 7\n"));
	pool_free(&p);
}

/* The next one ends its array, and keeps what was judged. */
static void test_killed(void **state)
{
	_cleanup_free_ char *calls = NULL, *dir = in_root("slurm");
	struct slurm s = { .lock = -1 };
	_cleanup_strv_ struct strv jobs = { 0 };
	struct pool p = { 0 };

	(void)state;
	add_job(&p, "one");
	add_job(&p, "never-2");
	add_job(&p, "oom-3");
	assert_true(WIFSIGNALED(run_and_signal(&p, SIGKILL)));
	for (size_t i = 0; i < p.n; i++)
		strv_add(&jobs, p.jobs[i].dir);
	put("jobs/never-2/results.json", "{}");
	put("jobs/oom-3/" TASK_FILE, "3 5\n");
	put("jobs/oom-3/results.json", "{}");
	assert_true(slurm_was_in(dir));
	assert_int_equal(slurm_enter(&s, dir, &jobs), 0);
	slurm_leave(&s);
	calls = text_of("calls");
	assert_non_null(strstr(calls, "scancel 7\n"));
	assert_true(is_there("jobs/one/results.json"));
	assert_false(is_there("jobs/never-2/results.json"));
	assert_false(is_there("jobs/oom-3/results.json"));
	assert_false(is_there("jobs/never-2/" TASK_FILE));
	pool_free(&p);
}

static void test_two_of_one_folder(void **state)
{
	struct slurm first = { .lock = -1 }, second = { .lock = -1 };
	_cleanup_free_ char *dir = in_root("slurm");
	const struct strv none = { 0 };

	(void)state;
	assert_int_equal(slurm_enter(&first, dir, &none), 0);
	assert_int_equal(slurm_enter(&second, dir, &none), -OUT_BUSY);
	slurm_leave(&first);
	slurm_leave(&second);
}

static void test_no_slurm(void **state)
{
	struct pool p = { 0 };

	(void)state;
	add_job(&p, "one");
	put("sbatch", "#!/bin/sh\necho 'sbatch: error: Batch job submission failed: Invalid account' >&2; exit 1\n");
	assert_int_equal(run_all(&p), -OUT_BROKEN);
	assert_string_equal(fail_text(), "Slurm takes no job array (sbatch ended with status 1): sbatch: error: Batch job submission "
			    "failed: Invalid account");
	setenv("PATH", "/nowhere", 1);
	assert_int_equal(slurm_find(), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "there is no sbatch on this machine"));
	pool_free(&p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_task_file),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_script),
		T(test_all_judged),
		T(test_lost),
		T(test_interrupted),
		T(test_killed),
		T(test_two_of_one_folder),
		T(test_no_slurm),
	};

	if (argc > 2 && !strcmp(argv[1], "run"))
		return be_nestlab(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "cache"))
		return puts("/tmp/nestlab-test-slurm-none") < 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
