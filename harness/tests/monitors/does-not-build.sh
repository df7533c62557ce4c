# SPDX-License-Identifier: GPL-2.0-only
# expect: build-error
# sample
sed 's/^int main(\(.*\))$/int main(\1/' "$monitors"/kvm-api/monitor/monitor.c >monitor.c
