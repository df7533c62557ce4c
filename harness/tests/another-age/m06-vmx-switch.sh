# SPDX-License-Identifier: GPL-2.0-only
# Of Intel's side. vmx_handle_exit() does not see what the fastpath ends, so exits are missing; too few others handed in vmx.c to be sure
# that this is hers.
# expect: needs a person
. "$age_lib"
counters atomic exit_count exit_cycles
answer switch
count vmx
