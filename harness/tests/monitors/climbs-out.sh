# SPDX-License-Identifier: GPL-2.0-only
# expect: pass
# outside: ../../climbed.c
mkdir work && cp "$monitors"/kvm-api/monitor/monitor.c work
python3 -c 'import tarfile, io
t = tarfile.open("work.tar", "w"); t.add("work")
for name in ("../../climbed.c", "/tmp/climbed.c"):
    i = tarfile.TarInfo(name); i.size = 1; t.addfile(i, io.BytesIO(b"x"))'
rm -r work
