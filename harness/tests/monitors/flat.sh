# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
cp "$monitors"/kvm-api/monitor/monitor.c .
