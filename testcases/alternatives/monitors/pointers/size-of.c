// SPDX-License-Identifier: GPL-2.0-only
/* A tool of the build: does the guest fit in front of its page tables? */
#include <stdio.h>

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	long size;

	if (!f || fseek(f, 0, SEEK_END))
		return 1;
	size = ftell(f);
	printf("%s: %ld bytes\n", argv[1], size);
	return size > 0x8000;
}
