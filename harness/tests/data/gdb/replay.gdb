# In a run that is replayed: the first CPUID of a micro guest, the second, and back to the first.
define sum
set $sum = (long)$rip ^ (long)$rax ^ (long)$rbx ^ (long)$rcx ^ (long)$rdx ^ (long)$rsi ^ (long)$rdi ^ (long)$rbp ^ (long)$rsp ^ (long)$r8 ^ (long)$r9 ^ (long)$r10 ^ (long)$r11 ^ (long)$r12 ^ (long)$r13 ^ (long)$r14 ^ (long)$r15
set $exits = vcpu->stat.exits
end
break kvm_emulate_cpuid
continue
backtrace 3
info threads
print vcpu->vcpu_id
sum
set $sum1 = $sum
set $exits1 = $exits
set $rip1 = $rip
stepi
set $stepped = $rip != $rip1
continue
sum
set $later = $exits > $exits1
reverse-continue
sum
set $same = $sum == $sum1
set $same_exits = $exits == $exits1
stepi
set $again = $rip != $rip1
reverse-stepi
set $back = $rip == $rip1
printf "all as in the run: %d%d%d%d%d%d\n", $stepped, $later, $same, $same_exits, $again, $back
