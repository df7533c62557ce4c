# SPDX-License-Identifier: GPL-2.0-only
# An archive with a part of what lies beside it as a whole.
# expect: fail
# says: kvm-api/long
mkdir work && cp "$monitors"/alternatives/monitors/handout/* work && rm work/monitor.conf && tar czf 1.tar.gz --transform s,work,1, --exclude '*.s' work
