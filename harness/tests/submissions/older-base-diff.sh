# SPDX-License-Identifier: GPL-2.0-only
# A diff that was made on another base.
# expect: pass
# says: 6.1
cp "$grade/6.1/reference.patch" my.diff
