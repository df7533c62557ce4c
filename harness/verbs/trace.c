// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <string.h>

#include "core/outcome.h"
#include "lab/lab.h"
#include "machine/tty.h"
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

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	(void)ctx;
	(void)s;
	(void)level_ns;
	tty_write(data, len);
}

static int stream(struct lab *lab, bool follow)
{
	char *const argv[] = { (char *)"/bin/cat",
			       (char *)(follow ? "/sys/kernel/tracing/trace_pipe"
					       : "/sys/kernel/tracing/trace"),
			       NULL };
	struct channel_exec e = { .argv = argv, .on_output = on_output };
	struct channel_status st = { 0 };
	uint32_t id;
	int ret = level_open_channel(&lab->levels[L1], 5);

	if (!ret)
		ret = channel_start(lab->levels[L1].channel, &e, &st, &id);
	while (!ret && !st.done)
		ret = level_step(&lab->levels[L1], 100);
	if (ret && follow && fail_outcome() == OUT_INTERRUPTED) {
		channel_kill(lab->levels[L1].channel, id, SIGKILL);
		return 0; /* ^C is how following ends */
	}
	return ret;
}

static int verb_trace(int argc, char **argv)
{
	bool follow = argc == 2 && !strcmp(argv[1], "-f");
	struct knobs k;
	struct lab lab;
	int ret;

	if (argc > 2 || (argc == 2 && !follow))
		return verb_usage(&trace);
	ret = knobs_load(&k);
	if (ret)
		return ret;
	ret = lab_join(&lab, k.place, false);
	knobs_free(&k);
	if (!ret)
		ret = stream(&lab, follow);
	lab_close(&lab, true);
	return ret;
}
