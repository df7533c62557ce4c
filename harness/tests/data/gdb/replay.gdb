# Two of a micro guest's CPUIDs, and back to the first: as many exits as it had then.
set height 0
break kvm_emulate_cpuid
continue
set $first = vcpu->stat.exits
set $stack = $rsp
continue
printf "later: %d\n", vcpu->stat.exits > $first
reverse-continue
printf "as before: %d\n", vcpu->stat.exits == $first && $rsp == $stack
