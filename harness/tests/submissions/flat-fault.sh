# SPDX-License-Identifier: GPL-2.0-only
# The same of a faulty change, each with .txt behind its name.
# expect: fail
# says: edx
for f in $(cd "$grade/fault" && find . -name '*.[ch]'); do
	n=${f##*/}.txt
	test ! -e "$n" || n="ann_$n"
	cp "$grade/fault/$f" "$n"
done
