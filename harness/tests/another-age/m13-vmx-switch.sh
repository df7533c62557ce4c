# SPDX-License-Identifier: GPL-2.0-only
# A change of Intel's side: judged in another lane.
# expect: pass
. "$age_lib"
counters plain num_exits_of_vm exit_time_of_vm
answer switch
count vmx
