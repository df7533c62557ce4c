# SPDX-License-Identifier: GPL-2.0-only
# Only one of its files: what the others define is missing.
# expect: needs a person
# says: may be missing
cp "$grade/ref/arch/x86/kvm/cpuid.c" .
