# SPDX-License-Identifier: GPL-2.0-only
# The files of a faulty change on another base, in one folder.
# expect: fail
# says: edx
for f in $(cd "$grade/6.1/fault" && find . -name '*.[ch]'); do
	n=${f##*/}
	test ! -e "$n" || n="${n%.*} (1).${n##*.}"
	cp "$grade/6.1/fault/$f" "$n"
done
