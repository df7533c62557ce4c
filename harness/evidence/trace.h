/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L1's ftrace as text (the format of trace_pipe) -> records of vCPU data. Three layers, each
 * usable alone:
 *
 *  - trace_line.c: one line of text -> who wrote it, when, which message;
 *  - trace_contract.c: patterns that say how a message spells each field (data of the assignment);
 *  - trace.c: lines -> records, and the stream cut by markers.
 *
 * The text comes from a kernel under test and is hostile: lines are bounded, patterns have match
 * limits, and work is linear in the bytes. Whatever could not be read is counted and told, never
 * fatal.
 */
#ifndef NESTLAB_EVIDENCE_TRACE_H
#define NESTLAB_EVIDENCE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"
#include "evidence/evidence.h"

#define TRACE_LINE_MAX 4096	/* bytes of a line that are kept; trace_printk's bound is 1024 */
#define TRACE_RECORDS_MAX 65536 /* of one cut; more are refused */

/* --- one line --- */

enum trace_kind {
	TRACE_EVENT,	/* a line with ftrace's header */
	TRACE_LOST,	/* "CPU:0 [LOST 123 EVENTS]" */
	TRACE_COMMENT,	/* "# tracer: nop" */
	TRACE_CONTINUED /* no header: the rest of a message that held a newline */
};

struct trace_line {
	enum trace_kind kind;
	char comm[17];
	int64_t tid;
	unsigned int cpu;
	double seconds;
	const char *function; /* into the text, not NUL-terminated; message too */
	size_t function_len;
	const char *message;
	size_t message_len;
	uint64_t lost; /* TRACE_LOST: how many; 1 where the kernel doesn't know */
};

/*
 * Parse the text's first event. Returns the bytes that it took: fewer than len where a message
 * had no newline and the next event's header follows in the same line (trace_printk() adds none):
 * call again with the rest.
 */
size_t trace_parse_line(const char *text, size_t len, struct trace_line *l);

/* --- the contract --- */

/*
 * Patterns are PCRE2, matched anywhere in a message, in any case (of letters). In them
 *	<number>  stands for a whole number, decimal or 0x..., perhaps negative
 *	<value>   the same, or hex digits without 0x
 *	<reg>	  a register's name: rax ... r15, rip, rflags, eflags
 *	<index>	  a register's number in KVM's order (0 = rax, 1 = rcx, 2 = rdx, 3 = rbx, ...)
 * A pattern must have <number> or <value> exactly once. In a list, the first pattern that a
 * message matches is taken.
 */
struct trace_spelling {
	struct strv vcpu_id, pid, num_exits;
	struct strv registers; /* patterns with <reg> or <index>: each match is one register */
	struct strv named;     /* "rax=PATTERN": for one register, tried before the ones above */
	struct strv ignore;    /* patterns on "function: message": lines that are no data */
	char *number_base; /* of digits without 0x: "auto" (decimal), "dec", "hex"; NULL: auto */
	/* "auto": hex where any register of the record looks like it, else decimal. */
	char *register_base;
};

struct trace_contract;

/*
 * where: for messages ("config/assignments/vcpu-info.conf"). 0, or -OUT_USAGE with the pattern
 * and what is wrong with it.
 */
int trace_contract_new(const char *where, const struct trace_spelling *s,
		       struct trace_contract **c);
void trace_contract_free(struct trace_contract *c);

enum trace_field { FIELD_VCPU_ID = VREG_COUNT, FIELD_PID, FIELD_NUM_EXITS, FIELD_COUNT };

struct trace_hit {
	int field;     /* enum trace_reg or enum trace_field */
	size_t offset; /* of the value in the message */
	char text[28]; /* the value; "" when it was longer than any number */
};

/*
 * All values in a message, ordered by offset; at most max of them. Returns how many; *gave_up is
 * set true when a pattern hit its match limit.
 */
size_t trace_contract_match(const struct trace_contract *c, const struct trace_line *l,
			    struct trace_hit *hits, size_t max, bool *gave_up);

/*
 * The value of a hit as the contract's number base says. Registers: hex_hint from
 * trace_looks_hex().
 */
bool trace_id_value(const struct trace_contract *c, const char *text, int64_t *value);
bool trace_register_value(const struct trace_contract *c, const char *text, bool hex_hint,
			  uint64_t *value);
bool trace_looks_hex(const char *text);

/* --- records --- */

/*
 * A record's fields may stand in one line or in several of the same thread. It ends where the
 * field that opened it, or any that it has with another value, comes again, or where the cut
 * ends. (A line may repeat the record's own id: "vcpu 0 pid: 12" after "vcpu id: 0" is still the
 * same record.)
 */
void trace_records_free(struct trace_records *r); /* what it holds, not itself */

/* --- the stream, cut by markers --- */

/*
 * What to write to trace_marker before and after a test. The caller owns it. nonce: see
 * trace_cut().
 */
char *trace_marker(bool end, const char *name, const char *nonce);

struct trace_stream; /* numbers the lines fed, from 1: feed all of trace.txt */
struct trace_stream *trace_stream_new(void);
void trace_stream_free(struct trace_stream *s);
void trace_stream_feed(struct trace_stream *s, const void *data, size_t len);

/*
 * From now on look out for this test's markers and collect the records between them. The nonce is
 * new for each test, so that a marker of another run, or one that a test's text imitates, is not
 * taken. Ends a cut before it. The contract (NULL: collect no records) must live until
 * trace_take().
 */
void trace_cut(struct trace_stream *s, const struct trace_contract *c, const char *name,
	       const char *nonce);
enum trace_cut_state { CUT_NONE, CUT_AWAITED, CUT_OPEN, CUT_COMPLETE };
enum trace_cut_state trace_cut_state(const struct trace_stream *s);
/*
 * Hand over what was collected, also of a cut that is not complete (its markers may be lost), and
 * end it. The caller owns *records (trace_records_free()).
 */
void trace_take(struct trace_stream *s, struct trace_records *records);

#endif
