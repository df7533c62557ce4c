# SPDX-License-Identifier: GPL-2.0-only
# A link is not followed, in an archive or beside one.
# expect: needs a person
# sample
ln -s "$grade/ref/arch/x86/kvm/cpuid.c" cpuid.c && tar -cf work.tar cpuid.c
