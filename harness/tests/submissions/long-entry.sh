# SPDX-License-Identifier: GPL-2.0-only
# An entry that nobody looks into, of 6 GB in an archive of some KB, twice packed: to pass it over takes long, too.
# expect: needs a person
# says: unpacks to more than
truncate -s 6G ._x && { tar -cf - ._x 2>&- || :; } | head -c 512 | gzip -c >head.gz && rm ._x
head -c 256M /dev/zero | gzip -c >unit.gz && for i in $(seq 24); do cat unit.gz; done | cat head.gz - | gzip -c >work.tar.gz && rm head.gz unit.gz
