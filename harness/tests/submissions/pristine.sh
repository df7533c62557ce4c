# SPDX-License-Identifier: GPL-2.0-only
# The base's files, unchanged.
# expect: empty
# sample
cp -r "$grade/base/." .
