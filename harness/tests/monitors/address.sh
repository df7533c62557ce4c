# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# sample
printf 'See https://git.example.org/vmm\n' >README.md
