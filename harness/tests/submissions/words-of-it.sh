# SPDX-License-Identifier: GPL-2.0-only
# The work is told of, not handed in.
# expect: needs a person
# says: answer.md
# sample
printf 'In cpuid.c I added:\n\n    if (eax == 0x4fffffff)\n            eax = total_exits;\n' >answer.md
