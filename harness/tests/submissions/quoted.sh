# SPDX-License-Identifier: GPL-2.0-only
# A diff in an answer, in which long lines were cut.
# expect: fail
# says: edx
{
	printf 'On Monday you wrote:\n'
	cd "$grade" && { git diff --no-index --no-prefix base fault || :; } |
		awk '/^[-+ ]/ && !/^(---|\+\+\+) / && length > 76 && match(substr($0, 60), / [a-zA-Z]/) { n = 59 + RSTART; print substr($0, 1, n - 1); $0 = substr($0, n + 1) } { print }' | sed 's/^/> /'
} >"$to/answer.eml"
