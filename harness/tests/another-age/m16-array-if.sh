# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
. "$age_lib"
counters atomic exit_count exit_cycles
answer if
count array
