# SPDX-License-Identifier: GPL-2.0-only
# `diff -U0`: only the lines' numbers say where it belongs.
# expect: pass
# says: moved far
cd "$grade" && { diff -rU0 base ref || :; } | sed '/^diff /d; s,^\(---\|+++\) \(base\|ref\)/,\1 a/,' >"$to/change.diff"
