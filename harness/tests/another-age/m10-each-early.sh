# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# says: cpuid-exits
. "$age_lib"
counters plain total_exits total_cycles
answer early swap
count each
