# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: edx
. "$age_lib"
counters atomic all_exits all_time
answer early edx
count x86
