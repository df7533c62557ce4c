// SPDX-License-Identifier: GPL-2.0-only
#include "machine/bochs/bochsrc.h"

#define CLOCK "1767225600" /* the first second of 2026, UTC */

/*
 * No display, no sound: rfb without a client (it waits for none) and drivers that do nothing;
 * Debian's build has ALSA as its default and dies of a machine without a sound card. Errors are
 * mostly model-specific registers that Bochs does not have, thousands of lines; a panic ends it and
 * is the log's last word. Time is counted in instructions alone, and L1's clock begins at one time
 * always: with what config/bochs/0003 mends, two runs differ only by what comes over the line, and
 * when. (Debian's Bochs leaks real time into random numbers and into where it cuts REP
 * instructions.)
 */
static const char fixed[] = "config_interface: textconfig\n"
			    "display_library: rfb, options=\"timeout=0\"\n"
			    "romimage: file=" BOCHS_BIOS ", options=fastboot\n"
			    "vgaromimage: file=" BOCHS_VGABIOS "\n"
			    "clock: sync=none, time0=" CLOCK "\n"
			    "boot: cdrom\n"
			    "mouse: enabled=0\n"
			    "speaker: enabled=0\n"
			    "log: -\n"
			    "panic: action=fatal\n"
			    "error: action=ignore\n"
			    "info: action=report\n"
			    "debug: action=ignore\n";

/*
 * MiB that Bochs keeps in memory at a time, at most; what is over goes to a file, which no lab's L1
 * came near.
 */
#define HOST_MAX 2048

/*
 * KiB. Bochs makes a named parameter of each block and looks all names through for it: with its 128
 * KiB, 1 s before L1's first instruction.
 */
#define BLOCKS ", block_size=4096"

void bochsrc_write(const struct bochs_spec *s, struct buf *rc)
{
	if (s->rc) {
		buf_puts(rc, s->rc);
		return;
	}
	buf_printf(rc, "%s", fixed);
	if (s->debian)
		buf_puts(rc, "sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy\n");
	buf_printf(rc, "memory: guest=%u, host=%u%s\n", s->memory_mib, s->memory_mib < HOST_MAX ? s->memory_mib : HOST_MAX,
		   s->debian ? "" : BLOCKS);
	buf_printf(rc, "cpu: model=%s, count=1:%u:1, ips=%u, reset_on_triple_fault=0\n", s->cpu,
		   s->cpus, BOCHS_IPS);
	buf_printf(rc, "ata0-master: type=cdrom, path=%s, status=inserted\n", s->medium);
	if (s->disk)
		buf_printf(rc, "ata1-master: type=disk, path=%s, mode=volatile\n", s->disk);
	if (s->second)
		buf_printf(rc, "ata1-slave: type=disk, path=%s, mode=volatile\n", s->second);
	buf_printf(rc, "com1: enabled=1, mode=file, dev=%s\n", s->console);
	buf_printf(rc, "com2: enabled=1, mode=socket-client, dev=127.0.0.1:%u\n", s->port);
}
