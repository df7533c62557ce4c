# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: cpuid-exits/counters
. "$age_lib"
counters atomic total_exits total_cycles
answer switch
count svm never
