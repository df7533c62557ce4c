# SPDX-License-Identifier: GPL-2.0-only
# Whole files of another base: it is judged there.
# expect: pass
# says: 6.1
cp -r "$grade/6.1/ref/." .
