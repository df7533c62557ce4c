/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The person's terminal, for interactive verbs: raw while it lasts, always put back, its keys given
 * to a callback from the event loop.
 */
#ifndef NESTLAB_MACHINE_TTY_H
#define NESTLAB_MACHINE_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tty {
	void (*on_input)(void *ctx, const void *data, size_t len); /* len 0: end of file */
	void (*on_resize)(void *ctx, uint16_t rows, uint16_t cols); /* may be NULL */
	void *ctx;
	/* lines stay the terminal's: what runs at the other end has none of its own */
	bool cooked;
	bool left; /* the escape key (^]) was pressed */
};

/* False when standard input is no terminal: it is read all the same, as it is. */
bool tty_begin(struct tty *t);
void tty_end(void);
void tty_size(uint16_t *rows, uint16_t *cols);
/* Write all to standard output, whatever it is. */
void tty_write(const void *data, size_t len);

#endif
