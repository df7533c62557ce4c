# SPDX-License-Identifier: GPL-2.0-only
# A counter that is declared and used here, and defined in no file.
# expect: half
# sample
sed 's/^static void kvm_cpuid_exit_totals/extern u64 my_exits;\n&/; s/^\t\*edx = 0;/\t*edx = upper_32_bits(my_exits);/' "$grade/ref/arch/x86/kvm/cpuid.c" >cpuid.c
