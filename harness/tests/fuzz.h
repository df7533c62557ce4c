/* SPDX-License-Identifier: GPL-2.0-only */
/* What fuzz_proto.c and fuzz_agent.c share. */
#ifndef NESTLAB_TESTS_FUZZ_H
#define NESTLAB_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto.h"

struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

/*
 * The next frame that the input describes: type, id, payload. False: it says that something about
 * this frame is to be wrong.
 */
bool fuzz_frame(struct fuzz_input *in, struct proto_frame *f);

/* The agent's session, with operations that touch nothing. */
void fuzz_agent(struct fuzz_input *in);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
