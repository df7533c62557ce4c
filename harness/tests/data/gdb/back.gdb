# From a micro guest's CPUID on, and back to it by instructions, lines and functions; then a CPU that had slept.
set height 0
define same
set $same = (long)$rip == $rip_then && (long)$rsp == $rsp_then && (long)$rax == $rax_then
end
reverse-stepi
break kvm_emulate_cpuid
continue
set $cpu = $_thread
set $other = 3 - $cpu
set $rip_then = (long)$rip
set $rsp_then = (long)$rsp
set $rax_then = (long)$rax
stepi 40
same
set $moved = !$same
thread $other
thread $cpu
reverse-stepi 40
same
set $by_instructions = $same
step 3
set $n = 0
while (long)$rip != $rip_then && $n++ < 40
  reverse-step
end
same
set $by_lines = $same
delete
stepi 3
reverse-finish
stepi
same
set $by_functions = $same
# Asleep it stands behind its HLT: back to that, from there and from the interrupt that wakes it.
break kvm_emulate_cpuid
thread $other
set $n = 0
while *(unsigned char *)($rip - 1) != 0xf4 && $n++ < 40
  continue
  thread $other
end
set $halt = (long)$rip - 1
reverse-stepi
set $slept = (long)$rip == $halt && *(unsigned char *)$rip == 0xf4 && $_thread == $other
delete
stepi
set $woke = (long)$rip != $halt
reverse-stepi
set $slept = $slept && $woke && (long)$rip == $halt && $_thread == $other
printf "moved %d; back by instructions %d, lines %d, functions %d, over a sleep %d\n", $moved, $by_instructions, $by_lines, $by_functions, $slept
