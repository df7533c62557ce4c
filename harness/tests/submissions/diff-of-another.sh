# SPDX-License-Identifier: GPL-2.0-only
# Another assignment's diff, which applies everywhere, beside this one's files.
# expect: pass
mkdir 1 2
printf -- '--- /dev/null\n+++ b/mine/Makefile\n@@ -0,0 +1 @@\n+obj-m += mine.o\n--- /dev/null\n+++ b/mine/mine.c\n@@ -0,0 +1 @@\n+int mine;\n' >1/mine.diff
cp -r "$grade/ref"/* 2
