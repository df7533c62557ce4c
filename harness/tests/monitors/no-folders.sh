# SPDX-License-Identifier: GPL-2.0-only
# Its makefile writes to folders that git did not keep, since nothing else is in them.
# expect: pass
cp "$monitors"/kvm-api/monitor/monitor.c vmm.c
printf 'bin/vmm: obj/vmm.o\n\t$(CC) -o $@ $^\nobj/vmm.o: vmm.c\n\t$(CC) -O2 -c -o $@ $<\n' >Makefile
