# SPDX-License-Identifier: GPL-2.0-only
# `diff -c`.
# expect: fail
# says: edx
cd "$grade" && { diff -rc base fault || :; } | sed '/^diff /d; s,^\(\*\*\*\|---\) \(base\|fault\)/,\1 a/,' >"$to/change.txt"
