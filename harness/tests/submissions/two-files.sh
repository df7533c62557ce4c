# SPDX-License-Identifier: GPL-2.0-only
# The usual two files of an old base, of Intel's side: judged there, on an emulated Intel CPU.
# expect: pass
# says: 5.10
. "$age_lib"
age=$grade/5.10/base/arch/x86/kvm
counters atomic total_exits total_cycles
answer if
cp "$age/vmx/vmx.c" .
put vmx.c after '^#include "vmx.h"' "\n$externs"
sed -i 's/^static int vmx_handle_exit(/static int handle_one_exit(/' vmx.c
put vmx.c before '^static struct kvm_x86_ops vmx_x86_ops' "static int vmx_handle_exit(struct kvm_vcpu *vcpu, fastpath_t exit_fastpath)\n{\n\tu64 before = rdtsc();\n\tint rc;\n\n\t$inc\n\trc = handle_one_exit(vcpu, exit_fastpath);\n\t$(add 'rdtsc() - before')\n\treturn rc;\n}\n"
