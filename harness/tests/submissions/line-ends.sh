# SPDX-License-Identifier: GPL-2.0-only
# Whole files with CR LF, and blanks for tabs.
# expect: pass
cp -r "$grade/ref/." . && find . -name '*.[ch]' -exec sed -i 's/^\t/        /; s/$/\r/' {} +
