# SPDX-License-Identifier: GPL-2.0-only
# The next exercise's program, which makes a VM, too, lies beside: the one with the assignment's modes is meant.
# expect: pass
printf 'all:\n\t$(MAKE) -C 1\n\t$(MAKE) -C 2\n' >Makefile && mkdir 1 2 && cp "$monitors"/kvm-api/monitor/monitor.c 1/vmm.c && printf 'vmm: vmm.c\n' >1/Makefile
printf '#include <linux/kvm.h>\nint main(void)\n{\n\treturn KVM_CREATE_VM;\n}\n' >2/emu.c && printf 'emu: emu.c\n' >2/Makefile
