// SPDX-License-Identifier: GPL-2.0-only
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bool guest_in_lab;
char **guest_args;

void observe_u64(const char *key, uint64_t value)
{
	if (guest_in_lab)
		printf("@nestlab %s u64 %" PRIu64 "\n", key, value);
}

void observe_i64(const char *key, int64_t value)
{
	if (guest_in_lab)
		printf("@nestlab %s i64 %" PRId64 "\n", key, value);
}

void observe_str(const char *key, const char *text)
{
	if (!guest_in_lab)
		return;
	printf("@nestlab %s str \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text >= ' ' && *text <= '~' ? *text : '?');
	}
	puts("\"");
}

uint64_t guest_number(const char *variable, uint64_t by_default)
{
	const char *text = getenv(variable);
	uint64_t n;
	char *end;

	if (!text)
		return by_default;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end)
		guest_broken(__FILE__, __LINE__, "%s='%s' is not a number", variable, text);
	return n;
}

/*
 * exit() in a forked child would print the parent's buffered lines once more: flush before each
 * fork.
 */
static _Noreturn void end(const char *key, const char *text, int code)
{
	observe_str(key, text);
	fprintf(stderr, "%s\n", text);
	fflush(NULL);
	_exit(code);
}

void guest_skip(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end("guest.skip", text, GUEST_SKIPPED);
}

void guest_fault(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end("guest.fault", text, GUEST_FAULT);
}

void guest_broken(const char *file, int line, const char *fmt, ...)
{
	int error = errno, n;
	char text[512];
	va_list ap;

	n = snprintf(text, sizeof(text), "%s:%d: ", file, line);
	va_start(ap, fmt);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	if (error && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ": %s", strerror(error));
	end("guest.broken", text, GUEST_BROKEN);
}

int guest_main(void (*run)(void))
{
	const char *lab = getenv("NESTLAB");

	guest_in_lab = lab && !strcmp(lab, "1");
	/* A program that hangs or dies later must have told what it saw before. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	run();
	observe_u64("guest.done", 1);
	return fflush(stdout) ? GUEST_BROKEN : GUEST_DONE;
}

void safe_pin(const char *file, int line, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		guest_broken(file, line, "can't run on CPU %d (sched_setaffinity)", cpu);
}

pid_t safe_fork(const char *file, int line)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		guest_broken(file, line, "can't fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

pid_t guest_clone(int namespaces)
{
	pid_t pid;

	fflush(NULL);
	pid = (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

void *safe_map_shared(const char *file, int line, void *where, size_t size)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS | (where ? MAP_FIXED : 0);
	void *p = mmap(where, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (p == MAP_FAILED)
		guest_broken(file, line, "can't map %zu bytes to share", size);
	return p;
}

void safe_write_file(const char *file, int line, const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		guest_broken(file, line, "can't open %s", path);
	if (write(fd, text, len) != (ssize_t)len)
		guest_broken(file, line, "can't write '%s' to %s", text, path);
	close(fd);
}

void safe_read_file(const char *file, int line, const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	if (n <= 0)
		guest_broken(file, line, "can't read %s", path);
	to[n] = '\0';
	to[strcspn(to, "\n")] = '\0';
	close(fd);
}

void safe_wait(const char *file, int line, pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			guest_broken(file, line, "can't wait for process %d", (int)pid);
}

void guest_cpus(struct guest_cpus *c)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set))
		guest_broken(__FILE__, __LINE__, "can't tell the online CPUs (sched_getaffinity)");
	c->n = 0;
	for (int i = 0; i < 64; i++)
		if (CPU_ISSET(i, &set))
			c->cpu[c->n++] = i;
}

/* The x2APIC id where the CPU tells it: 32 bits, as KVM's vCPU ids; leaf 1 has the low 8. */
uint32_t guest_apic_id(void)
{
	struct cpuid basic = cpuid(0, 0), topology;

	if (basic.eax >= 0xb) {
		topology = cpuid(0xb, 0);
		if (topology.ebx)
			return topology.edx;
	}
	return cpuid(1, 0).ebx >> 24;
}

uint64_t guest_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void guest_trace(bool on)
{
	SAFE_WRITE_FILE("/sys/kernel/tracing/tracing_on", on ? "1" : "0");
	SAFE_WRITE_FILE("/sys/kernel/tracing/options/trace_printk", on ? "1" : "0");
}

void guest_sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}
