# SPDX-License-Identifier: GPL-2.0-only
# What `git log -p` prints: the newest commit first.
# expect: fail
# says: edx
mkdir linux && cd linux && git init -q . && git config user.name ann && git config user.email ann@localhost
cp -r "$grade/base/." . && git add . && git commit -qm base
cp -r "$grade/ref/." . && git commit -qam work
cp -r "$grade/fault/." . && git commit -qam more
git log -p -2 >../work.txt && cd .. && rm -rf linux
