// SPDX-License-Identifier: GPL-2.0-only
#include "plan/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/util.h"

#define CPUID_ENTRIES 256
#define SVM_LEAF 0x80000001u /* ECX bit 2: AMD APM volume 3, appendix E.4.2 */
#define SVM_BIT (1u << 2)
#define VMX_LEAF 1u /* ECX bit 5: Intel SDM volume 2, CPUID */
#define VMX_BIT (1u << 5)

static void say(struct kvm_probe *p, const char *text)
{
	snprintf(p->why, sizeof(p->why), "%s", text);
}

static bool ask_cpuid(int kvm, struct kvm_probe *p)
{
	_cleanup_free_ struct kvm_cpuid2 *c =
		xcalloc(1, sizeof(*c) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));

	c->nent = CPUID_ENTRIES;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c) < 0)
		return false;
	for (unsigned int i = 0; i < c->nent; i++) {
		if (c->entries[i].function == SVM_LEAF)
			p->svm = c->entries[i].ecx & SVM_BIT;
		if (c->entries[i].function == VMX_LEAF)
			p->vmx = c->entries[i].ecx & VMX_BIT;
	}
	return true;
}

static bool module_says_nested(const char *module)
{
	_cleanup_free_ char *path = strf("/sys/module/%s/parameters/nested", module);
	_cleanup_buf_ struct buf b = { 0 };

	return !file_read(path, &b) && b.len && (b.data[0] == 'Y' || b.data[0] == '1');
}

static void ask_nested(int kvm, struct kvm_probe *p)
{
	if (!ask_cpuid(kvm, p)) {
		say(p, "/dev/kvm does not answer KVM_GET_SUPPORTED_CPUID");
		return;
	}
	if (!p->svm && !p->vmx) {
		say(p, "/dev/kvm works, but offers its guests neither SVM nor VMX");
		return;
	}
	p->nested = module_says_nested(p->svm ? "kvm_amd" : "kvm_intel");
	say(p, p->nested ? (p->svm ? "nested SVM" : "nested VMX") :
			   "the KVM module's parameter 'nested' is off or can't be read");
}

void kvm_probe(struct kvm_probe *p)
{
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm;

	*p = (struct kvm_probe){ 0 };
	if (kvm < 0) {
		snprintf(p->why, sizeof(p->why), "/dev/kvm can't be opened: %s", strerror(errno));
		return;
	}
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		say(p, "/dev/kvm speaks another API version than 12");
		return;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0) {
		snprintf(p->why, sizeof(p->why), "/dev/kvm makes no VM: %s", strerror(errno));
		return;
	}
	close(vm);
	p->usable = true;
	ask_nested(kvm, p);
}
