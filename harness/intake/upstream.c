// SPDX-License-Identifier: GPL-2.0-only
#include "intake/upstream.h"

#include <string.h>

/* Lines of a file that kernels of that age have, from the first to the last of them. */
struct age {
	const char *path, *lines;
};

static const struct age ages[] = {
	/* 5.4 to 5.11: the exit reason is a number */
	{ "arch/x86/kvm/vmx/vmx.c",
	  "u32 exit_reason = vmx->exit_reason;\n"
	  "if (!(vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {\n"
	  "if (exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY) {\n"
	  "= exit_reason;\n"
	  "(exit_reason != EXIT_REASON_EXCEPTION_NMI &&\n"
	  "exit_reason != EXIT_REASON_EPT_VIOLATION &&\n"
	  "exit_reason != EXIT_REASON_PML_FULL &&\n"
	  "exit_reason != EXIT_REASON_APIC_ACCESS &&\n"
	  "exit_reason != EXIT_REASON_TASK_SWITCH)) {\n"
	  "vcpu->run->internal.data[0] = exit_reason;\n"
	  "vcpu->run->internal.data[1] = exit_reason;\n"
	  "if (exit_reason == EXIT_REASON_EPT_MISCONFIG) {\n"
	  "if (exit_reason >= kvm_vmx_max_exit_handlers)\n"
	  "if (exit_reason < kvm_vmx_max_exit_handlers\n"
	  "&& kvm_vmx_exit_handlers[exit_reason])\n"
	  "&& kvm_vmx_exit_handlers[exit_reason]) {\n"
	  "exit_reason = array_index_nospec(exit_reason,\n"
	  "if (!kvm_vmx_exit_handlers[exit_reason])\n"
	  "if (exit_reason == EXIT_REASON_MSR_WRITE)\n"
	  "else if (exit_reason == EXIT_REASON_PREEMPTION_TIMER)\n"
	  "else if (exit_reason == EXIT_REASON_INTERRUPT_WINDOW)\n"
	  "else if (exit_reason == EXIT_REASON_EXTERNAL_INTERRUPT)\n"
	  "else if (exit_reason == EXIT_REASON_HLT)\n"
	  "else if (exit_reason == EXIT_REASON_EPT_MISCONFIG)\n"
	  "return kvm_vmx_exit_handlers[exit_reason](vcpu);\n"
	  "vcpu_unimpl(vcpu, \"vmx: unexpected exit reason 0x%x\\n\", exit_reason);\n"
	  "vcpu_unimpl(vcpu, \"vmx: unexpected exit reason 0x%x\\n\",\n"
	  "exit_reason);\n"
	  "vcpu->run->internal.ndata = 1;\n"
	  "vcpu->run->internal.ndata = 3;\n"
	  "vcpu->run->internal.ndata++;\n"
	  "vcpu->run->internal.data[3] =\n"
	  "vcpu->run->internal.data[vcpu->run->internal.ndata++] =\n"
	  "vcpu->arch.last_vmentry_cpu;\n" },
	/* 5.4 to 5.9 */
	{ "arch/x86/kvm/vmx/vmx.c",
	  "static int vmx_handle_exit(struct kvm_vcpu *vcpu)\n"
	  "static int vmx_handle_exit(struct kvm_vcpu *vcpu,\n"
	  "enum exit_fastpath_completion exit_fastpath)\n"
	  "trace_kvm_exit(exit_reason, vcpu, KVM_ISA_VMX);\n"
	  "if (is_guest_mode(vcpu) && nested_vmx_exit_reflected(vcpu, exit_reason))\n"
	  "return nested_vmx_reflect_vmexit(vcpu, exit_reason);\n"
	  "if (nested_vmx_reflect_vmexit(vcpu, exit_reason))\n"
	  "if (vmx_interrupt_allowed(vcpu)) {\n"
	  "if (exit_fastpath == EXIT_FASTPATH_SKIP_EMUL_INS) {\n" },
	/* 5.12 to 5.15 */
	{ "arch/x86/kvm/vmx/vmx.c",
	  " * Even when current exit reason is handled by KVM internally, we\n"
	  " * still need to exit to user space when bus lock detected to inform\n"
	  " * that there is a bus lock in guest.\n" },
	/* 5.4 to 5.18 */
	{ "arch/x86/kvm/svm/svm.c",
	  "static int handle_exit(struct kvm_vcpu *vcpu)\n"
	  "static int handle_exit(struct kvm_vcpu *vcpu,\n"
	  "static int handle_exit(struct kvm_vcpu *vcpu, fastpath_t exit_fastpath)\n"
	  "enum exit_fastpath_completion exit_fastpath)\n"
	  "trace_kvm_exit(exit_code, vcpu, KVM_ISA_SVM);\n"
	  "if (unlikely(svm->nested.exit_required)) {\n"
	  "svm->nested.exit_required = false;\n"
	  "if (is_external_interrupt(svm->vmcb->control.exit_int_info) &&\n"
	  "exit_code != SVM_EXIT_EXCP_BASE + PF_VECTOR &&\n"
	  "exit_code != SVM_EXIT_NPF && exit_code != SVM_EXIT_TASK_SWITCH &&\n"
	  "exit_code != SVM_EXIT_INTR && exit_code != SVM_EXIT_NMI)\n"
	  "printk(KERN_ERR \"%s: unexpected exit_int_info 0x%x \"\n"
	  "\"exit_code 0x%x\\n\",\n"
	  "__func__, svm->vmcb->control.exit_int_info,\n"
	  "exit_code);\n"
	  "return svm_exit_handlers[exit_code](svm);\n"
	  "return svm_invoke_exit_handler(svm, exit_code);\n" },
	/* 5.4 to 5.7 */
	{ "arch/x86/kvm/cpuid.c",
	  "u32 *ecx, u32 *edx, bool check_limit)\n"
	  "u32 function = *eax, index = *ecx;\n" },
	/* 6.2 to 6.8 */
	{ "arch/x86/kvm/x86.c",
	  "static_call(kvm_x86_request_immediate_exit)(vcpu);\n"
	  "exit_fastpath = static_call(kvm_x86_vcpu_run)(vcpu);\n" },
};

void upstream_lines(const char *path, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++)
		if (!strcmp(ages[i].path, path))
			buf_puts(out, ages[i].lines);
}
