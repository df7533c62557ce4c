# SPDX-License-Identifier: GPL-2.0-only
# expect: fail
# says: edx
tar -C "$grade/fault" -czf work.tar.gz arch include
