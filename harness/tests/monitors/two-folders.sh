# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# says: several monitors
# sample
for d in first last; do
	mkdir $d && { cat "$monitors"/kvm-api/monitor/monitor.c && echo "/* $d */"; } >$d/vmm.c && printf 'vmm: vmm.c\n' >$d/Makefile
done
