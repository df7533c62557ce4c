# SPDX-License-Identifier: GPL-2.0-only
# Another assignment's work.
# expect: needs a person
# says: makes a virtual machine
# sample
printf '#include <linux/module.h>\nstatic int begin(void)\n{\n\treturn 0;\n}\nmodule_init(begin);\n' >hello.c
