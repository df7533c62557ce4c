# SPDX-License-Identifier: GPL-2.0-only
# A change of Intel's side: judged in another lane.
# expect: fail
# says: edx
. "$age_lib"
counters atomic total_exits total_cycles
answer switch edx
count vmx
