# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: edx
. "$age_lib"
counters plain my_vmexits my_vmcycles
answer switch edx
count svm
