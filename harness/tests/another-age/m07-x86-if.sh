# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: cpuid-exits/counters
. "$age_lib"
counters plain all_exits all_time
answer if
count x86 never
