# SPDX-License-Identifier: GPL-2.0-only
# On its very base, with no name missing: its own fault.
# expect: build-error
cp -r "$grade/ref/." . && sed -i 's/^\t\*edx = 0;/\t*edx = 0/' arch/x86/kvm/cpuid.c
