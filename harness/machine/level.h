/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A level is a libvirt connection + a domain + a console + an agent channel. The same code drives
 * L1 through L0's libvirt and L2 through L1's.
 *
 * Every wait ends with the deadline, or with a crash: of this level, or of the one below that
 * carries it. Functions return 0 or a negative outcome; -OUT_CRASH is a kernel's end, told with its
 * console's line.
 */
#ifndef NESTLAB_MACHINE_LEVEL_H
#define NESTLAB_MACHINE_LEVEL_H

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/outcome.h"
#include "machine/channel.h"
#include "machine/console.h"
#include "machine/vstream.h"

struct level;

/* A level that no libvirt drives: how it is reached. All are called in the event loop's thread. */
struct level_machine {
	/* power off at once; the one that may be called from another thread */
	void (*cut)(struct level *l);
	void (*end)(struct level *l);  /* the same, and free machine_data */
	/* The agent's port, once; NULL after fail(). */
	struct vstream *(*open_port)(struct level *l, const struct vstream_handler *h);
	void (*look)(struct level *l); /* has it ended by itself? Then level_note_end() */
};

struct level {
	unsigned int number;
	char name[4];		/* "L1" */
	struct level *carrier;	/* L2 runs in L1; NULL for L1 */
	uint32_t slowdown;	/* the lane's factor on deadlines */
	virConnectPtr conn;
	virDomainPtr dom;
	char *socket; /* where conn leads to, when its URI says so (hangup.h); owned */
	const struct level_machine *machine; /* NULL: a libvirt domain */
	void *machine_data;
	/*
	 * the folder in the level where its boot medium put modules and test programs; NULL: none
	 */
	const char *medium;
	struct vstream *console_stream;
	/*
	 * Where QEMU writes this level's console, when its host is ours: read from there in place
	 * of a stream, as the last words of a domain that is gone are still in it. NULL: by stream.
	 * Set before level_create(); owned.
	 */
	char *console_file;
	int console_fd;
	/* what its emulator says itself; NULL: it is not known where. Owned */
	char *emulator_log;
	struct console console;
	/* sees the console's bytes too; may be NULL */
	void (*tap)(void *ctx, const void *data, size_t len);
	void *tap_ctx;
	struct vstream *port;
	struct channel *channel; /* NULL: not open */
	struct agent_info agent;
	bool late;   /* a call of its libvirt's ended by its deadline */
	bool silent; /* its agent was asked, and did not answer */
	int event_id;
	bool stopped;		/* a lifecycle event said so */
	uint64_t stop_ns;	/* when */
	int stop_detail;	/* virDomainEventStoppedDetailType */
	bool stop_expected;
	char *end_text;		/* of a machine: why it ended ... */
	enum outcome end_outcome; /* ... and what that is */
};

void level_init(struct level *l, unsigned int number, struct level *carrier, uint32_t slowdown);

/* Close streams and connections. A domain runs on; a machine that is our child ends. */
void level_detach(struct level *l);
/* End the domain at once (if it is there), then detach. Says nothing, can't fail. */
void level_destroy(struct level *l);

/* The machine, which is about to run, takes the place of a domain. */
void level_adopt(struct level *l, const struct level_machine *machine, void *data);
void level_note_end(struct level *l, enum outcome outcome, const char *why);
/*
 * End it at once, from any thread, or hang up on a libvirt that does not do it; the level learns of
 * it as of any other end.
 */
void level_cut(struct level *l);
/* Is there anything that could run? */
bool level_exists(const struct level *l);
/*
 * End it at once, domain or machine; says nothing, can't fail; some seconds for a libvirt that does
 * not answer, which is hung up on.
 */
void level_power_off(struct level *l);
/*
 * Whoever waits for the level's libvirt gets an error at once, and so does every later call. From
 * any thread.
 */
void level_hang_up(struct level *l);

/*
 * End a domain that the level's libvirt knows by name, if it is there; the second from any thread,
 * and telling nothing, as level_cut().
 */
int level_end(struct level *l, const char *domain);
void level_cut_domain(struct level *l, const char *domain);

int level_connect(struct level *l, const char *uri);
/*
 * Of what carries the level, as libvirt numbers them (a million for the major). False when it does
 * not answer; says nothing, ^C or not.
 */
bool level_versions(struct level *l, unsigned long *hypervisor, unsigned long *library);

/* Start the domain paused, attach console and events, let it run: no early panic is missed. */
int level_create(struct level *l, const char *xml, const char *console_log);
/* The same from a saved state. */
int level_restore(struct level *l, const char *state, const char *xml, const char *console_log);
/* Join a domain that runs already. -OUT_BROKEN when it doesn't. */
int level_attach(struct level *l, const char *domain, const char *console_log);
/* Type on the console. */
int level_type(struct level *l, const void *data, size_t len);
/* Stop the domain's vCPUs where they are, and let them go on (0 also when they do). */
int level_suspend(struct level *l);
int level_resume(struct level *l);
int level_runs(struct level *l, bool *runs); /* do they? */
/* Write the domain's state to a file; the domain is gone after it. */
int level_save(struct level *l, const char *state);
/* The domain's description in such a file; the caller owns *xml. */
int level_saved_xml(struct level *l, const char *state, char **xml);

/* Open the agent's port and greet until READY. */
int level_open_channel(struct level *l, unsigned int deadline_s);
void level_close_channel(struct level *l);

/*
 * Turn the loop once. 0, or what ends all waiting: -OUT_CRASH when this level or its carrier died,
 * -OUT_INTERRUPTED on ^C. After an oops it reads on for a moment first, so that the text is whole.
 */
int level_step(struct level *l, unsigned int timeout_ms);

/*
 * A call that failed may be the first sign of a level's end: give that time to be seen. 0, or what
 * level_step() says.
 */
int level_look_for_end(struct level *l);
/*
 * Does its agent still answer? Asked once: of one that did not, the answer stays. False also
 * without a channel.
 */
bool level_answers(struct level *l);
/* The same, with as much patience (scaled as each deadline). */
bool level_answers_within(struct level *l, unsigned int seconds);
/*
 * Why a call on l failed. First the same; then L0's libvirt is asked whether it is there, and
 * whether L1 was stopped for a disk that can't be written (-OUT_BROKEN); then every open channel
 * is asked from the lowest level up to `asked` (NULL: none). *silent: the first that does not
 * answer, or NULL.
 */
int level_diagnose(struct level *l, struct level *asked, const struct level **silent);

/*
 * Wait until the domain has stopped by itself (expected), or a console line holds the awaited text.
 */
int level_wait_stopped(struct level *l, unsigned int deadline_s);
int level_wait_console(struct level *l, const char *text, unsigned int deadline_s);

/*
 * Run a command in the level; -OUT_BROKEN when it can't be started or fails, told with its last
 * line of output.
 */
int level_command(struct level *l, const char *what, char *const *argv, unsigned int deadline_s);

/*
 * Where the level finds a file of ours: its boot medium brought it under its own name, or it is put
 * at `path`. The caller owns it.
 */
char *level_place_of(const struct level *l, const char *local, const char *path);
/* The same, and put there now. The caller owns *where. */
int level_place(struct level *l, const char *local, const char *path, mode_t mode, char **where);

/*
 * One QMP command to the level's QEMU, over its carrier's libvirt; the caller owns the answer (JSON
 * text).
 */
int level_qmp(struct level *l, const char *command, char **answer);

/*
 * Why an emulator ended, in its log's own words, of its last start; NULL: it does not say. The
 * caller owns it. Pure.
 */
char *level_last_words(const char *log);

/*
 * A deadline in milliseconds, scaled by the lane. Of a level that let one pass, or whose carrier
 * did, no more than the time of one question: a hang costs one deadline, not one a call.
 */
unsigned int level_ms(const struct level *l, unsigned int seconds);

#endif
