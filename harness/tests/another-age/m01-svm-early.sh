# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
. "$age_lib"
counters plain exit_count exit_cycles
answer early
count svm
