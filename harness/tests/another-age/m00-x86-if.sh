# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
. "$age_lib"
counters atomic total_exits total_cycles
answer if
count x86
