# SPDX-License-Identifier: GPL-2.0-only
# As Windows ends lines, in the makefile, too.
# expect: pass
# sample
sed 's/$/\r/' "$monitors"/kvm-api/monitor/monitor.c >vmm.c && printf 'vmm: vmm.c\r\n\t$(CC) -O2 -o $@ $<\r\n' >Makefile
