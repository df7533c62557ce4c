// SPDX-License-Identifier: GPL-2.0-only
int old_answer;

int old(void)
{
	return old_answer;
}
