# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# says: can't be read
# sample
tar -C "$grade/ref" -czf all.tgz arch && head -c 3000 all.tgz >work.tar.gz && rm all.tgz
