# SPDX-License-Identifier: GPL-2.0-only
# A monitor may not say what it is asked for.
# expect: needs a person
# says: in mode long port string
# sample
cp "$monitors"/kvm-api/monitor/* . && printf '[ports.long]\nstring = none\n' >>monitor.conf
