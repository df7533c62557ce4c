# SPDX-License-Identifier: GPL-2.0-only
# 600 MB in an archive of some KB.
# expect: needs a person
# says: unpacks to more than
head -c 4000000 /dev/zero >z.txt && tar -czf work.tar.gz $(yes z.txt | head -n 150) && rm z.txt
