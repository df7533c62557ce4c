# SPDX-License-Identifier: GPL-2.0-only
# Of Intel's side. vmx_handle_exit() does not see what the fastpath ends, and its course does not ask for that.
# expect: pass
. "$age_lib"
counters atomic exit_count exit_cycles
answer switch
count vmx
