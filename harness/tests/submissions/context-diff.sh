# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# says: context diff
# sample
diff -c "$grade/base/arch/x86/kvm/cpuid.c" "$grade/ref/arch/x86/kvm/cpuid.c" >change.txt || :
