# SPDX-License-Identifier: GPL-2.0-only
# Ports of its own, and nothing says which is which: by the assignment's it would fail in each mode.
# expect: needs a person
# says: which is which
# sample
sed "s/PRINT32 0xea/PRINT32 0xe1/" "$monitors"/kvm-api/monitor/monitor.c >vmm.c
