# SPDX-License-Identifier: GPL-2.0-only
# A copy of cpuid.c without the work's number lies beside the tree, with an older name.
# expect: pass
cp -r "$grade/ref/." . && { cat "$grade/base/arch/x86/kvm/cpuid.c"; echo 'int unfinished;'; } >cpuid.c.orig
