# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: cpuid-exits
. "$age_lib"
counters atomic all_exits all_time
answer switch swap
count array
