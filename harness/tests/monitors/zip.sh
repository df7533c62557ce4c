# SPDX-License-Identifier: GPL-2.0-only
# In a folder of its own, with a Mac's litter beside.
# expect: pass
mkdir -p 'Ann Smith/__MACOSX' && cp "$monitors"/kvm-api/monitor/monitor.c 'Ann Smith/kvm.c' && echo x >'Ann Smith/__MACOSX/._kvm.c'
python3 -m zipfile -c work.zip 'Ann Smith' && rm -r 'Ann Smith'
