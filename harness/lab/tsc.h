/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NESTLAB_LAB_TSC_H
#define NESTLAB_LAB_TSC_H

/*
 * This machine's TSC frequency in kHz, measured against the monotonic clock within some 50 ppm.
 * Takes 40 ms once.
 */
unsigned int tsc_khz(void);

#endif
