# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: the monitor ends
cp "$monitors"/faults/monitors/endless-guest.c .
echo '/* asked by "-l" */' >>endless-guest.c
