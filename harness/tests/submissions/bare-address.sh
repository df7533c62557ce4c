# SPDX-License-Identifier: GPL-2.0-only
# expect: needs a person
# says: work.url
# sample
printf '[InternetShortcut]\nURL=github.com/ann/linux\n' >work.url
