# SPDX-License-Identifier: GPL-2.0-only
# A makefile whose first target runs what it made; guests of 16, 32 and 64 bits in an object. It serves one port only.
# expect: fail
# says: kvm-api/long
cp "$monitors"/alternatives/monitors/handout/* . && rm monitor.conf
