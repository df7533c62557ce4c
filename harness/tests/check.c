// SPDX-License-Identifier: GPL-2.0-only
/*
 * `make check`: the project's own tests in one run. Unit tests, static analysis, then the lab for
 * real, as a user drives it: each case is a command line, the exit code that it must have, and
 * words that must be in what it prints.
 *
 * The last line is "N passed, N failed, N skipped". By hand: check [PART [WORDS OF ITS CASES' NAMES]].
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"
#include "tests/check.h"

#define LONGEST "test_losses"

static const char *only; /* cases whose names have these words; NULL: all */

static struct {
	unsigned int passed, failed, skipped;
	struct strv names; /* of those that failed: a log that is cut off has its end */
} count;

static void told(const char *verdict, const char *name, uint64_t start, const char *why)
{
	if (!strcmp(verdict, "FAIL"))
		strv_addf(&count.names, "%s%s%s", name, why && *why ? ": " : "", why ? why : "");
	printf("%-5s %-44s %7.1f s%s%s\n", verdict, name, (double)(now_ns() - start) / 1e9,
	       why && *why ? "  " : "", why ? why : "");
	fflush(stdout);
}

void check_passed(const char *name, uint64_t start)
{
	count.passed++;
	told("ok", name, start, NULL);
}

void check_skipped(const char *name, uint64_t start, const char *why)
{
	count.skipped++;
	told("skip", name, start, why);
}

void check_failed(const char *name, uint64_t start, const char *why)
{
	count.failed++;
	told("FAIL", name, start, why);
}

static char *log_path(const char *name)
{
	char *path = strf(LOGS "/%s.log", name);

	for (char *p = path + strlen(LOGS) + 1; *p; p++)
		if (*p == '/' || *p == ' ')
			*p = '-';
	return path;
}

/*
 * Where a line of a failure starts, by its first word: of the lab's report, of TAP, of a compiler.
 */
static bool is_failure(const char *line)
{
	static const char *const words[] = { "FAIL ", "not ok ", "verdict: crash", "broken: ", "error: " };

	line += strspn(line, " ");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_starts(line, words[i]))
			return true;
	return false;
}

/*
 * What failed, each with the lines that explain it, then the end: a log that is cut off has the
 * first.
 */
static void show_failures(const char *text)
{
	static const unsigned int explained = 6, end = 25;
	const char *p = text + strlen(text);
	unsigned int left = 0;

	printf("--- what failed in what it printed:\n");
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (is_failure(line))
			left = explained;
		if (left) {
			printf("%.*s\n", (int)len, line);
			left--;
		}
		line += len + (line[len] == '\n');
	}
	for (unsigned int lines = 0; p > text && lines < end; p--)
		lines += p[-1] == '\n';
	printf("--- the end of it:\n%s---\n", p);
}

int check_shell(const char *name, const char *command, unsigned int deadline_s, struct buf *out)
{
	_cleanup_free_ char *log = log_path(name);
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	struct proc p = { .what = name, .argv = argv, .log_path = log, .out = out,
			  .deadline_s = deadline_s };

	unlink(log);
	return proc_run(&p);
}

/* -- cases: commands with an expected end -- */

static char *case_fault(const struct one_case *c, int status, const char *out)
{
	if (status < 0)
		return xstrdup(fail_text());
	if (c->status != ANY_STATUS && status != c->status)
		return strf("expected exit code %d, observed %d", c->status, status);
	for (size_t i = 0; i < ARRAY_SIZE(c->says) && c->says[i]; i++) {
		bool unwanted = c->says[i][0] == '!';
		const char *words = c->says[i] + unwanted;

		if (unwanted == (strstr(out, words) != NULL))
			return strf("expected %s'%s' in what it prints", unwanted ? "no " : "", words);
	}
	return NULL;
}

bool check_wants(const char *name)
{
	return !only || strstr(name, only);
}

bool run_case(const struct one_case *c)
{
	return !check_wants(c->name) || run_set_up(c);
}

bool run_set_up(const struct one_case *c)
{
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *why = NULL;
	uint64_t start = now_ns();
	int status;

	status = check_shell(c->name, c->command, c->deadline_s ? c->deadline_s : 300, &out);

	why = case_fault(c, status, buf_str(&out));
	if (!why) {
		check_passed(c->name, start);
		return true;
	}
	check_failed(c->name, start, why);
	show_failures(buf_str(&out));
	return false;
}

bool run_cases(const struct one_case *c, size_t n)
{
	bool all = true;

	for (size_t i = 0; i < n && !proc_interrupted(); i++)
		all &= run_case(&c[i]);
	return all;
}

/* -- unit tests: one program a module, counted by what they print (TAP) -- */

static unsigned int count_lines(const char *text, const char *prefix)
{
	unsigned int n = 0;

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		n += str_starts(p, prefix);
	return n;
}

/* Its lines into the counts; told by the thread that ran it. */
static void tell_unit(const char *name, uint64_t start, int status, const char *out)
{
	_cleanup_free_ char *why = NULL;
	unsigned int ok = count_lines(out, "ok "), bad = count_lines(out, "not ok "), skipped = 0;

	for (const char *p = out; (p = strstr(p, "# SKIP")); p++)
		skipped++;
	count.passed += ok - (skipped < ok ? skipped : ok);
	count.skipped += skipped;
	count.failed += bad;
	if (!status && ok && !bad) {
		why = strf("%u tests", ok);
		told("ok", name, start, why);
		return;
	}
	/* A sanitizer's end has no "not ok" line. */
	count.failed += !bad;
	why = strf("status %d, %u failed", status, bad);
	told("FAIL", name, start, why);
	show_failures(out);
}

/* What the threads share: the programs that wait for one, and what is told. */
struct units {
	struct strv programs;
	size_t next;
	pthread_mutex_t lock;
};

static const char *take_program(struct units *u)
{
	const char *program = NULL;

	pthread_mutex_lock(&u->lock);
	if (u->next < u->programs.n && !proc_interrupted())
		program = u->programs.v[u->next++];
	pthread_mutex_unlock(&u->lock);
	return program;
}

static void *run_units(void *arg)
{
	struct units *u = arg;

	for (const char *program; (program = take_program(u));) {
		_cleanup_free_ char *name = strf("unit %s", program);
		_cleanup_free_ char *command = strf("CMOCKA_MESSAGE_OUTPUT=TAP build/tests/%s", program);
		_cleanup_buf_ struct buf out = { 0 };
		uint64_t start = now_ns();
		int status = check_shell(name, command, 300, &out);

		pthread_mutex_lock(&u->lock);
		tell_unit(name, start, status, buf_str(&out));
		pthread_mutex_unlock(&u->lock);
	}
	return NULL;
}

/* The longest first: it mostly waits, for what it takes to be lost. */
static void add_program(struct units *u, const char *name)
{
	if (str_starts(name, "test_") && !str_ends(name, ".d") && strcmp(name, LONGEST))
		strv_add(&u->programs, name);
}

/* As many at once as there are CPUs: many of them wait. */
static bool check_unit(void)
{
	struct units u = { .lock = PTHREAD_MUTEX_INITIALIZER };
	_cleanup_strv_ struct strv names = { 0 };
	pthread_t threads[8];
	size_t n = (size_t)sysconf(_SC_NPROCESSORS_ONLN), started = 0;

	if (dir_list("build/tests", NULL, &names))
		return false;
	strv_add(&u.programs, LONGEST);
	for (size_t i = 0; i < names.n; i++)
		add_program(&u, names.v[i]);
	while (started < n && started < ARRAY_SIZE(threads) &&
	       !pthread_create(&threads[started], NULL, run_units, &u))
		started++;
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	strv_free(&u.programs);
	return started && !count.failed;
}

/* -- static analysis -- */

static bool check_lint(void)
{
	static const struct one_case cases[] = {
		{ "lint cppcheck",
		  "cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j2 "
		  "--enable=warning,performance,portability --suppress=missingIncludeSystem "
		  "--suppress=unknownMacro --suppress=nullPointerOutOfMemory --suppress=comparePointers "
		  "--suppress=subtractPointers -D_GNU_SOURCE -D__linux__ "
		  "-Iharness -Iguest-image/agent -I. harness guest-image/agent testcases",
		  0, { NULL }, 600 },
		/* A sentence in quotes is searched for, and stays in one piece. */
		{ "lint width",
		  "n=0; for f in $(git ls-files 'harness/*.[ch]'); do "
		  "expand \"$f\" | awk -v f=\"$f\" 'length > 100 && !/\"/ { print f \":\" FNR; n = 1 } END { exit n }' || n=1; "
		  "done; exit $n",
		  0, { NULL }, 60 },
		{ "lint kernel patches",
		  "set -e; tree=$(" NESTLAB " source 6.12); "
		  "for p in kernel-patches/*/*/*.patch; do (cd \"$tree\" && "
		  "perl scripts/checkpatch.pl --quiet --strict --no-signoff "
		  "--ignore TRACE_PRINTK,FILE_PATH_CHANGES,COMMIT_LOG_LONG_LINE - ) <$p; done",
		  0, { "!ERROR:", "!WARNING:" }, 600 },
	};

	return run_cases(cases, ARRAY_SIZE(cases));
}

static const struct part {
	const char *name;
	bool (*run)(void);
	bool only_named; /* too long for all of them */
} parts[] = {
	{ "unit", check_unit, false },
	{ "lab", check_lab, false },
	{ "front", check_front, false },
	{ "mistakes", check_mistakes, false },
	{ "readme", check_readme, false },
	{ "places", check_places, false },
	{ "soak", check_soak, true },
	{ "metal", check_metal, false },
	{ "kvm-lane", check_kvm_lane, true },
	{ "gdb", check_gdb, false },
	{ "grade-sample", check_grade_sample, false },
	{ "grade", check_grade, true },
	{ "slurm", check_slurm, false },
	{ "page", check_page, true },
	{ "deb", check_deb, true },
	{ "lint", check_lint, false }, /* last: it reads the kernel source that the lab unpacks */
};

int main(int argc, char **argv)
{
	setenv("V", "", 1);
	ui_init(false);
	proc_catch_signals();
	if (chdir(path_root()) || mkdir_p(LOGS))
		return 3;
	only = argc > 2 ? argv[2] : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !proc_interrupted(); i++)
		if (argc < 2 ? !parts[i].only_named : !strcmp(argv[1], parts[i].name))
			parts[i].run();
	if (proc_interrupted())
		count.failed++;
	for (size_t i = 0; i < count.names.n; i++)
		printf("failed: %s\n", count.names.v[i]);
	strv_free(&count.names);
	printf("%u passed, %u failed, %u skipped\n", count.passed, count.failed, count.skipped);
	return count.failed || !count.passed;
}
