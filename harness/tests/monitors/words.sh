# SPDX-License-Identifier: GPL-2.0-only
# expect: empty
# sample
printf 'My monitor does not work yet.\n' >README.txt
