// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "core/ui.h"
#include "lab/lab.h"
#include "machine/tty.h"
#include "verbs/verb.h"

static int verb_console(int argc, char **argv);

static const struct verb console = {
	.name = "console",
	.usage = "1|2",
	.summary = "the serial console of a level of the running lab (^] leaves)",
	.order = 24,
	.settings = "PLACE",
	.run = verb_console,
};
VERB(console);

static void on_bytes(void *ctx, const void *data, size_t len)
{
	(void)ctx;
	tty_write(data, len);
}

static void on_input(void *ctx, const void *data, size_t len)
{
	if (len)
		level_type(ctx, data, len);
}

static int watch(struct level *l)
{
	struct tty tty = { .on_input = on_input, .ctx = l };
	int ret = 0;

	l->tap = on_bytes;
	ui_note("%s's console; ^] leaves", l->name);
	tty_begin(&tty);
	while (!ret && !tty.left)
		ret = level_step(l, 100);
	tty_end();
	return ret;
}

static int verb_console(int argc, char **argv)
{
	struct knobs k;
	struct lab lab;
	int ret;

	if (argc != 2 || (strcmp(argv[1], "1") && strcmp(argv[1], "2")))
		return verb_usage(&console);
	ret = knobs_load(&k);
	if (ret)
		return ret;
	ret = lab_join(&lab, k.place, argv[1][0] == '2');
	knobs_free(&k);
	if (!ret)
		ret = watch(&lab.levels[argv[1][0] - '1']);
	lab_close(&lab, true);
	return ret;
}
