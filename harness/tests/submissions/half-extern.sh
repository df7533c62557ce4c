# SPDX-License-Identifier: GPL-2.0-only
# A counter that is declared here, and defined in no file.
# expect: half
# sample
sed 's/^static void kvm_cpuid_exit_totals/extern u64 my_exits;\n&/' "$grade/ref/arch/x86/kvm/cpuid.c" >cpuid.c
