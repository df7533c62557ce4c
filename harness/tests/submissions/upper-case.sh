# SPDX-License-Identifier: GPL-2.0-only
# Names as some systems and archives make them.
# expect: fail
# says: edx
for f in $(cd "$grade/fault" && find . -name '*.[ch]'); do
	n=$(echo "${f##*/}" | tr a-z A-Z)
	test ! -e "$n" || n="MORE_$n"
	cp "$grade/fault/$f" "$n"
done
