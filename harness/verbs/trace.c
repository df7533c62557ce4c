// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <string.h>

#include "core/outcome.h"
#include "verbs/attached.h"
#include "verbs/verb.h"

static int verb_trace(int argc, char **argv);

static const struct verb trace = {
	.name = "trace",
	.usage = "[-f]",
	.summary = "L1's ftrace buffer; -f: consume it as it grows (^C ends)",
	.order = 25,
	.settings = "PLACE",
	.run = verb_trace,
};
VERB(trace);

static int stream(struct level *l, bool follow)
{
	char *const argv[] = { (char *)"/bin/cat",
			       (char *)(follow ? "/sys/kernel/tracing/trace_pipe"
					       : "/sys/kernel/tracing/trace"),
			       NULL };
	struct channel_exec e = { .argv = argv, .on_output = attached_output };
	struct channel_status st = { 0 };
	uint32_t id;
	int ret = channel_start(l->channel, &e, &st, &id);

	while (!ret && !st.done)
		ret = level_step(l, 100);
	if (ret && follow && fail_outcome() == OUT_INTERRUPTED) {
		channel_kill(l->channel, id, SIGKILL);
		return 0; /* ^C is how following ends */
	}
	return ret;
}

static int verb_trace(int argc, char **argv)
{
	bool follow = argc == 2 && !strcmp(argv[1], "-f");
	struct level *l;
	struct lab lab;
	int ret;

	if (argc > 2 || (argc == 2 && !follow))
		return verb_usage(&trace);
	ret = attached_open(&lab, "1", &l);
	if (ret)
		return ret;
	ret = stream(l, follow);
	lab_close(&lab, true);
	return ret;
}
