# SPDX-License-Identifier: GPL-2.0-only
# A repository of a whole course: one of its folders has the monitor.
# expect: pass
# sample
mkdir hw1 hw2 && printf 'obj-m := hello.o\n' >hw1/Makefile && printf '#include <linux/module.h>\nstatic int begin(void)\n{\n\treturn 0;\n}\nmodule_init(begin);\n' >hw1/hello.c
cp "$monitors"/kvm-api/monitor/monitor.c hw2/vmm.c && printf 'vmm: vmm.c\n\t$(CC) -O2 -o $@ $<\n' >hw2/Makefile
