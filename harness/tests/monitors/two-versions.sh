# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# says: have a main() each
# sample
cp "$monitors"/kvm-api/monitor/monitor.c . && sed 's/0x200000/0x400000/' monitor.c >'monitor (1).c' && echo '/* later */' >>'monitor (1).c'
