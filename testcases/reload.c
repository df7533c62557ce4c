// SPDX-License-Identifier: GPL-2.0-only
#include "reload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exit_hist.h"
#include "guest.h"

#define MODULES_MAX 8
#define BUSY_MS 2000 /* what uses it may be about to end */

static struct module {
	char name[56];
	char *path, *options;
} modules[MODULES_MAX];
static unsigned int n_modules;

/* "/run/nestlab/kvm-amd.ko" is the module kvm_amd. */
static void name_module(struct module *m)
{
	const char *slash = strrchr(m->path, '/');

	snprintf(m->name, sizeof(m->name), "%s", slash ? slash + 1 : m->path);
	m->name[strcspn(m->name, ".")] = '\0';
	for (char *c = m->name; *c; c++)
		if (*c == '-')
			*c = '_';
}

/* "PATH OPTIONS:PATH OPTIONS" */
static void find_modules(void)
{
	char *list = getenv("NESTLAB_KVM_MODULES"), *save = NULL;

	for (char *m = list ? strtok_r(list, ":", &save) : NULL; m && n_modules < MODULES_MAX;
	     m = strtok_r(NULL, ":", &save)) {
		char *space = strchr(m, ' ');

		if (space)
			*space++ = '\0';
		modules[n_modules] = (struct module){ .path = m, .options = space ? space : m + strlen(m) };
		name_module(&modules[n_modules++]);
	}
	if (!n_modules)
		guest_skip("nobody says which modules KVM is made of: NESTLAB_KVM_MODULES is not set");
}

static void tell(const char *what, const struct module *m, int error)
{
	char key[64];

	snprintf(key, sizeof(key), "%s.%s", what, m->name);
	observe_u64(key, (uint64_t)error);
	if (!guest_in_lab)
		printf("%s %s: %s\n", what, m->name, error ? strerror(error) : "done");
}

static int unload(const struct module *m)
{
	uint64_t until = guest_now_ns() + BUSY_MS * 1000000ULL * guest_number("NESTLAB_SLOWDOWN", 1);

	while (syscall(SYS_delete_module, m->name, O_NONBLOCK)) {
		if ((errno != EAGAIN && errno != EBUSY) || guest_now_ns() > until)
			return errno;
		guest_sleep_ms(20);
	}
	return 0;
}

static int load(const struct module *m)
{
	int fd = open(m->path, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		guest_broken(__FILE__, __LINE__, "can't open %s", m->path);
	if (syscall(SYS_finit_module, fd, m->options, 0))
		error = errno;
	close(fd);
	return error;
}

static bool is_done(const char *what, int (*fn)(const struct module *m), const struct module *m)
{
	int error = fn(m);

	tell(what, m, error);
	return !error;
}

bool reload_kvm(void)
{
	bool counted, done = true;

	find_modules();
	counted = hist_take_off();
	for (unsigned int i = n_modules; done && i--;)
		done = is_done("unload", unload, &modules[i]);
	for (unsigned int i = 0; done && i < n_modules; i++)
		done = is_done("load", load, &modules[i]);
	if (done && counted)
		hist_put_on();
	return done;
}
