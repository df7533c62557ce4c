# SPDX-License-Identifier: GPL-2.0-only
# Nothing says which of the two is meant.
# expect: needs a person
# sample
mkdir a b && cp "$grade/ref/arch/x86/kvm/cpuid.c" a && cp "$grade/fault/arch/x86/kvm/cpuid.c" b
