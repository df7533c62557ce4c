# Stops at nearly anything that a guest does, and is killed before it has looked.
break kvm_emulate_cpuid
shell echo gdb is there
shell sleep 30
