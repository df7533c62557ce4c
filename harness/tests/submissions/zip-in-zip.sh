# SPDX-License-Identifier: GPL-2.0-only
# What a course's system makes of an archive: one around it.
# expect: pass
cd "$grade/ref" && python3 -m zipfile -c "$to/inner.zip" arch include && cd "$to" && python3 -m zipfile -c all.zip inner.zip && rm inner.zip
