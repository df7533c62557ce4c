// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel of a flavour reports its own faults on the console. What it has reported by a test's
 * end, and by no earlier one's, is a failed check of that test, with file and line: nothing is lost
 * between tests, and what loading the modules brought up is the first one's.
 */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "evidence/kreport.h"
#include "judge/checks.h"
#include "kernel/changed.h"
#include "kernel/symbols.h"
#include "run/observer.h"

#define CHECK "the kernel finds no fault"
#define CHECK_L2 "the guest's kernel finds no fault"
#define SYNC_S 10

struct findings {
	unsigned int marks, kept; /* so far, for names */
	size_t told[LAB_LEVELS]; /* of its console in this life of the lab: the first ones */
};

/* Whose reports they are. */
struct suspect {
	const struct level *level;
	const struct flavor *flavor;
	/* folder of its modules with line numbers; NULL: the guest's code is in its image */
	const char *symbols;
};

static bool level_is_flavored(const struct run *r, unsigned int level)
{
	const struct kernel_conf *k = &r->lab->plan->kernel;

	return level == L1 ? k->flavor.name != NULL : k->guest_flavor.name && lab_has_l2(r->lab);
}

static bool is_flavored(const struct run *r, const struct testcase *t)
{
	(void)t;
	return level_is_flavored(r, L1) || level_is_flavored(r, L2);
}

static int begin_life(struct run *r, void *state)
{
	struct findings *f = state;

	(void)r;
	memset(f->told, 0, sizeof(f->told));
	return 0;
}

/*
 * The console lags behind the agent: a line of our own comes after all that the kernel had to say.
 * By the agent itself: L2 has no shell.
 */
static int sync_console(struct level *l, struct findings *f)
{
	_cleanup_free_ char *mark = strf("nestlab: mark %u", ++f->marks);
	_cleanup_free_ char *line = strf("<4>%s\n", mark); /* a warning: the console shows it */
	uint64_t deadline = now_ns() + level_ms(l, SYNC_S) * NSEC_PER_MSEC;
	int ret;

	console_await(&l->console, mark);
	ret = channel_write(l->channel, "/dev/kmsg", line, strlen(line), level_ms(l, SYNC_S));
	while (!ret && !l->console.await_seen) {
		if (now_ns() > deadline)
			ret = fail(OUT_BROKEN, "%s's console did not show the line '%s' within %u s",
				   l->name, mark, level_ms(l, SYNC_S) / 1000);
		else
			ret = level_step(l, 20);
	}
	console_await(&l->console, NULL);
	return ret;
}

static int sync_consoles(const struct watch *w, void *state)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < LAB_LEVELS; i++)
		if (level_is_flavored(w->run, i))
			ret = sync_console(&w->run->lab->levels[i], state);
	return ret;
}

/*
 * "arch/x86/kvm/x86.c:10012 and ...": of the places that the report tells, those that could be
 * found.
 */
static char *tell_places(const char *symbols, const struct strv *text)
{
	struct kframe frames[KREPORT_PLACES];
	char *lines[KREPORT_PLACES] = { NULL };
	_cleanup_buf_ struct buf b = { 0 };
	size_t n = kreport_places(text, frames);

	symbols_lines(symbols, frames, n, lines);
	for (size_t i = 0; i < n; i++) {
		if (lines[i])
			buf_printf(&b, "%s%s (%s)", b.len ? " and " : "", lines[i],
				   frames[i].symbol);
		else
			buf_printf(&b, "%s%s+0x%llx", b.len ? " and " : "", frames[i].symbol,
				   (unsigned long long)frames[i].offset);
		free(lines[i]);
	}
	return xstrdup(b.len ? buf_str(&b) : "no place told");
}

/* The whole text beside the run's results; the path's last part, or NULL. */
static char *keep_text(const struct run *r, struct findings *f,
		       const struct console_report *report, const char *places)
{
	char *name = strf("kernel-report-%u.txt", ++f->kept);
	_cleanup_free_ char *path = strf("%s/%s", r->dir, name);
	_cleanup_buf_ struct buf b = { 0 };

	buf_printf(&b, "%s: %s\n\n", report->family->name, places);
	for (size_t i = 0; i < report->text.n; i++)
		buf_printf(&b, "%s\n", report->text.v[i]);
	if (!file_write(path, buf_str(&b), b.len, 0666))
		return name;
	free(name);
	return NULL;
}

static bool frame_is_changed(const char *symbols, const struct kframe *f, const char *changed)
{
	_cleanup_strv_ struct strv lines = { 0 };

	symbols_inlined(symbols, f, &lines);
	for (size_t i = 0; i < lines.n; i++)
		if (changed_has(changed, lines.v[i]))
			return true;
	return false;
}

/*
 * Upstream's KVM has data races that its makers tolerate, so a race is the change's when a line of
 * the change makes one of its accesses, or calls what is inlined there. Its callers don't count:
 * who asks a vCPU to leave the guest is above kvm_make_vcpu_request(), which races with every vCPU.
 * Where the change is not known (a source tree with no patches on it) every report counts.
 */
static bool is_background(const struct suspect *s, const struct console_report *report)
{
	const char *symbols = s->symbols;
	_cleanup_free_ char *path = strf("%s/changed", symbols ? symbols : "");
	_cleanup_buf_ struct buf changed = { 0 };
	struct kframe f[KREPORT_PLACES];
	size_t n = kreport_places(&report->text, f);

	if (s->flavor->lost_updates && !kreport_loses_update(&report->text))
		return true;
	if (!s->flavor->changed_only || file_read(path, &changed) || !changed.len)
		return false;
	for (size_t i = 0; i < n; i++)
		if (frame_is_changed(symbols, &f[i], buf_str(&changed)))
			return false;
	return true;
}

static void add_finding(const struct run *r, struct findings *f, const struct suspect *s,
			const struct console_report *report, struct test_result *t)
{
	_cleanup_free_ char *places = tell_places(s->symbols, &report->text);
	_cleanup_free_ char *kept = keep_text(r, f, report, places);
	_cleanup_free_ char *log = hosts_log(r, s->level->number);
	_cleanup_free_ char *observed =
		strf("%s, at %s", kreport_message(report->text.v[0]), places);

	result_set_ref(check_that(t, report->family->name, false, "the kernel reports no fault",
				  observed, NULL),
		       kept ? kept : log, 0, 0);
	for (size_t i = 0; i < report->text.n; i++)
		strv_add(&t->log, report->text.v[i]);
}

static void judge_level(struct run *r, struct findings *f, unsigned int level,
			struct test_result *t)
{
	const enum kernel_role role = level == L1 ? KERNEL_HOST : KERNEL_GUEST;
	const struct suspect s = {
		.level = &r->lab->levels[level],
		.flavor = kernel_conf_flavor_of(&r->lab->plan->kernel, role),
		.symbols = level == L1 ? r->lab->host.symbols : NULL,
	};
	const struct console *c = &s.level->console;
	size_t found = 0, others = 0;
	_cleanup_free_ char *observed = NULL, *log = hosts_log(r, s.level->number);

	for (size_t i = f->told[level]; i < c->n_reports; i++) {
		if (is_background(&s, &c->reports[i])) {
			others++;
			continue;
		}
		add_finding(r, f, &s, &c->reports[i], t);
		found++;
	}
	observed = strf("none, and %zu that %s", others,
			s.flavor->lost_updates ? "lose no update, or touch no line of the change" : "touch no line of the change");
	if (!found)
		result_set_ref(check_that(t, level == L1 ? CHECK : CHECK_L2, true, "no report by the test's end",
					  others ? observed : "none", NULL),
			       log, 0, 0);
	f->told[level] = c->n_reports;
}

static void judge(struct run *r, void *state, struct test_result *t)
{
	for (unsigned int i = 0; i < LAB_LEVELS; i++)
		if (level_is_flavored(r, i))
			judge_level(r, state, i, t);
}

static const struct observer findings = {
	.name = "what a kernel of a flavour reports",
	.order = 10,
	.state = sizeof(struct findings),
	.wants = is_flavored,
	.life = begin_life,
	.after = sync_consoles,
	.judge = judge,
};
OBSERVER(findings);
