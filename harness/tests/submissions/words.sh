# SPDX-License-Identifier: GPL-2.0-only
# expect: empty
# sample
echo 'Please find my work attached.' >readme.txt
