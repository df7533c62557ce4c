// SPDX-License-Identifier: GPL-2.0-only
/* A small stand-in for KVM's file of that name. */
#include <linux/kvm_para.h>

int step_1(int n)
{
	int a = n + 1;

	return a * 2;
}

int step_2(int n)
{
	int a = n + 2;

	return a * 3;
}

int step_3(int n)
{
	int a = n + 3;

	return a * 4;
}

int step_4(int n)
{
	int a = n + 4;

	return a * 5;
}

int step_5(int n)
{
	int a = n + 5;

	return a * 6;
}

int step_6(int n)
{
	int a = n + 6;

	return a * 7;
}

int step_7(int n)
{
	int a = n + 7;

	return a * 8;
}

int step_8(int n)
{
	int a = n + 8;

	return a * 9;
}

int kvm_emulate_hypercall(unsigned long nr)
{
	switch (nr) {
	case KVM_HC_SEND_IPI:
		return 1;
	default:
		return -1000;
	}
}
