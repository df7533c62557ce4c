// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "core/util.h"
#include "lab/lab.h"
#include "machine/tty.h"
#include "verbs/verb.h"

static int verb_shell(int argc, char **argv);

static const struct verb shell = {
	.name = "shell",
	.usage = "1|2 [COMMAND...]",
	.summary = "a shell, or one command, in a level of the running lab (^] leaves)",
	.order = 23,
	.settings = "PLACE",
	.codes = "* the shell's own, or the command's: 128 and its number where a signal ended it",
	.passes_on = true,
	.run = verb_shell,
};
VERB(shell);

struct session {
	struct level *l;
	struct channel_status status;
	uint32_t id;
	struct tty tty;
};

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	(void)ctx;
	(void)s;
	(void)level_ns;
	tty_write(data, len);
}

static void on_input(void *ctx, const void *data, size_t len)
{
	struct session *s = ctx;

	channel_input(s->l->channel, s->id, data, len);
}

static void on_resize(void *ctx, uint16_t rows, uint16_t cols)
{
	struct session *s = ctx;

	channel_resize(s->l->channel, s->id, rows, cols);
}

static int start(struct session *s, int argc, char **argv)
{
	char *const shell_argv[] = { (char *)(s->l->number == 1 ? "/bin/bash" : "/bin/sh"), NULL };
	_cleanup_strv_ struct strv command = { 0 }, env = { 0 };
	struct channel_exec e = { .argv = shell_argv,
				  .tty = true,
				  .want_input = true,
				  .on_output = on_output,
				  .ctx = s };
	const char *term = getenv("TERM");

	strv_addf(&env, "TERM=%s", term ? term : "dumb");
	strv_add(&env, "HOME=/root");
	if (argc) {
		strv_add(&command, "/bin/sh");
		strv_add(&command, "-c");
		strv_add(&command, argv[0]);
		for (int i = 1; i < argc; i++) {
			char *joined = strf("%s %s", command.v[2], argv[i]);

			free(command.v[2]);
			command.v[2] = joined;
		}
		e.argv = command.v;
		/* A terminal wants its lines ended by one, a pipe as they are. */
		e.tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	}
	s->tty.cooked = !e.tty;
	e.env = env.v;
	tty_size(&e.rows, &e.cols);
	return channel_start(s->l->channel, &e, &s->status, &s->id);
}

static int interact(struct session *s)
{
	int ret = 0;

	tty_begin(&s->tty);
	while (!ret && !s->status.done && !s->tty.left)
		ret = level_step(s->l, 100);
	tty_end();
	if (ret)
		return ret;
	if (!s->status.done)
		channel_kill(s->l->channel, s->id, SIGHUP); /* the terminal is gone */
	if (s->status.error)
		return fail(OUT_BROKEN, "can't start a shell in %s: %s", s->l->name,
			    strerror(s->status.error));
	return s->status.signal ? 128 + s->status.signal : s->status.exit_code;
}

static int verb_shell(int argc, char **argv)
{
	struct session s = { .tty = { .on_input = on_input, .on_resize = on_resize, .ctx = &s } };
	struct knobs k;
	struct lab lab;
	int ret;

	if (argc > 2 && !strcmp(argv[2], "--")) {
		argv[2] = argv[1];
		argc--;
		argv++;
	}
	if (argc < 2 || (strcmp(argv[1], "1") && strcmp(argv[1], "2")))
		return verb_usage(&shell);
	ret = knobs_load(&k);
	if (ret)
		return ret;
	ret = lab_join(&lab, k.place, argv[1][0] == '2');
	knobs_free(&k);
	s.l = &lab.levels[argv[1][0] - '1'];
	if (!ret && !s.l->channel)
		ret = level_open_channel(s.l, 5);
	if (!ret)
		ret = start(&s, argc - 2, argv + 2);
	if (!ret)
		ret = interact(&s);
	lab_close(&lab, true);
	return ret;
}
