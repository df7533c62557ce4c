# SPDX-License-Identifier: GPL-2.0-only
# The same with its halves swapped, under the names that a portal gave them.
# expect: fail
# says: 5.10
. "$age_lib"
age=$grade/5.10/base/arch/x86/kvm
counters plain exit_count exit_time
answer switch swap
cp "$age/vmx/vmx.c" .
put vmx.c after '^#include "vmx.h"' "\n$externs"
put_in vmx.c 'static int vmx_handle_exit(' before 'Flush logged GPAs' "\t * of which this counts all\n\t */\n\tu64 before = rdtsc();\n\n\t$inc\n\t/*"
put_in vmx.c 'static int vmx_handle_exit(' before '^\tif .enable_pml' "\t$(add 'rdtsc() - before')"
mv vmx.c '4711_ann_vmx (2).c' && mv cpuid.c 4711_ann_cpuid.c.txt
