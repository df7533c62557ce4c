/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What QEMU in L1 can, known beforehand. L1's libvirtd asks its QEMU for all of it before the first
 * domain, which starts QEMU twice: 4 s in lane tcg-svm, 12 s and more in bochs-vmx. It keeps the
 * answers in files, and takes files that it finds as long as they fit its QEMU, kernel and CPU
 * (virQEMUCapsIsValid() in libvirt's qemu_capabilities.c); else it asks again. So they are kept
 * here, for each new kernel under test. As they outlive a run, they come from an L1 with the lab's
 * own kernel alone.
 */
#ifndef NESTLAB_LAB_CAPABILITIES_H
#define NESTLAB_LAB_CAPABILITIES_H

#include "lab/lab.h"

/*
 * Find lab->capabilities, or ask for them in an L1 that `boot` brings up to its loaded KVM and
 * running libvirtd (consoles and logs go to lab->run_dir) and that is ended again. It stays NULL
 * where they would not fit the kernel, or could not be had: L2 only starts later then. 0, or a
 * negative outcome when the run was interrupted.
 */
int capabilities_prepare(struct lab *lab, int (*boot)(struct lab *lab));

/*
 * Put them where L1's libvirtd looks for them, when there are any. Before L2, and with KVM loaded.
 */
int capabilities_place(struct lab *lab);

#endif
