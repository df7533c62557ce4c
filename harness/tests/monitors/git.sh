# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
cp "$monitors"/kvm-api/monitor/monitor.c . && git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x
