# SPDX-License-Identifier: GPL-2.0-only
# The archive and what it was made of.
# expect: pass
# sample
mkdir work && cp "$monitors"/kvm-api/monitor/monitor.c work && tar czf work.tar.gz work
