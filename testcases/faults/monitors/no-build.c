// SPDX-License-Identifier: GPL-2.0-only
/* A monitor that does not compile: a build error, and no failed check. */
int main(void)
{
	return this_function_does_not_exist;
}
