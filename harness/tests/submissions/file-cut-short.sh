# SPDX-License-Identifier: GPL-2.0-only
# A third of a whole file.
# expect: incomplete
# says: that base 6.12 has there
# sample
head -n 500 "$grade/ref/arch/x86/kvm/cpuid.c" >cpuid.c
