# SPDX-License-Identifier: GPL-2.0-only
# What `diff -r` prints without -u: line numbers, "<" and ">".
# expect: pass
mkdir tmp && cp -r "$grade/base" tmp/linux && cp -r "$grade/ref" tmp/mine && touch tmp/mine/.config && cd tmp && { LC_ALL=C diff -r linux mine || :; } >../my.diff && cd .. && rm -r tmp
