# SPDX-License-Identifier: GPL-2.0-only
# A name of a file that a spreadsheet would take for a formula, in an empty submission.
# expect: empty
# sample
echo 'nothing' >'=1+1.txt'
