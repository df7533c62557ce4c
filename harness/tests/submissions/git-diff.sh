# SPDX-License-Identifier: GPL-2.0-only
# What `git diff` prints, with the ends of lines of another system.
# expect: fail
# says: edx
cd "$grade" && { git diff --no-index --no-prefix base fault || :; } | sed 's/$/\r/' >"$to/change.diff"
