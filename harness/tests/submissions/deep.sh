# SPDX-License-Identifier: GPL-2.0-only
# A part of a tree, deep in folders, with the base's files beside it.
# expect: pass
mkdir -p 'my work/linux-6.12' 'my work/original' && cp -r "$grade/ref/." 'my work/linux-6.12' && cp -r "$grade/base/." 'my work/original'
