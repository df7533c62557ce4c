// SPDX-License-Identifier: GPL-2.0-only
#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exit_kinds.h"

#define WAIT_MS 20000
#define PAGE 4096UL

static int uffd;
static uint64_t first_page; /* in this program */

static void hold(const void *pages, size_t bytes)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { (uintptr_t)pages, bytes },
					.mode = UFFDIO_REGISTER_MODE_MISSING };

	if (ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &area))
		guest_broken(__FILE__, __LINE__, "can't hold pages back");
}

bool held_pages(struct micro *m, uint64_t at, unsigned int n)
{
	void *pages;

	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 && errno == ENOSYS)
		return false;
	pages = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (uffd < 0 || pages == MAP_FAILED)
		guest_broken(__FILE__, __LINE__, "can't make pages to be held back");
	hold(pages, n * PAGE);
	first_page = (uintptr_t)pages;
	micro_add_memory(m, at, pages, n * PAGE);
	return true;
}

static void touch(void *address)
{
	*(volatile uint64_t *)address = 1;
}

/* Until a vCPU's thread sleeps in KVM for one of them; returns the TSC behind the wait. */
static uint64_t wait_for_one(uint64_t *page)
{
	struct pollfd p = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&p, 1, WAIT_MS) != 1 || read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		guest_fault("a vCPU's access to a page that was never there did not come to a page fault");
	*page = msg.arg.pagefault.address & ~(PAGE - 1);
	return rdtsc_ordered();
}

/* Returns the TSC before that. */
static uint64_t give(uint64_t page)
{
	struct uffdio_zeropage zero = { .range = { page, PAGE } };
	uint64_t tsc = rdtsc_ordered();

	if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
		guest_broken(__FILE__, __LINE__, "can't give a page");
	return tsc;
}

/* Twice as long as it must be: beside that little is lost by those that come late. */
static unsigned int sleep_ms(unsigned int n)
{
	return (unsigned int)(2 * 4294967296.0 / cycles_in_ms() / n) + 1;
}

uint64_t held_sleep(struct micro *m, uint64_t at, unsigned int n)
{
	uint64_t page[HELD_MAX], since[HELD_MAX], slept = 0;
	unsigned int ms = sleep_ms(n);

	for (unsigned int i = 0; i < n; i++)
		micro_start(m, i, touch, (void *)(at + i * PAGE));
	for (unsigned int i = 0; i < n; i++)
		since[i] = wait_for_one(&page[i]);
	guest_sleep_ms(ms);
	/* One at a time: the exit that comes before each of these to its end is another one's. */
	for (unsigned int i = 0; i < n; i++) {
		slept += give(page[i]) - since[i];
		micro_finish(m, (unsigned int)((page[i] - first_page) / PAGE));
	}
	return slept;
}

uint64_t held_begin(struct micro *m, uint64_t at, unsigned int n)
{
	uint64_t page;

	micro_start(m, n, touch, (void *)(at + n * PAGE));
	return wait_for_one(&page);
}

uint64_t held_end(struct micro *m, unsigned int n, uint64_t since)
{
	uint64_t slept = give(first_page + n * PAGE) - since;

	micro_finish(m, n);
	return slept;
}
