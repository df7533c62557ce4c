// SPDX-License-Identifier: GPL-2.0-only
/*
 * The intake in a process of its own: what a stranger handed in may take so much of this machine
 * and no more, and ends nobody else's grading.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "intake/intake.h"

#define MEMORY_MAX ((size_t)6 << 30) /* bytes */
#define DISK_MAX ((size_t)8 << 30)
#define CPU_S 300 /* a whole tree takes some 20 */
#define ANSWER_MAX ((size_t)256 << 20)
#define TICK_MS 200

/* ---- what the child says ---- */

struct answer {
	int ret;
	enum intake_outcome outcome;
	bool exact, merged, drift, far, other_work, guest;
	bool has_base, has_end;
	size_t notes, files;
};

/* A text and its end; one that is not there has an end alone. */
static void put_text(struct buf *b, const char *text)
{
	buf_add(b, text ? text : "", strlen(text ? text : "") + 1);
}

static void put_intake(struct buf *b, int ret, const struct intake *in)
{
	const struct answer a = {
		.ret = ret, .outcome = in->outcome, .exact = in->exact, .merged = in->merged,
		.drift = in->drift, .far = in->far, .other_work = in->other_work,
		.guest = in->guest, .has_base = in->base, .has_end = in->end, .notes = in->notes.n,
	};

	buf_add(b, &a, sizeof(a));
	put_text(b, ret ? fail_text() : in->why);
	put_text(b, in->base ? in->base->name : NULL);
	put_text(b, buf_str(&in->patch));
	put_text(b, in->end ? in->end->name : NULL);
	put_text(b, buf_str(&in->end_patch));
	for (size_t i = 0; i < in->notes.n; i++)
		put_text(b, in->notes.v[i]);
}

static void put_peers(struct buf *b, int ret, const struct peers *p)
{
	const struct answer a = { .ret = ret, .files = p->n };

	buf_add(b, &a, sizeof(a));
	put_text(b, ret ? fail_text() : NULL);
	for (size_t i = 0; i < p->n; i++) {
		put_text(b, p->v[i].path);
		put_text(b, p->v[i].text);
	}
}

static void write_all(int fd, const struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);

		if (n < 0 && errno != EINTR)
			_exit(1);
		at += n > 0 ? (size_t)n : 0;
	}
}

/* ---- the child ---- */

/* What it is to do, and what for. */
struct task {
	const char *path;
	const struct intake_how *how;
	const char *scratch;
	bool show;
};

static void work(const struct task *t, int fd)
{
	/* SIGXCPU at the first: SIGKILL is then somebody else's. */
	const struct rlimit cpu = { CPU_S, CPU_S + 5 }, core = { 0, 0 };
	_cleanup_buf_ struct buf b = { 0 };
	struct peers peers = { 0 };
	struct intake in = { 0 };

	proc_child_setup();
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	fail_clear();
	if (t->show)
		put_peers(&b, intake_show(t->path, t->how, t->scratch, &peers), &peers);
	else
		put_intake(&b, intake_take(t->path, t->how, t->scratch, &in), &in);
	write_all(fd, &b);
	_exit(0);
}

/* ---- the parent ---- */

/* NULL: it ended; else why it has to. The caller owns it. */
static char *listen_to(int fd, pid_t pid, const char *scratch, struct buf *said)
{
	const struct limits limits = { MEMORY_MAX, 16, DISK_MAX, scratch };
	char *why = NULL, chunk[65536];

	for (unsigned int turn = 0; !why && !proc_interrupted();) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t n = poll(&pfd, 1, TICK_MS) > 0 ? read(fd, chunk, sizeof(chunk)) : -1;

		if (!n)
			return NULL;
		if (n > 0)
			buf_add(said, chunk, (size_t)n);
		else
			why = limits_exceeded(&limits, pid, turn++);
		if (said->len > ANSWER_MAX)
			why = strf("more than %zu MB came out of it", ANSWER_MAX >> 20);
	}
	return why;
}

static char *why_it_ended(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return strf("it took more than %u s of the CPU's time", CPU_S);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return xstrdup("its process was killed, likely as this machine had no memory left");
	if (WIFSIGNALED(status))
		return strf("%s ended it", strsignal(WTERMSIG(status)));
	return status ? strf("its process ended with status %d", WEXITSTATUS(status)) : NULL;
}

/* 0 with what it said; 1: *why it could not be read to its end; or a negative outcome. */
static int run(const struct task *t, struct buf *said, char **why)
{
	int fd[2], status = 0;
	pid_t pid;

	if (pipe(fd))
		return fail(OUT_BROKEN, "can't make a pipe to read %s: %s", t->path, strerror(errno));
	pid = fork();
	if (!pid) {
		close(fd[0]);
		work(t, fd[1]);
	}
	close(fd[1]);
	if (pid > 0)
		*why = listen_to(fd[0], pid, t->scratch, said);
	close(fd[0]);
	if (pid < 0)
		return fail(OUT_BROKEN, "can't start a process to read %s: %s", t->path, strerror(errno));
	if (*why || proc_interrupted())
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (proc_interrupted())
		return fail(OUT_INTERRUPTED, "interrupted while %s was read", t->path);
	*why = *why ? *why : why_it_ended(status);
	return *why ? 1 : 0;
}

/* ---- what it said ---- */

static const char *next_text(const struct buf *said, size_t *at)
{
	const char *text = *at < said->len ? said->data + *at : "";

	*at += strlen(text) + 1;
	return text;
}

static const struct base *search(const struct bases *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->v[i].name, name))
			return &b->v[i];
	return NULL;
}

/* The base of that name; one that the child made of the clone is made here, too. */
static int find_base(struct bases *b, const char *name, const struct base **found)
{
	int ret = search(b, name) ? 0 : bases_add_version(b, name);

	*found = ret ? NULL : search(b, name);
	return ret;
}

static int take_answer(const struct task *t, const struct buf *said, struct intake *in)
{
	struct answer a;
	size_t at = sizeof(a);
	const char *why, *base, *end;
	int ret;

	memcpy(&a, said->data, sizeof(a));
	why = next_text(said, &at);
	base = next_text(said, &at);
	if (a.ret)
		return fail((enum outcome)-a.ret, "%s", why);
	in->outcome = a.outcome;
	in->why = *why ? xstrdup(why) : NULL;
	in->exact = a.exact;
	in->merged = a.merged;
	in->drift = a.drift;
	in->far = a.far;
	in->other_work = a.other_work;
	in->guest = a.guest;
	buf_puts(&in->patch, next_text(said, &at));
	end = next_text(said, &at);
	buf_puts(&in->end_patch, next_text(said, &at));
	for (size_t i = 0; i < a.notes; i++)
		strv_add(&in->notes, next_text(said, &at));
	ret = a.has_base ? find_base(t->how->bases, base, &in->base) : 0;
	/* Behind it: one that is added may move the others. An end is none of the clone's. */
	in->end = a.has_end ? search(t->how->bases, end) : NULL;
	return ret;
}

int intake_take_confined(const char *path, const struct intake_how *how, const char *scratch,
			 struct intake *in)
{
	const struct task t = { path, how, scratch, false };
	_cleanup_buf_ struct buf said = { 0 };
	_cleanup_free_ char *why = NULL;
	int ret = run(&t, &said, &why);

	*in = (struct intake){ 0 };
	if (ret < 0)
		return ret;
	if (!ret && said.len > sizeof(struct answer))
		return take_answer(&t, &said, in);
	in->outcome = INTAKE_PERSON;
	in->why = strf("it can't be read to its end: %s", why ? why : "nothing was said of it");
	return 0;
}

int intake_show_confined(const char *path, const struct intake_how *how, const char *scratch,
			 struct peers *peers)
{
	const struct task t = { path, how, scratch, true };
	_cleanup_buf_ struct buf said = { 0 };
	_cleanup_free_ char *why = NULL;
	int ret = run(&t, &said, &why);
	struct answer a = { 0 };
	size_t at = sizeof(a);

	if (ret || said.len <= sizeof(a))
		return ret < 0 ? ret : 0;
	memcpy(&a, said.data, sizeof(a));
	if (a.ret)
		return fail((enum outcome)-a.ret, "%s", next_text(&said, &at));
	next_text(&said, &at);
	for (size_t i = 0; i < a.files; i++) {
		const char *name = next_text(&said, &at);

		peers_add(peers, how->who, name, next_text(&said, &at));
	}
	return 0;
}
