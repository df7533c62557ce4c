// SPDX-License-Identifier: GPL-2.0-only
#include "verbs/attached.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/util.h"
#include "lab/bringup.h"
#include "machine/tty.h"
#include "plan/knobs.h"

#define OPEN_S 5

struct session {
	struct level *l;
	struct channel_status status;
	uint32_t id;
	struct tty tty;
};

bool attached_is_level(const char *word)
{
	return !strcmp(word, "1") || !strcmp(word, "2");
}

bool attached_path(const char *word, struct attached_path *p)
{
	snprintf(p->level, sizeof(p->level), "%c", word[0]);
	p->path = word + strlen("1:");
	return attached_is_level(p->level) && word[1] == ':' && word[2] == '/';
}

int attached_open(struct lab *lab, const char *word, struct level **l)
{
	struct knobs k;
	int ret = knobs_load(&k);

	if (ret) {
		knobs_free(&k);
		return ret;
	}
	*l = &lab->levels[word[0] - '1'];
	ret = lab_join(lab, k.place, word[0] == '2');
	knobs_free(&k);
	if (!ret && !(*l)->channel)
		ret = bringup_open_channel(*l, OPEN_S);
	if (ret)
		lab_close(lab, true);
	return ret;
}

/* ---- the terminal ---- */

void attached_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
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

static int start(struct session *s, char *const *argv, bool tty)
{
	_cleanup_strv_ struct strv env = { 0 };
	struct channel_exec e = { .argv = argv,
				  .tty = tty,
				  .want_input = true,
				  .on_output = attached_output,
				  .ctx = s };
	const char *term = getenv("TERM");

	strv_addf(&env, "TERM=%s", term ? term : "dumb");
	strv_add(&env, "HOME=/root");
	s->tty.cooked = !tty;
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
	return s->status.signal ? 128 + s->status.signal : s->status.exit_code;
}

int attached_run(struct level *l, char *const *argv, bool tty)
{
	struct session s = { .l = l,
			     .tty = { .on_input = on_input, .on_resize = on_resize, .ctx = &s } };
	int ret = start(&s, argv, tty);

	if (!ret)
		ret = interact(&s);
	channel_forget(l->channel, s.id); /* the news of its end have no place any more */
	if (ret >= 0 && s.status.error)
		return fail(OUT_BROKEN, "can't start %s in %s: %s", argv[0], l->name, strerror(s.status.error));
	return ret;
}
