// SPDX-License-Identifier: GPL-2.0-only
#include "machine/libvirt/stub.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/lock.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/util.h"
#include "machine/level.h"

#define ANSWER_S 10

char *stub_path(void)
{
	return strf("%s/gdb", path_run());
}

int stub_lock(void)
{
	_cleanup_free_ char *path = strf("%s/gdb.lock", path_run());
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(OUT_BROKEN, "can't open the lock %s: %s", path, strerror(errno));
	if (lock_at_once(fd, path))
		return fd;
	close(fd);
	return fail(OUT_BUSY, "gdb is attached to L1 already, by another nestlab (its lock is %s)", path);
}

bool stub_is_left(void)
{
	_cleanup_free_ char *path = stub_path();

	return path_exists(path);
}

/* ---- QEMU's monitor, as people type to it ---- */

static int monitor(struct level *l, const char *line, char **said)
{
	json_t *command = json_pack("{s:s, s:{s:s}}", "execute", "human-monitor-command", "arguments",
				    "command-line", line);
	char *text = json_dumps(command, JSON_COMPACT), *answer;
	int ret = level_qmp(l, text, &answer);
	json_t *root = ret ? NULL : json_loads(answer, 0, NULL);
	const char *word = json_string_value(json_object_get(root, "return"));

	*said = xstrdup(word ? word : ret ? "" : answer);
	json_decref(root);
	json_decref(command);
	free(answer);
	free(text);
	return ret;
}

int stub_open(struct level *l)
{
	_cleanup_free_ char *path = stub_path(), *said = NULL;
	_cleanup_free_ char *line = strf("gdbserver unix:%s,server=on,wait=off", path);
	int ret;

	(void)unlink(path);
	ret = monitor(l, line, &said);
	if (!ret && !path_exists(path))
		ret = fail(OUT_BROKEN, "%s's QEMU opens no stub for gdb at %s: %s", l->name, path, str_strip(said));
	return ret;
}

/* ---- the stub, as gdb speaks to it ---- */

char *stub_packet(const char *command)
{
	unsigned char sum = 0;

	for (const char *c = command; *c; c++)
		sum = (unsigned char)(sum + (unsigned char)*c);
	return strf("$%s#%02x", command, sum);
}

/* Until the answer is whole ("+$...#xx"), which nobody reads. */
static bool heard(int fd, unsigned int ms)
{
	uint64_t until = now_ns() + ms * NSEC_PER_MSEC;
	_cleanup_buf_ struct buf b = { 0 };
	const char *hash;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char chunk[4096];
		ssize_t n = poll(&p, 1, 100) > 0 ? read(fd, chunk, sizeof(chunk)) : -1;

		if (!n || now_ns() > until)
			return false;
		if (n > 0)
			buf_add(&b, chunk, (size_t)n);
		hash = strchr(buf_str(&b), '#');
		if (hash && strlen(hash) > 2) {
			(void)send(fd, "+", 1, MSG_NOSIGNAL);
			return true;
		}
	}
}

static bool say(int fd, unsigned int ms, const char *command)
{
	_cleanup_free_ char *packet = stub_packet(command);
	size_t n = strlen(packet);

	return send(fd, packet, n, MSG_NOSIGNAL) == (ssize_t)n && heard(fd, ms);
}

/* QEMU takes all breakpoints away when it is asked why it stopped. Then it is let go. */
bool stub_let_go(const char *path, unsigned int ms)
{
	_cleanup_close_ int fd = unix_connect(path);

	return fd >= 0 && say(fd, ms, "?") && say(fd, ms, "D;1");
}

int stub_close(struct level *l)
{
	_cleanup_free_ char *path = stub_path(), *said = NULL;
	bool clean = stub_let_go(path, level_ms(l, ANSWER_S));
	int ret = monitor(l, "gdbserver none", &said);

	(void)unlink(path);
	if (!ret)
		ret = level_resume(l);
	if (!ret && !clean)
		ret = fail(OUT_BROKEN, "%s's stub for gdb did not answer: breakpoints may be left in it; `nestlab lab-down` ends the lab", l->name);
	return ret;
}
