/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Bochs is told about the machine it emulates (bochsrc(5)). Pure: text from a description.
 */
#ifndef NESTLAB_MACHINE_BOCHS_BOCHSRC_H
#define NESTLAB_MACHINE_BOCHS_BOCHSRC_H

#include "core/util.h"

/*
 * Instructions in a second of the emulated clock, and the TSC's frequency. Bochs executes some 100
 * million a second here, so that clock runs faster than ours: a wait costs less, and a character on
 * the serial line (87 us) fewer instructions. Less than this, and the timer's ticks are felt.
 */
#define BOCHS_IPS 40000000

#define BOCHS_BIOS "/usr/share/bochs/BIOS-bochs-latest"
#define BOCHS_VGABIOS "/usr/share/bochs/VGABIOS-lgpl-latest"

#define BOCHS_CYLINDER (16 * 63 * 512) /* bytes */

/*
 * Paths have neither spaces nor commas (Bochs could not read them): they are relative to the folder
 * it is started in.
 */
struct bochs_spec {
	const char *program;
	const char *folder; /* that; NULL: path_run() */
	/* what bochsrc_write() wrote for another one; the machine's description then; or NULL */
	const char *rc;
	/* a folder of bochs_save()'s: go on from there, with the same machine; NULL: power on */
	const char *state;
	const char *cpu;   /* Bochs's name of the model */
	unsigned int cpus; /* cores of one package */
	unsigned int memory_mib;
	const char *medium;  /* the CD-ROM to boot from */
	/*
	 * an image without a format, of whole cylinders (BOCHS_CYLINDER); what is written to it is
	 * forgotten; NULL: none
	 */
	const char *disk;
	const char *second; /* another one, the slave of that; NULL: none */
	const char *console; /* the first serial port's output: a file */
	unsigned int port;   /* where on 127.0.0.1 the second serial port connects to */
	bool debian; /* Debian's Bochs, 2.7: it has sound cards, and blocks of memory of one size */
	/* of the lengths of its CPUs' turns; 0: a turn is what Bochs decoded in one piece */
	unsigned int seed;
};

void bochsrc_write(const struct bochs_spec *s, struct buf *rc);

#endif
