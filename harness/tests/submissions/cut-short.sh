# SPDX-License-Identifier: GPL-2.0-only
# A patch that ends in the middle of a hunk.
# expect: incomplete
# sample
head -n 40 "$grade/one.diff" >change.patch
