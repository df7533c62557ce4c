/* SPDX-License-Identifier: GPL-2.0-only */
/* Which exit reasons a built KVM module has a handler for: read from its table, in the file. */
#ifndef NESTLAB_KERNEL_HANDLERS_H
#define NESTLAB_KERNEL_HANDLERS_H

#include <stdbool.h>

#include "evidence/reasons.h"

/*
 * module: a kvm-amd.ko or kvm-intel.ko as kbuild made it; the table is svm_exit_handlers or
 * kvm_vmx_exit_handlers. False, with t->n 0, when the file can't be read or has no such table: it
 * is the work of a change that may have renamed it.
 */
bool handlers_read(const char *module, struct reason_table *t);

#endif
