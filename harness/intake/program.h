/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From whatever was handed in to the sources of a virtual machine monitor: a folder of plain files
 * that can be built (monitor/monitor.h). A stranger's, as all that the intake reads.
 */
#ifndef NESTLAB_INTAKE_PROGRAM_H
#define NESTLAB_INTAKE_PROGRAM_H

#include "intake/intake.h"
#include "plan/assignment.h"

/*
 * path: file, folder or archive. a: what is asked of it. scratch: an empty folder for what is
 * unpacked. to: a folder that is made anew, with the sources when in->outcome is INTAKE_TAKEN;
 * in->patch has their texts as new files then. There is no base. 0 with any outcome, or a negative
 * outcome when it can't be read or written (-OUT_USAGE, -OUT_BROKEN). Free in (intake_free()) in
 * either case.
 */
int intake_take_program(const char *path, const struct assignment *a, const char *scratch,
			const char *to, struct intake *in);

#endif
