/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The harness's end of the agent protocol (guest-image/agent/proto.h): run programs in a level,
 * move files, sample counters. Knows neither libvirt nor what carries the bytes: a
 * transport gives it bytes, takes bytes, and turns the event loop while a call waits.
 *
 * Calls that wait return 0 or a negative outcome with a sentence. Losing the transport, the
 * deadline and an agent that answers nonsense are -OUT_BROKEN; the lab turns them into a crash
 * when the console tells of one. An errno of the level (no such file) is -OUT_BROKEN too, with its
 * text.
 *
 * Callbacks run inside channel_feed(). They may call what does not wait (input, kill, forget,
 * unwatch, ...), not what does.
 */
#ifndef NESTLAB_MACHINE_CHANNEL_H
#define NESTLAB_MACHINE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/util.h"

struct channel;

struct channel_transport {
	/* Take all these bytes (queue what does not fit now). 0 or -errno. */
	int (*send)(void *ctx, const void *data, size_t len);
	/*
	 * Turn the event loop once, for at most this time; bytes that came are given to
	 * channel_feed(). 0, or a negative outcome (with fail()) when waiting on makes no sense: a
	 * crash, ^C. The calls below pass it up.
	 */
	int (*step)(void *ctx, unsigned int timeout_ms);
	void *ctx;
	unsigned int seat; /* of PROTO_SEATS: where another channel uses the same line */
};

/* name: for messages ("L2's agent"). The transport is copied. */
struct channel *channel_new(const char *name, const struct channel_transport *t);
void channel_free(struct channel *c); /* sends nothing; callbacks are not called any more */

void channel_feed(struct channel *c, const void *data, size_t len);
void channel_lost(struct channel *c); /* the transport hung up: waiting calls end */

struct agent_info {
	uint32_t version;     /* of the protocol */
	uint32_t cpus;	      /* online */
	/* "L1", "L2": nestlab.level= on the kernel's command line, or the agent's argument. */
	char level[16];
	char kernel[128];     /* utsname release and version */
	char boot_id[40];
	uint64_t monotonic_ns; /* the level's clock at READY */
};

/*
 * Begin a session: hello, sent again every 100 ms until the agent answers READY or the deadline
 * passes. A new session ends what an earlier one left running in the level. Also the way to resume
 * after a restored snapshot.
 */
int channel_hello(struct channel *c, struct agent_info *info, unsigned int deadline_ms);

/*
 * Begin this session without waiting for READY: the agent reads what follows after the hello. For a
 * line that nobody answers on yet, and that is to be given the same bytes each time; so the number
 * is the caller's (of this transport's seat).
 */
int channel_begin(struct channel *c, uint32_t session);

enum channel_stream { CHANNEL_STDOUT = 1, CHANNEL_STDERR = 2 };

struct channel_exec {
	char *const *argv; /* argv[0]: a path in the level */
	char *const *env;  /* "NAME=value", put over the agent's own; NULL: none */
	const char *cwd;   /* NULL: / */
	bool tty;	   /* run it on a pseudo terminal (all output is CHANNEL_STDOUT then) */
	uint16_t rows, cols;
	bool want_input;   /* channel_input() will follow; otherwise standard input is /dev/null */
	/* Called as output comes, with the level's monotonic time; may be NULL. */
	void (*on_output)(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
			  size_t len);
	void *ctx;
};

struct channel_status {
	bool done;
	int error;	/* errno in the level when it could not be started (then done is true); 0 */
	int exit_code;	/* 0..255; -1 when a signal ended it */
	int signal;	/* 0 or the signal */
	pid_t pid;	/* in the level */
	uint64_t start_ns, end_ns; /* level's monotonic clock */
};

/*
 * Start a program. id: for the calls below. *status is filled as news come and must live until
 * done or channel_forget(). A program that can't be started is told there, not here.
 */
int channel_start(struct channel *c, const struct channel_exec *e, struct channel_status *status,
		  uint32_t *id);
/* len 0: end of file. Queued when the program does not take it yet; never waits. */
int channel_input(struct channel *c, uint32_t id, const void *data, size_t len);
int channel_resize(struct channel *c, uint32_t id, uint16_t rows, uint16_t cols);
int channel_kill(struct channel *c, uint32_t id, int signal); /* its whole process group */
void channel_forget(struct channel *c, uint32_t id); /* no more news of it; it runs on */

/* While a program runs: is its level still alive? Asked again and again. */
struct channel_watch {
	unsigned int every_ms;
	bool (*lives)(void *ctx);
	void *ctx;
};

/* Turn the loop until status->done. Past the deadline: SIGKILL to the program, and -OUT_BROKEN. */
int channel_wait(struct channel *c, uint32_t id, struct channel_status *status,
		 unsigned int deadline_ms);
/* The same; -OUT_BROKEN also as soon as the level does not live. */
int channel_wait_watched(struct channel *c, uint32_t id, struct channel_status *status,
			 const struct channel_watch *w, unsigned int deadline_ms);

/*
 * Start, wait, collect (out and err may be NULL). An exit status other than 0 is not an error
 * here: look at *status.
 */
int channel_run(struct channel *c, char *const *argv, struct buf *out, struct buf *err,
		struct channel_status *status, unsigned int deadline_ms);

int channel_put(struct channel *c, const char *path, mode_t mode, const void *data, size_t len,
		unsigned int deadline_ms);
/*
 * Appends in one write() in the level: for trace_marker and sysfs files (no temporary file, no
 * rename).
 */
int channel_write(struct channel *c, const char *path, const void *data, size_t len,
		  unsigned int deadline_ms);
int channel_put_file(struct channel *c, const char *local, const char *remote, mode_t mode,
		     unsigned int deadline_ms);
int channel_get(struct channel *c, const char *path, struct buf *out, unsigned int deadline_ms);

/*
 * Read counters: the agent reads the files that a glob pattern names every interval and sends what
 * they hold. level_ns: the level's monotonic clock at the read. Ends with channel_unwatch() or the
 * session.
 */
int channel_watch(struct channel *c, const char *pattern, unsigned int interval_ms,
		  void (*on_sample)(void *ctx, const char *path, uint64_t level_ns,
				    const char *text),
		  void *ctx, uint32_t *id);
/* Ends this one, or a connection. */
int channel_unwatch(struct channel *c, uint32_t id);

/*
 * Join a unix socket of the level: channel_input() writes to it (len 0: shuts that direction down),
 * on_data is what comes out of it. status->done, with its error, when it could not be connected or
 * the other end has closed; *status must live as long.
 */
int channel_connect(struct channel *c, const char *path,
		    void (*on_data)(void *ctx, uint64_t level_ns, const void *data, size_t len),
		    void *ctx, struct channel_status *status, uint32_t *id);

/*
 * Has a call ended by its deadline, and nothing been heard of the agent since? The next one is
 * likely to wait in vain.
 */
bool channel_is_late(const struct channel *c);

/* The level's monotonic clock now. */
int channel_time(struct channel *c, uint64_t *level_ns, unsigned int deadline_ms);

#endif
