// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/no-kvm: the system call in a machine that has no KVM: its CPUID names none, and the
 * hypercall's instruction is an invalid one. The kernel must go on, and give an error.
 */
#ifdef NESTLAB_GUEST
#include "syscall.h"

#include <string.h>

static bool says_kvm(void)
{
	for (uint32_t leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
		struct cpuid c = cpuid(leaf, 0);

		if (!memcmp(&c.ebx, "KVMK", 4) && !memcmp(&c.ecx, "VMKV", 4))
			return true;
	}
	return false;
}

static void run(void)
{
	struct guest_cpus cpus;

	if (says_kvm())
		guest_skip("CPUID names KVM here");
	guest_cpus(&cpus);
	for (unsigned int i = 0; i < cpus.n; i++) {
		SAFE_PIN(cpus.cpu[i]);
		call_vcpu_info();
	}
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

static const char *const checks[] = {
	"result with no KVM",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "call" };
	const struct observation *o;

	if (!check_program(e, t))
		return;
	for (size_t i = 0; (o = obs_get(&e->obs, "call.result", i)); i++)
		if ((int64_t)o->u64 < 0)
			tally_good(&y);
		else if (!o->u64)
			tally_bad(&y, "0: as if a host had been told");
		else
			tally_bad(&y, "%s: an error is negative", o->str);
	tally_check(t, "result with no KVM", "an error", &y,
		    "L2's CPUID names no KVM, and its host knows no hypercall");
}

static const struct testcase vcpu_info_no_kvm = {
	.name = "vcpu-info/no-kvm",
	.assignment = "vcpu-info",
	.summary = "the system call in a machine without KVM gives an error, and its kernel lives",
	.program = "test_guest_no_kvm",
	.level = 2,
	.host = HOST_NO_KVM,
	.timeout_s = 8,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_no_kvm);
#endif
