# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
. "$age_lib"
counters atomic all_exits all_time
answer switch
count svm
