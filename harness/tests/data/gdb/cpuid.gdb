# The first CPUID that a guest executes from now on: who, where, from where.
break kvm_emulate_cpuid
continue
backtrace 3
print vcpu->vcpu_id
print vcpu->kvm->created_vcpus
list kvm_emulate_cpuid,+3
info symbol $pc
