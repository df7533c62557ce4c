# A micro guest's CPUID, with nothing of L2 between.
break kvm_emulate_cpuid
continue
print vcpu->vcpu_id
print vcpu->kvm->stats_id
delete
continue
