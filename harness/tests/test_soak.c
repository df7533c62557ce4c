// SPDX-License-Identifier: GPL-2.0-only
/* The soak's own judgement: chance that comes again, what is a wrong end, and what is left. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util.h"
#include "soak/dice.h"
#include "soak/harm.h"
#include "soak/job.h"

#include <cmocka.h>

/* ---- chance ---- */

static void test_same_seed_same_dice(void **state)
{
	struct dice a = { 7 }, b = { 7 }, other = { 8 };
	unsigned int same = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t x = dice_below(&a, 1000);

		assert_true(x < 1000);
		assert_int_equal(x, dice_below(&b, 1000));
		same += x == dice_below(&other, 1000);
	}
	assert_true(same < 10);
	assert_int_equal(dice_below(&a, 0), 0);
}

static void test_harms_have_names_of_their_own(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };
	const struct harm *h;

	(void)state;
	for (size_t i = 0; (h = harm_nth(i)); i++) {
		assert_false(strv_has(&names, h->name));
		assert_true(h->what && h->harm);
		strv_add(&names, h->name);
	}
	assert_true(names.n > 10);
}

/* ---- ends ---- */

static const struct job right_one = { "the reference", "", OUT_PASS };
static const struct job wrong_one = { "a wrong patch", "", OUT_FAIL };

struct end {
	const struct job *job;
	int status, verdict;
	bool finished, hung;
	bool good, good_when_harmed;
};

static const struct end ends[] = {
	{ &right_one, 0, OUT_PASS, true, false, true, true },
	{ &wrong_one, 1, OUT_FAIL, true, false, true, true },
	{ &right_one, 3, OUT_BROKEN, true, false, false, true },
	/* killed: what it had begun with, nothing, or just before its end */
	{ &right_one, 137, OUT_BROKEN, false, false, false, true },
	{ &right_one, 137, -1, false, false, false, true },
	{ &wrong_one, 137, OUT_FAIL, true, false, false, true },
	/* told wrongly */
	{ &right_one, 1, OUT_FAIL, true, false, false, false },
	{ &right_one, 5, OUT_CRASH, true, false, false, false },
	{ &wrong_one, 0, OUT_PASS, true, false, false, false },
	{ &wrong_one, 5, OUT_CRASH, true, false, false, false },
	/* by its exit code alone, by its results alone; not at all */
	{ &wrong_one, 0, OUT_BROKEN, false, false, false, false },
	{ &wrong_one, 3, OUT_PASS, false, false, false, false },
	{ &right_one, 137, OUT_PASS, true, true, false, false },
};

static void look_at_end(const struct end *e)
{
	const struct job_run r = {
		.job = e->job,
		.status = e->status,
		.verdict = e->verdict,
		.finished = e->finished,
		.hung = e->hung,
	};
	_cleanup_free_ char *wrong = job_wrong(&r), *when_harmed = job_wrong_when_harmed(&r);

	assert_int_equal(wrong == NULL, e->good);
	assert_int_equal(when_harmed == NULL, e->good_when_harmed);
}

static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		look_at_end(&ends[i]);
}

/* ---- what is left ---- */

static char top[] = "/tmp/nestlab-soak-XXXXXX";

static int make_top(void **state)
{
	(void)state;
	return !mkdtemp(top);
}

static int remove_top(void **state)
{
	(void)state;
	return rm_rf(top);
}

static void name_world(struct world *w)
{
	_cleanup_free_ char *states = strf("%s/cache/states/one", top);

	*w = (struct world){
		.dir = strf("%s/dir", top),
		.cache = strf("%s/cache", top),
		.results = strf("%s/results", top),
		.run = strf("%s/run", top),
		.states = strf("%s/cache/states", top),
	};
	assert_int_equal(mkdir_p(w->run) || mkdir_p(w->results) || mkdir_p(states), 0);
}

static void forget_world(struct world *w)
{
	free(w->dir);
	free(w->cache);
	free(w->results);
	free(w->run);
	free(w->states);
}

static bool sees(const struct world *w, const char *word)
{
	_cleanup_strv_ struct strv seen = { 0 };
	bool found = false;

	world_look(w, &seen);
	for (size_t i = 0; i < seen.n; i++)
		found |= strstr(seen.v[i], word) != NULL;
	return found;
}

static void test_files_that_are_left(void **state)
{
	_cleanup_free_ char *socket = NULL, *temp = NULL, *run = NULL;
	struct world w;

	(void)state;
	name_world(&w);
	socket = strf("%s/l1-agent", w.run);
	temp = strf("%s/latest.4711", w.results);
	run = strf("%s/20261128-000000-0000", w.results);
	assert_false(sees(&w, socket));
	assert_int_equal(file_write(socket, "", 0, 0600) || file_write(temp, "", 0, 0600) || mkdir_p(run), 0);
	assert_true(sees(&w, socket));
	assert_true(sees(&w, temp));
	assert_false(sees(&w, run)); /* a run's folder is what it should leave */
	forget_world(&w);
}

/* By its environment alone: libvirtd's and bwrap's children name no folder of ours. */
static pid_t start_sleep(const struct world *w)
{
	pid_t pid = fork();

	if (!pid) {
		setenv("NESTLAB_RUN", w->run, 1);
		execlp("sleep", "sleep", "60", NULL);
		_exit(127);
	}
	return pid;
}

static bool has_process(const struct world *w, const char *comm)
{
	struct pids pids;

	world_processes(w, comm, &pids);
	free(pids.v);
	return pids.n;
}

static void test_processes_that_are_left(void **state)
{
	struct world w;
	pid_t pid;

	(void)state;
	name_world(&w);
	assert_false(has_process(&w, NULL));
	pid = start_sleep(&w);
	for (unsigned int i = 0; i < 500 && !has_process(&w, "sleep"); i++)
		usleep(10000);
	assert_true(has_process(&w, "sleep"));
	assert_false(has_process(&w, "libvirtd"));
	assert_true(sees(&w, "sleep 60"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_false(has_process(&w, NULL));
	forget_world(&w);
}

/* ---- damage ---- */

static const struct harm *find(const char *name)
{
	const struct harm *h = NULL;

	for (size_t i = 0; (h = harm_nth(i)) && strcmp(h->name, name);)
		i++;
	assert_non_null(h);
	return h;
}

static bool harm(const struct world *w, const char *name, uint64_t seed)
{
	struct dice dice = { seed };
	struct victim v = { .world = w, .dice = &dice };
	bool done = find(name)->harm(&v);

	assert_int_equal(done, v.note.len > 0);
	buf_free(&v.note);
	return done;
}

static bool same_text(const char *path, const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };

	assert_int_equal(file_read(path, &b), 0);
	return b.len == strlen(text) && !memcmp(buf_str(&b), text, b.len);
}

static void test_history_is_damaged_in_its_last_line(void **state)
{
	static const char first[] = "{\"verdict\": \"pass\"}\n", lines[] = "{\"verdict\": \"pass\"}\n{\"verdict\": \"fail\"}\n";
	_cleanup_free_ char *path = NULL;
	struct world w;

	(void)state;
	name_world(&w);
	path = strf("%s/history.jsonl", w.results);
	assert_false(harm(&w, "bad-history", 1));
	for (uint64_t seed = 0; seed < 50; seed++) {
		_cleanup_buf_ struct buf b = { 0 };

		assert_int_equal(file_write(path, lines, strlen(lines), 0644), 0);
		assert_true(harm(&w, "bad-history", seed));
		assert_false(same_text(path, lines));
		assert_int_equal(file_read(path, &b), 0);
		assert_memory_equal(buf_str(&b), first, strlen(first));
	}
	forget_world(&w);
}

/* A hard link is the real cache's, too. */
static void test_only_copies_are_damaged(void **state)
{
	_cleanup_free_ char *memory = NULL, *real = strf("%s/real", top);
	struct world w;

	(void)state;
	name_world(&w);
	memory = strf("%s/one/l1.save", w.states);
	assert_int_equal(file_write(memory, "memory", 6, 0600) || link(memory, real), 0);
	for (uint64_t seed = 0; seed < 10; seed++)
		assert_false(harm(&w, "bad-state", seed));
	assert_true(same_text(real, "memory"));
	assert_int_equal(unlink(real), 0);
	assert_true(harm(&w, "bad-state", 1));
	assert_false(same_text(memory, "memory"));
	forget_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_seed_same_dice),
		cmocka_unit_test(test_harms_have_names_of_their_own),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_files_that_are_left),
		cmocka_unit_test(test_processes_that_are_left),
		cmocka_unit_test(test_history_is_damaged_in_its_last_line),
		cmocka_unit_test(test_only_copies_are_damaged),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
