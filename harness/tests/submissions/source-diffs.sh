# SPDX-License-Identifier: GPL-2.0-only
# A diff of each file, called as the file is: svm.c.diff.
# expect: fail
# says: edx
cd "$grade" && find base -type f | while read -r f; do
	diff -u "$f" "fault/${f#base/}" >"$to/$(echo "${f#base/}" | tr / -).diff" || :
done
