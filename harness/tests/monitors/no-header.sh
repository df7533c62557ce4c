# SPDX-License-Identifier: GPL-2.0-only
# expect: half
# says: "guest.h"
# sample
{ echo '#include "guest.h"' && cat "$monitors"/kvm-api/monitor/monitor.c; } >monitor.c
