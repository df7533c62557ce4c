// SPDX-License-Identifier: GPL-2.0-only
/*
 * Not a monitor: it prints what a watcher would tell of a good one, floods its output, leaves
 * children behind, and tries to kill whoever watches it. The verdict must be a plain fail.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

int main(void)
{
	puts("@nestlab halt.eax u64 42\n@nestlab halt.stored u64 1\n@nestlab guest.done u64 1");
	for (int i = 0; i < 5000; i++)
		puts("Hello, world!");
	fflush(stdout);
	kill(getppid(), SIGKILL);
	kill(-1, SIGKILL);
	for (int i = 0; i < 100; i++)
		if (!fork())
			for (;;)
				pause();
	return 0;
}
