# SPDX-License-Identifier: GPL-2.0-only
# It attacks who watches it, and makes no VM.
# expect: fail
# says: kvm-api/long
{ cat "$monitors"/faults/monitors/hostile.c && echo '/* KVM_CREATE_VM; asked by "-l" */'; } >vmm.c
