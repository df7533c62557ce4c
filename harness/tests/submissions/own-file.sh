# SPDX-License-Identifier: GPL-2.0-only
# All in one folder, with a file that no base has, and the makefile that names its object.
# expect: pass
for f in $(cd "$grade/ref" && find . -name '*.[ch]'); do
	n=${f##*/}
	test ! -e "$n" || n="${n%.*} (1).${n##*.}"
	cp "$grade/ref/$f" "$n"
done
printf '// SPDX-License-Identifier: GPL-2.0-only\n/* of leaf 0x4fffffff */\n#include <linux/export.h>\n\nint exits_counted;\n' >counted.c
cp "$grade/makefile/Makefile" . && echo 'kvm-y += counted.o' >>Makefile
sed -i 's/^static void kvm_cpuid_exit_totals/extern int exits_counted;\n\n&/; s/^\t\*edx = 0;/\t*edx = exits_counted;/' cpuid.c
grep -q 'edx = exits_counted' cpuid.c
