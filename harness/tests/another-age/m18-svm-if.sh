# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: cpuid-exits
. "$age_lib"
counters atomic num_exits_of_vm exit_time_of_vm
answer if swap
count svm
