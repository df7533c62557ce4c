// SPDX-License-Identifier: GPL-2.0-only
#include "machine/tty.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ESCAPE_KEY 0x1d /* ^], as virsh console and telnet have it */

static struct termios saved;
static bool raw;
static int watch = -1;
static volatile sig_atomic_t resized;

static void on_winch(int sig)
{
	(void)sig;
	resized = 1;
}

void tty_size(uint16_t *rows, uint16_t *cols)
{
	struct winsize w;
	bool known = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row && w.ws_col;

	*rows = known ? w.ws_row : 24;
	*cols = known ? w.ws_col : 80;
}

static void on_readable(int w, int fd, int events, void *opaque)
{
	struct tty *t = opaque;
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	const char *escape;

	(void)events;
	if (resized && t->on_resize) {
		uint16_t rows, cols;

		resized = 0;
		tty_size(&rows, &cols);
		t->on_resize(t->ctx, rows, cols);
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		virEventUpdateHandle(w, 0);
		t->on_input(t->ctx, NULL, 0);
		return;
	}
	escape = raw ? memchr(chunk, ESCAPE_KEY, (size_t)n) : NULL;
	if (escape) {
		t->left = true;
		n = escape - chunk;
	}
	if (n)
		t->on_input(t->ctx, chunk, (size_t)n);
}

bool tty_begin(struct tty *t)
{
	struct termios mode;

	watch = virEventAddHandle(STDIN_FILENO, VIR_EVENT_HANDLE_READABLE, on_readable, t, NULL);
	if (t->cooked || tcgetattr(STDIN_FILENO, &saved))
		return false;
	mode = saved;
	cfmakeraw(&mode);
	raw = !tcsetattr(STDIN_FILENO, TCSAFLUSH, &mode);
	signal(SIGWINCH, on_winch);
	atexit(tty_end);
	return raw;
}

void tty_end(void)
{
	if (watch >= 0)
		virEventRemoveHandle(watch);
	watch = -1;
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	raw = false;
}

void tty_write(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&pfd, 1, 1000);
			continue;
		}
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}
