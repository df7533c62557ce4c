# SPDX-License-Identifier: GPL-2.0-only
# A diff that lost its tabs in somebody's mail, as base64 of a system with other ends of lines.
# expect: fail
# says: edx
{
	printf 'From: ann\nSubject: [PATCH] exits\nContent-Transfer-Encoding: base64\n\n'
	{ cd "$grade" && git diff --no-index base fault || :; } | sed 's/\t/        /g; s/$/\r/' | base64
} >'my mail.eml'
