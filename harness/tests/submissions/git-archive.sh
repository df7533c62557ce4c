# SPDX-License-Identifier: GPL-2.0-only
# A repository in an archive: its files are whole ones, and of a tree.
# expect: fail
# says: edx
mkdir linux && cp -r "$grade/fault/." linux && git init -q linux && git -C linux add . && tar -cJf work.tar.xz linux && rm -r linux
