# SPDX-License-Identifier: GPL-2.0-only
# A folder's name that is not ASCII in an archive, names of Windows, and two files of names that nobody expects.
# expect: fail
# says: edx
cp -r "$grade/fault" w && mv w/arch/x86/kvm/cpuid.c w/mycpuidfinal.c && mv w/arch/x86/kvm/x86.c w/arch/x86/kvm/x86.txt
cd w && python3 - "$to/work.zip" <<'END'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as z:
    for top, _, files in os.walk('.'):
        for f in files:
            z.write(os.path.join(top, f), 'L\u00f6sung\\' + os.path.join(top, f)[2:].replace('/', '\\'))
END
cd .. && rm -r w
