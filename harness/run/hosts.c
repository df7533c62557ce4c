// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the guest's kernel alone run on hosts that are not under test. Each such host is a lab
 * of its own in the run's place, which is brought up when the one before it is down.
 */
#include <stdlib.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "run/run.h"

static const struct {
	const char *folder; /* of its logs, in the run's */
	const char *mark;
	bool hide_kvm;
} hosts[TEST_HOSTS] = {
	[HOST_UNDER_TEST] = { NULL, "", false },
	[HOST_UNUSED] = { NULL, " without an L2", false },
	[HOST_SCRIPTED] = { "scripted", " on the scripted host", false },
	[HOST_NO_KVM] = { "no-kvm", " with no KVM", true },
};

static bool is_wanted(const struct run *r, enum test_host h)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->host == h)
			return true;
	return false;
}

static int prepare(struct run *r, enum test_host h)
{
	int ret;

	r->hosts[h] = xcalloc(1, sizeof(*r->hosts[h]));
	ret = lab_prepare_scripted(r->hosts[HOST_UNDER_TEST], hosts[h].hide_kvm, r->hosts[h]);
	if (ret != -OUT_SKIP)
		return ret;
	str_set(&r->no_host, fail_text());
	fail_clear();
	return 0;
}

/* What the reference's guest does is no verdict on a change of the host. */
static bool is_host_s_alone(const struct plan *p)
{
	return p->host.patches.n && !p->guest.patches.n;
}

int hosts_prepare(struct run *r)
{
	int ret = 0;

	r->hosts[HOST_UNDER_TEST] = r->lab;
	if (is_host_s_alone(r->plan))
		str_set(&r->no_host, "the change is the host's alone, and this test is about the guest's kernel");
	for (unsigned int h = HOST_SCRIPTED; !ret && !r->no_host && h < TEST_HOSTS; h++)
		if (is_wanted(r, h))
			ret = prepare(r, h);
	return ret;
}

void hosts_switch(struct run *r, enum test_host h)
{
	lab_levels_down(r->lab);
	r->lab = r->hosts[h];
	r->host = h;
}

void hosts_unuse(struct run *r)
{
	lab_end_l2(r->lab);
	r->host = HOST_UNUSED;
}

int hosts_up(struct run *r)
{
	_cleanup_free_ char *dir = strf("%s/%s", r->dir, hosts[r->host].folder);

	if (mkdir_p(dir))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", dir);
	return lab_up(r->lab, dir, false);
}

char *hosts_log(const struct run *r, unsigned int level)
{
	const char *folder = hosts[r->host].folder;

	return strf("%s%sl%u-console.log", folder ? folder : "", folder ? "/" : "", level);
}

const char *hosts_mark(const struct run *r)
{
	return hosts[r->host].mark;
}

int hosts_check_parts(const struct run *r)
{
	int ret = 0;

	for (unsigned int h = 0; !ret && h < TEST_HOSTS; h++)
		if (r->hosts[h])
			ret = lab_check_parts(r->hosts[h]);
	return ret;
}

void hosts_close(struct run *r)
{
	for (unsigned int h = HOST_SCRIPTED; h < TEST_HOSTS; h++) {
		if (!r->hosts[h])
			continue;
		lab_close_scripted(r->hosts[h]);
		free(r->hosts[h]);
		r->hosts[h] = NULL;
	}
	free(r->no_host);
}
