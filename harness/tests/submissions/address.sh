# SPDX-License-Identifier: GPL-2.0-only
# Only where the work is to be had.
# expect: needs a person
# says: link.txt
# sample
echo 'https://git.example.org/me/linux/commits/my-work' >link.txt
