# SPDX-License-Identifier: GPL-2.0-only
	.code16
	.text
	movw	$42, %ax
	movw	%ax, 0x400
	hlt
