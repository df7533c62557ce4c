# SPDX-License-Identifier: GPL-2.0-only
# The counters in a file of their own, in a folder of its own below a tree's top.
# expect: pass
cp -r "$grade/ref/." linux && mkdir linux/exits && cp "$grade/top/Makefile" "$grade/top/Kbuild" linux
printf 'obj-y += counted.o\n' >linux/exits/Makefile && echo 'obj-y += exits/' >>linux/Kbuild
printf '// SPDX-License-Identifier: GPL-2.0-only\n/* of leaf 0x4fffffff */\n#include <linux/export.h>\n\nint exits_counted;\nEXPORT_SYMBOL_GPL(exits_counted);\n' >linux/exits/counted.c
sed -i 's/^static void kvm_cpuid_exit_totals/extern int exits_counted;\n&/; s/^\t\*edx = 0;/\t*edx = exits_counted;/' linux/arch/x86/kvm/cpuid.c
grep -q 'edx = exits_counted' linux/arch/x86/kvm/cpuid.c
