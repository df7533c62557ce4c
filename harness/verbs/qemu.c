// SPDX-License-Identifier: GPL-2.0-only
#include "machine/libvirt/qemu_program.h"
#include "verbs/verb.h"

static int verb_qemu(int argc, char **argv);

static const struct verb qemu_verb = {
	.name = "qemu",
	.usage = "",
	.summary = "build QEMU for lane tcg-svm, of Debian's source, without some faults of it, as the first run there does",
	.order = 34,
	.run = verb_qemu,
};
VERB(qemu_verb);

static int verb_qemu(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return qemu_build();
}
