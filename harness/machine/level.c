// SPDX-License-Identifier: GPL-2.0-only
#include "machine/level.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "evidence/kreport.h"
#include "machine/hangup.h"
#include "machine/loop.h"

#define AGENT_PORT "org.nestlab.agent.0"
#define OOPS_TAIL_NS (2 * NSEC_PER_SEC) /* how long to read on after an oops */
#define STOP_TAIL_NS (700 * NSEC_PER_MSEC) /* what was said before may come after the event */
#define STEP_MS 50
#define SILENT_S 3
#define AFTERMATH_MS 4000 /* how long a death may take to be told after a call failed */
/* for L0's libvirt to answer what was asked before ^C: what it then made is known, and ended */
#define GRACE_MS 3000
#define ALIVE_S 3 /* to answer a question that costs nothing */
#define END_S 15 /* to end a domain (2 s as a rule), or to look its QEMU up */

void level_init(struct level *l, unsigned int number, struct level *carrier, uint32_t slowdown)
{
	*l = (struct level){ .number = number, .carrier = carrier, .slowdown = slowdown,
			     .event_id = -1, .console_fd = -1 };
	snprintf(l->name, sizeof(l->name), "L%u", number % 10);
	console_init(&l->console);
}

static bool is_late(const struct level *l)
{
	return l->late || (l->channel && channel_is_late(l->channel)) ||
	       (l->carrier && is_late(l->carrier));
}

unsigned int level_ms(const struct level *l, unsigned int seconds)
{
	if (seconds > SILENT_S && is_late(l))
		seconds = SILENT_S;
	return seconds * 1000 * l->slowdown;
}

/* How a domain ends when nobody asked for it. */
static const struct {
	enum outcome outcome;
	const char *text;
} stop_kinds[] = {
	[VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN] = { OUT_CRASH, "reset or powered itself off" },
	[VIR_DOMAIN_EVENT_STOPPED_DESTROYED] = { OUT_CRASH, "was reset by its kernel, or destroyed from outside" },
	[VIR_DOMAIN_EVENT_STOPPED_CRASHED] = { OUT_CRASH, "panicked" },
	[VIR_DOMAIN_EVENT_STOPPED_MIGRATED] = { OUT_BROKEN, "was migrated away" },
	[VIR_DOMAIN_EVENT_STOPPED_SAVED] = { OUT_BROKEN, "was saved by somebody else" },
	[VIR_DOMAIN_EVENT_STOPPED_FAILED] = { OUT_BROKEN, "lost its QEMU process" },
};

char *level_last_words(const char *log)
{
	static const char *const marks[] = { "ssertion", "ERROR:", "fatal:", "qemu-system-" };
	static const char *const not_those[] = { "terminating on signal", "warning:", "LC_ALL=", "-name " };
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, log, "\n");
	for (size_t i = lines.n; i--;) {
		bool tells = false;

		if (strstr(lines.v[i], ": starting up"))
			return NULL;
		for (size_t m = 0; m < ARRAY_SIZE(marks); m++)
			tells |= strstr(lines.v[i], marks[m]) != NULL;
		for (size_t m = 0; m < ARRAY_SIZE(not_those); m++)
			tells &= !strstr(lines.v[i], not_those[m]);
		/* The command line, over many lines. */
		if (tells && !str_ends(lines.v[i], "\\") && lines.v[i][0] != '/')
			return xstrdup(lines.v[i]);
	}
	return NULL;
}

/* "; its emulator: ...", or "". */
static char *last_words_of(const struct level *l)
{
	_cleanup_buf_ struct buf log = { 0 };
	_cleanup_free_ char *words = NULL;

	if (!l->emulator_log || file_read(l->emulator_log, &log))
		return xstrdup("");
	words = level_last_words(buf_str(&log));
	return words ? strf("; its emulator's last words: %s", words) : xstrdup("");
}

static int died(const struct level *l)
{
	const struct console *c = &l->console;
	unsigned int detail = (unsigned int)l->stop_detail;
	_cleanup_free_ char *words = NULL;

	if (c->crash)
		return fail(OUT_CRASH, "%s's kernel died (%s): %s", l->name, c->crash->name,
			    kreport_message(c->crash_line));
	if (l->end_text)
		return fail(l->end_outcome, "%s", l->end_text);
	if (detail >= ARRAY_SIZE(stop_kinds))
		return fail(OUT_BROKEN, "%s stopped in an unknown way (%u)", l->name, detail);
	words = last_words_of(l);
	return fail(stop_kinds[detail].outcome, "%s %s, and its console told no reason%s", l->name,
		    stop_kinds[detail].text, words);
}

static int look(const struct level *l)
{
	const struct console *c = &l->console;

	if (c->crash && now_ns() - c->crash_ns > OOPS_TAIL_NS)
		return died(l);
	if (l->stopped && !l->stop_expected && now_ns() - l->stop_ns > STOP_TAIL_NS)
		return died(l);
	return 0;
}

/* The carrier first: when L1 dies, L2's end is its consequence. */
static int look_all(const struct level *l)
{
	int ret = l->carrier ? look_all(l->carrier) : 0;

	/* L1's console may still be on its way when L2 is seen to stop. */
	if (!ret && l->carrier && l->carrier->console.crash)
		return 0;
	return ret ? ret : look(l);
}

static void on_console(void *ctx, const void *data, size_t len)
{
	struct level *l = ctx;

	console_feed(&l->console, data, len);
	if (l->tap)
		l->tap(l->tap_ctx, data, len);
}

/* QEMU makes the file when it starts; until then there is nothing to read. */
static void read_console_file(struct level *l)
{
	char chunk[16384];
	ssize_t n;

	if (!l->console_file)
		return;
	if (l->console_fd < 0)
		l->console_fd = open(l->console_file, O_RDONLY | O_CLOEXEC);
	while (l->console_fd >= 0 && (n = read(l->console_fd, chunk, sizeof(chunk))) > 0)
		on_console(l, chunk, (size_t)n);
}

static void look_at_machine(struct level *l)
{
	if (l->machine && !l->stopped)
		l->machine->look(l);
}

/* What no stream and no event tells: the lowest level's console file and machine. */
static void look_outside(struct level *l)
{
	struct level *lowest = l->carrier ? l->carrier : l;

	read_console_file(lowest);
	look_at_machine(lowest);
}

int level_step(struct level *l, unsigned int timeout_ms)
{
	int ret = loop_step(timeout_ms);

	look_outside(l);
	return ret ? ret : look_all(l);
}

int level_type(struct level *l, const void *data, size_t len)
{
	int err = -ENOTCONN;

	loop_enter();
	if (l->console_stream)
		err = vstream_send(l->console_stream, data, len);
	loop_leave();
	return err ? fail(OUT_BROKEN, "%s's console is gone", l->name) : 0;
}

/*
 * A panicked domain stays, paused (on_crash=preserve): gone at once, it would take the last lines
 * of its console along.
 */
static void note_stop(struct level *l, int detail)
{
	if (l->stopped)
		return;
	l->stopped = true;
	l->stop_ns = now_ns();
	l->stop_detail = detail;
}

void level_adopt(struct level *l, const struct level_machine *machine, void *data)
{
	l->machine = machine;
	l->machine_data = data;
}

void level_note_end(struct level *l, enum outcome outcome, const char *why)
{
	str_set(&l->end_text, why);
	l->end_outcome = outcome;
	note_stop(l, VIR_DOMAIN_EVENT_STOPPED_FAILED);
}

bool level_exists(const struct level *l)
{
	return l->dom || l->machine;
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
	struct level *l = opaque;

	(void)conn;
	(void)dom;
	if (event == VIR_DOMAIN_EVENT_CRASHED)
		note_stop(l, VIR_DOMAIN_EVENT_STOPPED_CRASHED);
	if (event == VIR_DOMAIN_EVENT_STOPPED)
		note_stop(l, detail);
	return 0;
}

/* ---- calls ---- */

/*
 * What a blocking call of libvirt's takes and gives; made in loop_call()'s thread, which may
 * outlive the level: so all of it is its own.
 */
struct call {
	struct loop_job job; /* first: the loop knows only that */
	int (*run)(struct call *c);
	virConnectPtr conn; /* the level's, or what was opened */
	virDomainPtr dom;   /* the same */
	char *text; /* URI, XML, state file, command */
	char *extra;
	char *answer;
	unsigned long hypervisor, library; /* versions */
	int state, reason; /* virDomainState, and why */
};

static int call_run(struct loop_job *job)
{
	struct call *c = (struct call *)job;

	return c->run(c);
}

static void call_free(struct loop_job *job)
{
	struct call *c = (struct call *)job;

	if (c->dom)
		virDomainFree(c->dom);
	if (c->conn)
		virConnectClose(c->conn);
	free(c->text);
	free(c->extra);
	free(c->answer);
	free(c);
}

static void call_drop(struct call **c)
{
	loop_job_drop(&(*c)->job);
}
#define _cleanup_call_ __attribute__((cleanup(call_drop)))

static struct call *call_new(const struct level *l, int (*run)(struct call *c), const char *text)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->job = (struct loop_job){ .call = call_run, .free = call_free };
	c->run = run;
	c->text = text ? xstrdup(text) : NULL;
	if (l->conn && !virConnectRef(l->conn))
		c->conn = l->conn;
	if (l->dom && !virDomainRef(l->dom))
		c->dom = l->dom;
	return c;
}

static int watch(void *ctx)
{
	struct level *l = ctx;

	look_outside(l);
	return look_all(l);
}

static void unblock(void *ctx)
{
	level_hang_up(ctx);
}

/*
 * A level's libvirt that does not answer any more lives in its carrier: end that, and the call
 * returns.
 */
static void unblock_above(void *ctx)
{
	struct level *l = ctx;

	l->carrier->stop_expected = true;
	level_cut(l->carrier);
	level_hang_up(l); /* when L0's libvirt does not answer, either */
}

static int blocking(struct level *l, struct call *c, const char *what, unsigned int deadline_s)
{
	struct loop_call lc = {
		.what = what,
		.job = &c->job,
		.watch = watch,
		.unblock = l->carrier ? unblock_above : unblock,
		.ctx = l,
		.deadline_ms = level_ms(l, deadline_s),
		.grace_ms = l->carrier ? 0 : GRACE_MS,
	};
	uint64_t deadline = now_ns() + lc.deadline_ms * NSEC_PER_MSEC;
	int ret = loop_call(&lc);

	if (ret && now_ns() > deadline)
		l->late = true;
	return ret;
}

/* While all is being ended: ^C changes nothing, a failure is not told. Is it done? */
static bool quietly(struct level *l, struct call *c, unsigned int deadline_ms, bool aside)
{
	enum outcome outcome = fail_outcome();
	_cleanup_free_ char *text = xstrdup(fail_text());
	struct loop_call lc = { .what = "ending", .job = &c->job, .unblock = unblock, .ctx = l,
				.deadline_ms = deadline_ms, .to_the_end = true, .aside = aside };
	int ret = loop_call(&lc);

	if (ret && outcome == OUT_PASS)
		fail_clear();
	else if (ret)
		fail(outcome, "%s", text);
	return !ret;
}

static int run_ask(struct call *c)
{
	return c->conn ? virConnectGetLibVersion(c->conn, &c->library) : -1;
}

static bool answers_within(struct level *l, unsigned int ms, bool aside)
{
	_cleanup_call_ struct call *c = call_new(l, run_ask, NULL);

	return quietly(l, c, ms, aside);
}

/*
 * To be asked before what would wait for it without an end. One that is silent is hung up on: then
 * nothing waits for it any more.
 */
static bool answers(struct level *l, bool aside)
{
	bool hurry = !l->carrier || proc_interrupted();

	return answers_within(l, hurry ? ALIVE_S * 1000 : level_ms(l, ALIVE_S), aside);
}

static int run_versions(struct call *c)
{
	return c->conn && !virConnectGetVersion(c->conn, &c->hypervisor) &&
			       !virConnectGetLibVersion(c->conn, &c->library)
		       ? 0
		       : -1;
}

bool level_versions(struct level *l, unsigned long *hypervisor, unsigned long *library)
{
	_cleanup_call_ struct call *c = call_new(l, run_versions, NULL);

	if (!answers(l, false) || !quietly(l, c, level_ms(l, END_S), false))
		return false;
	*hypervisor = c->hypervisor;
	*library = c->library;
	return true;
}

void level_hang_up(struct level *l)
{
	hangup(l->socket);
}

/* ---- the end of a domain ---- */

static int run_destroy(struct call *c)
{
	return virDomainDestroy(c->dom);
}

static void destroy(struct level *l, bool aside)
{
	_cleanup_call_ struct call *c = call_new(l, run_destroy, NULL);

	if (c->dom && answers(l, aside))
		quietly(l, c, level_ms(l, END_S), aside);
}

void level_power_off(struct level *l)
{
	l->stop_expected = true;
	destroy(l, false);
	if (l->machine)
		l->machine->end(l);
	l->machine = NULL;
	l->machine_data = NULL;
}

void level_cut(struct level *l)
{
	destroy(l, true);
	if (l->machine)
		l->machine->cut(l);
}

static int run_end(struct call *c)
{
	virDomainPtr dom = c->conn ? virDomainLookupByName(c->conn, c->text) : NULL;

	if (!dom)
		return c->conn && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? 0 : -1;
	virDomainDestroy(dom); /* fails when it has ended in between */
	virDomainFree(dom);
	return 0;
}

int level_end(struct level *l, const char *domain)
{
	_cleanup_call_ struct call *c = call_new(l, run_end, domain);
	_cleanup_free_ char *what = strf("ending the domain %s", domain);

	return blocking(l, c, what, END_S);
}

void level_cut_domain(struct level *l, const char *domain)
{
	_cleanup_call_ struct call *c = call_new(l, run_end, domain);

	if (!answers(l, true) || !quietly(l, c, level_ms(l, END_S), true))
		level_hang_up(l);
}

/* ---- connection and events ---- */

static int run_connect(struct call *c)
{
	c->conn = virConnectOpen(c->text);
	return c->conn ? 0 : -1;
}

/* What a call made is the level's, also when it came too late: somebody must end it. */
static void take_connection(struct level *l, struct call *c)
{
	if (!loop_job_done(&c->job))
		return;
	l->conn = c->conn;
	c->conn = NULL;
}

static void take_domain(struct level *l, struct call *c)
{
	if (!loop_job_done(&c->job))
		return;
	l->dom = c->dom;
	c->dom = NULL;
}

int level_connect(struct level *l, const char *uri)
{
	_cleanup_call_ struct call *c = call_new(l, run_connect, uri);
	_cleanup_free_ char *what = strf("connecting to the libvirt that carries %s (%s)", l->name,
					 uri);
	int ret;

	free(l->socket);
	l->socket = hangup_socket(uri);
	ret = blocking(l, c, what, 20);
	take_connection(l, c);
	return ret;
}

static int watch_events(struct level *l)
{
	l->stopped = false;
	loop_enter();
	l->event_id = virConnectDomainEventRegisterAny(
		l->conn, l->dom, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), l, NULL);
	loop_leave();
	if (l->event_id < 0)
		return fail(OUT_BROKEN, "can't watch %s's events: %s", l->name,
			    virGetLastErrorMessage());
	return 0;
}

static int open_console(struct level *l, const char *log)
{
	struct vstream_handler h = { .on_data = on_console, .ctx = l };
	int ret = log ? console_log_to(&l->console, log) : 0;

	if (ret || (l->console_file && !l->tap))
		return ret;
	loop_enter();
	l->console_stream = vstream_open_console(l->dom, &h);
	loop_leave();
	return l->console_stream ? 0 : -OUT_BROKEN;
}

/* libvirt refuses to resume what runs. */
static int run_resume(struct call *c)
{
	int state, reason;

	if (virDomainGetState(c->dom, &state, &reason, 0))
		return -1;
	return state == VIR_DOMAIN_PAUSED ? virDomainResume(c->dom) : 0;
}

static int attach_and_resume(struct level *l, const char *console_log)
{
	_cleanup_call_ struct call *c = call_new(l, run_resume, NULL);
	int ret = watch_events(l);

	if (!ret)
		ret = open_console(l, console_log);
	return ret ? ret : blocking(l, c, "letting a domain run", 20);
}

static int run_create(struct call *c)
{
	c->dom = virDomainCreateXML(c->conn, c->text, VIR_DOMAIN_START_PAUSED);
	return c->dom ? 0 : -1;
}

int level_create(struct level *l, const char *xml, const char *console_log)
{
	_cleanup_call_ struct call *c = call_new(l, run_create, xml);
	_cleanup_free_ char *what = strf("starting %s", l->name);
	int ret = blocking(l, c, what, 30);

	take_domain(l, c);
	return ret ? ret : attach_and_resume(l, console_log);
}

static int run_lookup(struct call *c)
{
	c->dom = virDomainLookupByName(c->conn, c->text);
	return c->dom ? 0 : -1;
}

static int lookup(struct level *l, const char *domain)
{
	_cleanup_call_ struct call *c = call_new(l, run_lookup, domain);
	_cleanup_free_ char *what = strf("looking for %s's domain %s", l->name, domain);
	int ret = blocking(l, c, what, 20);

	take_domain(l, c);
	return ret;
}

static int run_restore(struct call *c)
{
	return virDomainRestoreFlags(c->conn, c->text, c->extra, VIR_DOMAIN_SAVE_PAUSED);
}

/* "<name>X</name>" of a domain XML; libvirt gives no domain back from a restore. */
static char *domain_name(const char *xml)
{
	const char *start = strstr(xml, "<name>"), *end = start ? strstr(start, "</name>") : NULL;

	return end ? xstrndup(start + 6, (size_t)(end - start - 6)) : xstrdup("");
}

int level_restore(struct level *l, const char *state, const char *xml, const char *console_log)
{
	_cleanup_call_ struct call *c = call_new(l, run_restore, state);
	_cleanup_free_ char *what = strf("restoring %s from %s", l->name, state);
	_cleanup_free_ char *name = domain_name(xml);
	int ret;

	c->extra = xstrdup(xml);
	ret = blocking(l, c, what, 20);
	if (!ret)
		ret = lookup(l, name);
	return ret ? ret : attach_and_resume(l, console_log);
}

int level_attach(struct level *l, const char *domain, const char *console_log)
{
	int ret = lookup(l, domain);

	if (!ret)
		ret = watch_events(l);
	return ret ? ret : open_console(l, console_log);
}

static int run_save(struct call *c)
{
	return virDomainSaveFlags(c->dom, c->text, NULL, VIR_DOMAIN_SAVE_RUNNING);
}

int level_save(struct level *l, const char *state)
{
	_cleanup_call_ struct call *c = call_new(l, run_save, state);
	_cleanup_free_ char *what = strf("saving %s to %s", l->name, state);

	l->stop_expected = true;
	return blocking(l, c, what, 60);
}

static int run_suspend(struct call *c)
{
	return virDomainSuspend(c->dom);
}

int level_suspend(struct level *l)
{
	_cleanup_call_ struct call *c = call_new(l, run_suspend, NULL);
	_cleanup_free_ char *what = strf("suspending %s", l->name);

	return blocking(l, c, what, 10);
}

int level_resume(struct level *l)
{
	_cleanup_call_ struct call *c = call_new(l, run_resume, NULL);
	_cleanup_free_ char *what = strf("letting %s go on", l->name);

	return blocking(l, c, what, 10);
}

static int run_state(struct call *c)
{
	return virDomainGetState(c->dom, &c->state, &c->reason, 0);
}

int level_runs(struct level *l, bool *runs)
{
	_cleanup_call_ struct call *c = call_new(l, run_state, NULL);
	_cleanup_free_ char *what = strf("asking whether %s runs", l->name);
	int ret = blocking(l, c, what, 10);

	*runs = !ret && c->state == VIR_DOMAIN_RUNNING;
	return ret;
}

static void on_port_data(void *ctx, const void *data, size_t len)
{
	struct level *l = ctx;

	if (l->channel)
		channel_feed(l->channel, data, len);
}

static void on_port_close(void *ctx)
{
	struct level *l = ctx;

	if (l->channel)
		channel_lost(l->channel);
}

static int port_send(void *ctx, const void *data, size_t len)
{
	struct level *l = ctx;
	int err;

	loop_enter();
	err = vstream_send(l->port, data, len);
	loop_leave();
	return err;
}

static int port_step(void *ctx, unsigned int timeout_ms)
{
	return level_step(ctx, timeout_ms);
}

int level_open_channel(struct level *l, unsigned int deadline_s)
{
	struct vstream_handler h = { .on_data = on_port_data, .on_close = on_port_close, .ctx = l };
	struct channel_transport t = { .send = port_send, .step = port_step, .ctx = l };
	_cleanup_free_ char *name = strf("%s's agent", l->name);

	loop_enter();
	l->port = l->machine ? l->machine->open_port(l, &h) :
			       vstream_open_channel(l->dom, AGENT_PORT, &h);
	loop_leave();
	if (!l->port)
		return -OUT_BROKEN;
	l->channel = channel_new(name, &t);
	return channel_hello(l->channel, &l->agent, level_ms(l, deadline_s));
}

int level_look_for_end(struct level *l)
{
	uint64_t until = now_ns() + AFTERMATH_MS * NSEC_PER_MSEC;
	int end = 0;

	while (!end && now_ns() < until)
		end = level_step(l, STEP_MS);
	return end;
}

bool level_answers_within(struct level *l, unsigned int seconds)
{
	uint64_t ns;

	if (!l->silent)
		l->silent = !l->channel || channel_time(l->channel, &ns, level_ms(l, seconds));
	return !l->silent;
}

bool level_answers(struct level *l)
{
	return level_answers_within(l, SILENT_S);
}

/* What is above a silent level can't answer. */
static const struct level *find_silent(struct level *l)
{
	const struct level *below = l->carrier ? find_silent(l->carrier) : NULL;

	if (below || !l->channel)
		return below;
	return level_answers(l) ? NULL : l;
}

/*
 * All that is said to a level goes through it: a kernel would be blamed for a libvirtd that was
 * stopped.
 */
static int ask_libvirt(struct level *l)
{
	if (!l->conn || answers_within(l, level_ms(l, ALIVE_S), false))
		return 0;
	return fail(OUT_BROKEN, "the libvirt that carries %s does not answer any more, which is no kernel's doing: run it again", l->name);
}

/* QEMU stops a machine whose disk it can't write: the kernel in it is silent, and not to blame. */
static int ask_disk(struct level *l)
{
	_cleanup_call_ struct call *c = call_new(l, run_state, NULL);
	_cleanup_free_ char *what = strf("asking why %s does not run", l->name);

	if (!l->dom || blocking(l, c, what, ALIVE_S) || c->state != VIR_DOMAIN_PAUSED ||
	    c->reason != VIR_DOMAIN_PAUSED_IOERROR)
		return 0;
	return fail(OUT_BROKEN,
		    "%s was stopped, as its disk can't be written, which is no kernel's doing: is "
		    "the disk of %s full? Make room, and run it again", l->name, path_run());
}

static int ask_carrier(struct level *l)
{
	int end = ask_libvirt(l);

	return end ? end : ask_disk(l);
}

int level_diagnose(struct level *l, struct level *asked, const struct level **silent)
{
	int end = level_look_for_end(l);

	if (!end)
		end = ask_carrier(l->carrier ? l->carrier : l);
	*silent = end || !asked ? NULL : find_silent(asked);
	return *silent ? level_look_for_end(l) : end;
}

void level_close_channel(struct level *l)
{
	loop_enter();
	vstream_close(l->port);
	loop_leave();
	l->port = NULL;
	if (l->channel)
		channel_free(l->channel);
	l->channel = NULL;
}

static int wait_for(struct level *l, bool (*done)(const struct level *l), const char *what,
		    unsigned int deadline_s)
{
	unsigned int ms = level_ms(l, deadline_s);
	uint64_t deadline = now_ns() + ms * NSEC_PER_MSEC;
	int ret = 0;

	while (!ret && !done(l)) {
		if (now_ns() > deadline)
			return fail(OUT_BROKEN, "%s: %s did not happen within %u s", l->name, what, ms / 1000);
		ret = level_step(l, STEP_MS);
	}
	return ret;
}

static bool has_stopped(const struct level *l)
{
	return l->stopped;
}

static bool has_said(const struct level *l)
{
	return l->console.await_seen;
}

int level_wait_stopped(struct level *l, unsigned int deadline_s)
{
	l->stop_expected = true;
	return wait_for(l, has_stopped, "power-off", deadline_s);
}

int level_wait_console(struct level *l, const char *text, unsigned int deadline_s)
{
	_cleanup_free_ char *what = strf("the console line '%s'", text);

	console_await(&l->console, text);
	return wait_for(l, has_said, what, deadline_s);
}

char *level_place_of(const struct level *l, const char *local, const char *path)
{
	const char *slash = strrchr(local, '/');

	return l->medium ? strf("%s/%s", l->medium, slash ? slash + 1 : local) : xstrdup(path);
}

int level_place(struct level *l, const char *local, const char *path, mode_t mode, char **where)
{
	int ret = 0;

	if (!l->medium)
		ret = channel_put_file(l->channel, local, path, mode, level_ms(l, 20));
	if (!ret)
		*where = level_place_of(l, local, path);
	return ret;
}

int level_command(struct level *l, const char *what, char *const *argv, unsigned int deadline_s)
{
	_cleanup_buf_ struct buf out = { 0 }, err = { 0 };
	struct channel_status st = { 0 };
	int ret = channel_run(l->channel, argv, &out, &err, &st, level_ms(l, deadline_s));

	if (ret)
		return fail_prefix("%s in %s", what, l->name);
	if (st.error)
		return fail(OUT_BROKEN, "%s: can't run %s in %s: %s", what, argv[0], l->name,
			    strerror(st.error));
	if (st.exit_code)
		return fail(OUT_BROKEN, "%s: %s in %s ended with status %d: %s%s", what, argv[0],
			    l->name, st.exit_code, buf_str(&out), buf_str(&err));
	return 0;
}

static int run_qmp(struct call *c)
{
	return virDomainQemuMonitorCommand(c->dom, c->text, &c->answer,
					   VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT);
}

int level_qmp(struct level *l, const char *command, char **answer)
{
	_cleanup_call_ struct call *c = call_new(l, run_qmp, command);
	_cleanup_free_ char *what = strf("asking %s's QEMU (%s)", l->name, command);
	int ret = blocking(l, c, what, 10);

	*answer = NULL;
	if (loop_job_done(&c->job)) {
		*answer = c->answer;
		c->answer = NULL;
	}
	return ret;
}

static int run_describe(struct call *c)
{
	c->answer = virDomainSaveImageGetXMLDesc(c->conn, c->text, 0);
	return c->answer ? 0 : -1;
}

int level_saved_xml(struct level *l, const char *state, char **xml)
{
	_cleanup_call_ struct call *c = call_new(l, run_describe, state);
	_cleanup_free_ char *what = strf("reading the saved state %s", state);
	int ret = blocking(l, c, what, 10);

	*xml = NULL;
	if (!ret) {
		*xml = c->answer;
		c->answer = NULL;
	}
	return ret;
}

static void drop_domain(struct level *l)
{
	if (l->event_id >= 0 && l->conn)
		virConnectDomainEventDeregisterAny(l->conn, l->event_id);
	l->event_id = -1;
	if (l->dom)
		virDomainFree(l->dom);
	l->dom = NULL;
}

/* Polite goodbyes, each of which waits for an answer. */
static void say_goodbye(struct level *l)
{
	virConnectPtr conn = l->conn;

	loop_enter();
	vstream_close(l->console_stream);
	l->console_stream = NULL;
	drop_domain(l);
	l->conn = NULL; /* before: nobody must use it while it is being closed */
	if (conn)
		virConnectClose(conn);
	loop_leave();
}

void level_detach(struct level *l)
{
	if (l->conn)
		answers(l, false);
	level_close_channel(l);
	say_goodbye(l);
	if (l->machine)
		level_power_off(l);
	str_set(&l->end_text, NULL);
	str_set(&l->socket, NULL);
	close_p(&l->console_fd);
	l->console_fd = -1;
	str_set(&l->console_file, NULL);
	str_set(&l->emulator_log, NULL);
	console_free(&l->console);
}

void level_destroy(struct level *l)
{
	level_power_off(l);
	level_detach(l);
}
