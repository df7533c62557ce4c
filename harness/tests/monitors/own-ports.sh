# SPDX-License-Identifier: GPL-2.0-only
# Ports, options and words of its own; but no real mode.
# expect: needs a person
# says: option real
# sample
mkdir code && cp "$monitors"/alternatives/monitors/pointers/* code
