// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <string.h>

#include "core/outcome.h"
#include "core/util.h"
#include "verbs/attached.h"
#include "verbs/verb.h"

static int verb_trace(int argc, char **argv);

static const struct verb trace = {
	.name = "trace",
	.usage = "[-f | -e EVENT[,EVENT...]]",
	.summary = "L1's ftrace buffer; -f: consume it as it grows (^C ends); -e: what these events tell from now on, in a "
		   "buffer of their own (kvm:kvm_exit, kvm:* or kvm for all of a kind)",
	.order = 25,
	.settings = "PLACE",
	.run = verb_trace,
};
VERB(trace);

#define TRACING "/sys/kernel/tracing"
#define NO_EVENT 9 /* the script's exit code */

/*
 * An instance, buffer and events of its own, leaves those of the lab's tests alone. The arguments
 * are events, each a word for set_event (Documentation/trace/events.rst). The script ends by
 * SIGKILL, with all of its group: who takes the instance away is in another.
 */
static const char events_script[] = "i=" TRACING "/instances/nestlab-$$\n"
				    "mkdir $i || exit 1\n"
				    "setsid sh -c 'while kill -0 $0; do sleep 1; done; echo > $1/set_event; until rmdir $1; do sleep 1; done'"
				    " $$ $i >/dev/null 2>&1 &\n"
				    "for e in \"$@\"; do\n"
				    "  echo \"$e\" 2>/dev/null >> $i/set_event || exit 9\n"
				    "done\n"
				    "exec cat $i/trace_pipe\n";

static int stream(struct level *l, char *const *argv, bool follow)
{
	struct channel_exec e = { .argv = argv, .on_output = attached_output };
	struct channel_status st = { 0 };
	uint32_t id;
	int ret = channel_start(l->channel, &e, &st, &id);
	bool ended; /* by ^C, as following does */

	while (!ret && !st.done)
		ret = level_step(l, 100);
	if (!ret)
		return st.exit_code;
	ended = follow && fail_outcome() == OUT_INTERRUPTED;
	if (ended)
		channel_kill(l->channel, id, SIGKILL);
	/* Or what comes of its end would be written where st was. */
	channel_forget(l->channel, id);
	return ended ? 0 : ret;
}

static int stream_buffer(struct level *l, bool follow)
{
	char *const argv[] = { (char *)"/bin/cat", (char *)(follow ? TRACING "/trace_pipe" : TRACING "/trace"), NULL };

	return stream(l, argv, follow);
}

/* words: "kvm:kvm_exit,kvm:kvm_entry" */
static int stream_events(struct level *l, const char *words)
{
	_cleanup_free_ char *events = xstrdup(words);
	_cleanup_strv_ struct strv argv = { 0 };
	int ret;

	strv_add(&argv, "/bin/sh");
	strv_add(&argv, "-c");
	strv_add(&argv, events_script);
	strv_add(&argv, "trace");
	for (char *rest = events, *event; (event = strsep(&rest, ","));)
		if (*event)
			strv_add(&argv, event);
	ret = stream(l, argv.v, true);
	if (ret == NO_EVENT)
		return fail(OUT_USAGE, "L1's kernel does not have all of the events %s; `nestlab shell 1 cat " TRACING
				       "/available_events` lists those it has", words);
	return ret > 0 ? fail(OUT_BROKEN, "can't make a trace buffer below " TRACING "/instances in L1") : ret;
}

static int verb_trace(int argc, char **argv)
{
	bool follow = argc == 2 && !strcmp(argv[1], "-f");
	bool events = argc == 3 && !strcmp(argv[1], "-e") && *argv[2];
	struct level *l;
	struct lab lab;
	int ret;

	if (argc > 1 && !follow && !events)
		return verb_usage(&trace);
	ret = attached_open(&lab, "1", &l);
	if (ret)
		return ret;
	ret = events ? stream_events(l, argv[2]) : stream_buffer(l, follow);
	lab_close(&lab, true);
	return ret;
}
