# SPDX-License-Identifier: GPL-2.0-only
# An archive whose names lead out of it: what is left is the work, and nothing is written outside.
# expect: fail
# says: edx
# outside: escaped.c
echo 'int x;' >../escaped.c && tar -P -cf work.tar ../escaped.c && rm ../escaped.c && tar -C "$grade/fault" -rf work.tar arch include
