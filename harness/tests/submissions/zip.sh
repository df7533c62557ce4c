# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
cd "$grade/ref" && python3 -m zipfile -c "$to/work.zip" arch include
