# SPDX-License-Identifier: GPL-2.0-only
# Programs that try the work, by names that files of the tree have, too.
# expect: pass
cp -r "$grade/ref/." .
for n in main.c trace.c; do
	printf '#include <stdio.h>\n\nint main(void)\n{\n\tunsigned int a = 0x4fffffff, b, c = 0, d;\n\n\tasm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));\n\tprintf("exits=%%u\\n", a);\n\treturn 0;\n}\n' >$n
done
printf 'all:\n\tgcc -o test main.c\n' >Makefile
