# SPDX-License-Identifier: GPL-2.0-only
# A change of Intel's side: judged in another lane.
# expect: pass
. "$age_lib"
counters atomic exit_count exit_cycles
answer switch
count vmx
