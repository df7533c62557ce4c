# SPDX-License-Identifier: GPL-2.0-only
# Of Intel's side. vmx_handle_exit() does not see what the fastpath ends, so exits are missing; too few others handed in vmx.c to be sure
# that this is hers.
# expect: needs a person
. "$age_lib"
counters plain num_exits_of_vm exit_time_of_vm
answer switch
count vmx
