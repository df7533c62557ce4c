# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# sample
ln -s /etc/passwd monitor.c
