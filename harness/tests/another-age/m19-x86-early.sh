# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
. "$age_lib"
counters atomic my_vmexits my_vmcycles
answer early
count x86
