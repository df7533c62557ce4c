/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The agent protocol: what the harness (the client) and the agent in a level say to each other
 * over one byte stream (a virtio-serial port, a serial line, a socket). Both ends use this file
 * and proto.c, which need nothing but a C library.
 *
 * THE LINE
 *
 * A frame on the line is a mark, then the frame's bytes, in which every 0x7e is written as 0x7e
 * 0x00:
 *
 *	0x7e 0x4e
 *	version u8, type u8, length u16, session u32, seq u32, id u32
 *	payload
 *	crc32 u32
 *
 * All numbers are little-endian. length is that of the payload, at most PROTO_PAYLOAD_MAX. The CRC
 * (the one of zlib) covers header and payload, before the 0x7e are written double. So the mark
 * cannot occur inside a frame: whatever was on the line before it (a kernel's message, half a
 * frame, a frame with a wrong length), the next frame is read whole, at once. A payload sent
 * verbatim behind a magic number could not promise that: a cut-off frame of 32 KiB would swallow
 * 32 KiB of what follows, and the hello that should repair the session would be in there.
 *
 * SESSIONS
 *
 * The client picks a random session number that is not 0 and sends HELLO in it, again every 100
 * ms, until READY comes in the same session. A HELLO with another number than the agent's current
 * one ends the earlier session: the process groups of its programs get SIGKILL, its files are
 * closed, its queued frames are dropped, and READY follows when they are gone (or could not be
 * killed within half a second). So does the line's hang-up. A frame of another session is not
 * obeyed (it was written before a reconnect, or before the snapshot that was restored); the agent
 * answers it, in that frame's session, with an ERROR of id 0 and ESTALE. The first frame of an
 * agent is a READY in session 0: a client in the middle of a session learns from it at once that
 * the agent died, or that its level was reset.
 *
 * A line carries up to PROTO_SEATS sessions at a time, which know nothing of each other: a session's
 * number modulo PROTO_SEATS is its seat, and all of the above is about the sessions of one seat. So
 * two clients can share a line that is the only one (a serial port).
 *
 * seq counts a side's frames in this session from 1, so that a lost frame is noticed by the next
 * one. HELLO, READY and an ERROR outside the session carry 0. A side that sees a gap ends the
 * session: the agent by an ERROR of id 0 (EBADMSG), the client by failing its calls. Nothing is
 * sent again: a line that loses bytes is told, not hidden.
 *
 * Header, mark, HELLO and the first field of READY are the same in all versions, so that two ends
 * of different versions can say so.
 *
 * OPERATIONS
 *
 * The client picks an id (not 0, not in use in this session) for each operation; the answers carry
 * it.
 *
 *	EXEC	 starts a program in a process group and session of its own:
 *		 STARTED, OUTPUT..., EXIT. When it can't be started: EXIT alone, with the errno.
 *		 The program ends when its first process ends: EXIT follows the output that was in
 *		 the pipes then, and what is left of the process group gets SIGKILL. A daemon that
 *		 is to survive makes a session of its own (setsid).
 *	INPUT	 bytes for an EXEC's standard input or a PUT's file; an empty one is its end.
 *	WINDOW	 (agent) how much INPUT of this id was taken so far.
 *	RESIZE	 an EXEC's terminal.
 *	KILL	 a signal to an EXEC's process group.
 *	CANCEL	 ends any operation, silently: EXEC by SIGKILL, PUT without a trace, GET, WATCH,
 *		 CONNECT.
 *	PUT	 makes a file whole: a temporary file beside it, INPUT..., rename; DONE with its
 *		 size. Missing folders of the path are made (there is no mkdir in L2).
 *	WRITE	 one write() to a file that exists: trace_marker, sysfs; DONE with what was taken.
 *	GET	 reads a file: OUTPUT (PROTO_FILE)..., DONE with its size. A file that has nothing
 *		 to say just now (trace_pipe) is read again every 20 ms until CANCEL.
 *	WATCH	 reads all files of a glob pattern every interval: SAMPLE for each. A sample that
 *		 finds the line full is left out: the next one tells the newer value.
 *	TIME	 CLOCK: the level's clocks.
 *	CONNECT	 joins the id to a unix socket of the level: INPUT goes into it (the end of INPUT
 *		 shuts that direction down), OUTPUT (PROTO_FILE)... is what comes out; DONE with
 *		 its size when the other end has closed.
 *
 * Any of them can be answered by ERROR instead, which ends it. ERROR with id 0 ends the session.
 *
 * FLOW
 *
 * To the agent: at most PROTO_WINDOW bytes of INPUT of one id may be on the way beyond what its
 * last WINDOW told (0 before the first). To the client: it takes all that comes; when the line is
 * full the agent stops reading its programs and files, but goes on reading the line, so a KILL
 * always arrives. Both ends therefore need bounded memory, and none waits for the other in a
 * circle.
 */
#ifndef NESTLAB_AGENT_PROTO_H
#define NESTLAB_AGENT_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTO_VERSION 3
#define PROTO_PORT_NAME "org.nestlab.agent.0" /* of the agent's virtio-serial port */

#define PROTO_MEDIUM "/medium" /* the folder that a boot medium's files are unpacked to */

#define PROTO_PAYLOAD_MAX 32768
#define PROTO_HEADER_SIZE 16
#define PROTO_CRC_SIZE 4
#define PROTO_BODY_MAX (PROTO_HEADER_SIZE + PROTO_PAYLOAD_MAX + PROTO_CRC_SIZE)
#define PROTO_WINDOW (256 * 1024)
#define PROTO_HELLO_MS 100 /* between two hellos, at first */
#define PROTO_SEATS 2

/*
 * What a frame with this payload takes on the line when every byte of it has to be written
 * double.
 */
#define PROTO_LINE_MAX(len) (2 + 2 * (PROTO_HEADER_SIZE + (size_t)(len) + PROTO_CRC_SIZE))

enum proto_type {
	PROTO_HELLO = 1,
	PROTO_READY,
	PROTO_EXEC,
	PROTO_STARTED,
	PROTO_OUTPUT,
	PROTO_EXIT,
	PROTO_INPUT,
	PROTO_WINDOW_IS,
	PROTO_RESIZE,
	PROTO_KILL,
	PROTO_CANCEL,
	PROTO_PUT,
	PROTO_WRITE,
	PROTO_GET,
	PROTO_WATCH,
	PROTO_SAMPLE,
	PROTO_TIME,
	PROTO_CLOCK,
	PROTO_CONNECT,
	PROTO_DONE,
	PROTO_ERROR,
	PROTO_TYPE_COUNT
};

struct proto_frame {
	uint8_t version;
	uint8_t type; /* enum proto_type, or anything that a newer version may send */
	uint32_t session;
	uint32_t seq;
	uint32_t id;
	const uint8_t *payload; /* not owned; NULL allowed when len is 0 */
	size_t len;
};

/* ---- messages: what the payloads hold ---- */

/*
 * Times are nanoseconds of the level's CLOCK_MONOTONIC. Strings go as u16 length, bytes, NUL; what
 * unpacking hands out points into the frame's payload and is NUL-terminated there. bytes/len is
 * the rest of the payload. Errno and signal numbers are those of Linux on x86-64.
 */

struct proto_hello {
	uint32_t version;
};

struct proto_ready {
	uint32_t version;
	uint32_t cpus; /* online */
	uint64_t now_ns;
	const char *level;
	const char *kernel;
	const char *boot_id;
};

#define PROTO_EXEC_TTY 1   /* on a pseudo terminal; all output is PROTO_STDOUT then */
#define PROTO_EXEC_INPUT 2 /* INPUT will follow; otherwise standard input is /dev/null */
#define PROTO_ARGS_MAX 512
#define PROTO_ENV_MAX 256

struct proto_exec {
	uint8_t flags;
	uint16_t rows, cols;
	const char *cwd; /* "": / */
	uint16_t argc, envc;
	const char *argv[PROTO_ARGS_MAX + 1]; /* NULL behind the last one, as execve() wants it */
	const char *env[PROTO_ENV_MAX + 1];   /* put over the agent's own */
};

struct proto_started {
	uint32_t pid;
	uint64_t start_ns;
};

enum proto_stream { PROTO_STDOUT = 1, PROTO_STDERR = 2, PROTO_FILE = 3 };

struct proto_output {
	uint8_t stream;
	uint64_t time_ns; /* when the agent read it */
	const uint8_t *bytes;
	size_t len;
};
#define PROTO_OUTPUT_MAX (PROTO_PAYLOAD_MAX - 9) /* bytes in one OUTPUT */

struct proto_exit {
	uint32_t error;	 /* errno when it could not be started; else 0 */
	uint32_t code;	 /* exit status; 0 when a signal ended it */
	uint32_t signal; /* 0 or the signal */
	uint64_t start_ns, end_ns;
};

struct proto_input {
	const uint8_t *bytes;
	size_t len; /* 0: end of file */
};

struct proto_window_is {
	uint64_t taken; /* bytes of INPUT since the operation began */
};

struct proto_resize {
	uint16_t rows, cols;
};

struct proto_kill {
	uint32_t signal;
};

struct proto_put {
	uint32_t mode;
	uint64_t size; /* what INPUT must add up to */
	const char *path;
};

struct proto_write {
	const char *path;
	const uint8_t *bytes;
	size_t len; /* 0: open and close, no write() */
};

struct proto_get {
	const char *path;
};

struct proto_connect {
	const char *path;
};

struct proto_watch {
	uint32_t interval_ms;
	const char *pattern;
};

#define PROTO_SAMPLE_MAX 8192 /* bytes of one file that a SAMPLE tells */

struct proto_sample {
	uint64_t time_ns; /* just after the read */
	const char *path;
	const uint8_t *bytes;
	size_t len;
};

struct proto_clock {
	uint64_t monotonic_ns;
	uint64_t realtime_ns;
};

struct proto_done {
	uint64_t value; /* bytes written or read */
};

struct proto_error {
	uint32_t error; /* errno */
	const char *text;
};

/* The one that is meant follows from the frame's type. TIME and CANCEL have no payload. */
union proto_msg {
	struct proto_hello hello;
	struct proto_ready ready;
	struct proto_exec exec;
	struct proto_started started;
	struct proto_output output;
	struct proto_exit exit;
	struct proto_input input;
	struct proto_window_is window_is;
	struct proto_resize resize;
	struct proto_kill kill;
	struct proto_put put;
	struct proto_write write;
	struct proto_get get;
	struct proto_connect connect;
	struct proto_watch watch;
	struct proto_sample sample;
	struct proto_clock clock;
	struct proto_done done;
	struct proto_error error;
};

/* "EXEC"; "type 77" is not known: NULL. */
const char *proto_type_name(unsigned int type);

/*
 * Write m's payload to out (PROTO_PAYLOAD_MAX bytes); returns its length, or -1 when it does not
 * fit or the type is unknown. NULL strings are packed as "".
 */
int proto_pack(enum proto_type type, const union proto_msg *m, uint8_t *out);

/*
 * Read the payload by f->type. False when it is not exactly such a message (short, long, a string
 * without its NUL, too many arguments, an unknown type); *m is not to be used then. Never reads
 * outside the payload. READY of another version: only the version is filled in, and that is no
 * error; the strings are "" then. A longer HELLO is none either.
 */
bool proto_unpack(const struct proto_frame *f, union proto_msg *m);

/* ---- frames ---- */

/*
 * Write the frame as it goes on the line; returns the bytes used (never 0), or 0 when cap is less
 * than PROTO_LINE_MAX(f->len) or the payload is too long.
 */
size_t proto_encode(const struct proto_frame *f, uint8_t *out, size_t cap);

/* Does a frame begin here? */
bool proto_is_mark(const uint8_t *data, size_t len);

/* All bits zero is a decoder that has seen nothing. */
struct proto_decoder {
	int state;
	size_t have;	  /* bytes in body */
	size_t need;	  /* bytes of body before the next decision */
	uint64_t skipped; /* bytes that belonged to no frame */
	uint64_t bad;	  /* frames that were cut off or failed their CRC */
	uint8_t body[PROTO_BODY_MAX];
};

/*
 * Take bytes from the line, up to the end of one frame: returns how many were used. *got tells if
 * *f is a frame; its payload stays valid until the decoder is fed again. Call until all bytes are
 * used.
 */
size_t proto_decode(struct proto_decoder *d, const uint8_t *data, size_t len, struct proto_frame *f,
		    bool *got);

uint32_t proto_crc32(uint32_t crc, const void *data, size_t len); /* start with 0 */

#endif
