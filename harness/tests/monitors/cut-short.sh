# SPDX-License-Identifier: GPL-2.0-only
# expect: incomplete
# sample
head -n 200 "$monitors"/kvm-api/monitor/monitor.c >monitor.c && echo 'static int cut(void) {' >>monitor.c
