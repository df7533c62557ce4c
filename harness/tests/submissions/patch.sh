# SPDX-License-Identifier: GPL-2.0-only
# The reference, as one file of mails.
# expect: pass
# sample
cp "$patches" reference.patch
