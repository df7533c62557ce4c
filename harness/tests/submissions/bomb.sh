# SPDX-License-Identifier: GPL-2.0-only
# 600 MB in an archive of some KB.
# expect: needs a person
# says: unpacks to more than
head -c 4000000 /dev/zero >0.txt && for i in $(seq 150); do ln 0.txt "$i.txt"; done
tar --hard-dereference -czf work.tar.gz -- *.txt && rm -- *.txt
