# SPDX-License-Identifier: GPL-2.0-only
# Two diffs that were both made from the base: the second has all of the first.
# expect: pass
cp "$grade/one.diff" assignment2.diff
cd "$grade" && { diff -ru base ref || :; } | sed '/^diff /d; s,^\(---\|+++\) \(base\|ref\)/,\1 a/,' >"$to/assignment3.diff"
