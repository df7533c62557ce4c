# SPDX-License-Identifier: GPL-2.0-only
# All whole files, and one of them as a diff in a README: that one is not the change.
# expect: pass
cp -r "$grade/ref/." . && { printf 'In cpuid.c:\n\n```diff\n' && cat "$grade/one.diff" && echo '```'; } >README.md
