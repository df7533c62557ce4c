# SPDX-License-Identifier: GPL-2.0-only
# From the new files to the old ones.
# expect: fail
# says: edx
cd "$grade" && { diff -ru fault base || :; } | sed '/^diff /d; s,^\(---\|+++\) \(base\|fault\)/,\1 a/,' >"$to/change.diff"
