/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this machine's /dev/kvm really offers. A file that can be opened says nothing: some machines
 * have a /dev/kvm without nested SVM or VMX, so the ioctls are asked.
 */
#ifndef NESTLAB_PLAN_PROBE_H
#define NESTLAB_PLAN_PROBE_H

#include <stdbool.h>

struct kvm_probe {
	bool usable;	  /* opened, API version 12, a VM can be made */
	bool svm, vmx;	  /* KVM_GET_SUPPORTED_CPUID: a guest can have it */
	bool nested;	  /* the module's parameter says yes */
	char why[160];	  /* one sentence on what is missing, or on what there is */
};

void kvm_probe(struct kvm_probe *p);

#endif
