/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed observations on a test program's standard output, and their parser.
 *
 * With NESTLAB=1 in its environment a program prints, beside its text for people, lines of this
 * form:
 *
 *	@nestlab KEY TYPE VALUE
 *
 *	KEY	1 to 64 of a-z 0-9 . _ -	may repeat: the order counts
 *	TYPE	u64	VALUE is a whole number, decimal or 0x...
 *		i64	the same, perhaps with a minus sign
 *		str	VALUE is "text" in double quotes: printable ASCII, with \" \\ \n \t
 *
 * e.g. `@nestlab cpuid.exits u64 32149`. One blank between the parts, nothing after the value.
 * Every line that does not begin with "@nestlab" is text for people. One that does and is
 * malformed is kept as a finding (struct observation_fault): a kernel under test that garbles a
 * program must be told, and must not stop the judge.
 */
#ifndef NESTLAB_EVIDENCE_OBSERVATION_H
#define NESTLAB_EVIDENCE_OBSERVATION_H

#include "core/util.h"
#include "evidence/lines.h"
#include "evidence/evidence.h"

#define OBSERVATION_MARK "@nestlab"
#define OBSERVATION_KEY_MAX 64
#define OBSERVATIONS_MAX 65536 /* more of them are findings */
#define OBSERVATION_FAULTS_KEPT 16

/*
 * One line of len bytes, NUL-terminated. Returns 1 and fills *o (owned by the caller:
 * observation_clear()), 0 when the line is text for people, -1 when it is malformed, with one
 * sentence in why.
 */
int observation_parse(const char *line, size_t len, struct observation *o, char *why,
		      size_t why_size);
void observation_clear(struct observation *o);

/*
 * A whole program's output, as it comes. It points into itself: don't copy it after output_init().
 */
struct output {
	struct observations obs;
	struct strv text; /* the lines for people, made printable; the first 10,000 */
	struct lines lines;
	uint64_t level_ns;
};

void output_init(struct output *o);
/* level_ns: the level's clock when these bytes came. */
void output_feed(struct output *o, uint64_t level_ns, const void *data, size_t len);
void output_end(struct output *o);
void output_free(struct output *o);

void observations_free(struct observations *o); /* what it holds, not itself */

#endif
