// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Debian package: made, looked at, installed, used outside of the checkout, removed. It wants
 * root, as dpkg does.
 */
#include <unistd.h>

#include "core/util.h"
#include "tests/check.h"

#define MAKE "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make"
#define HOME_ "$(cat " LOGS "/home)"
/* Somebody who has no more than a home, in an empty folder of it. */
#define AS_NOBODY                                                                                  \
	"cd " HOME_ "/empty && setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH=/usr/bin:/bin " \
	"HOME=$(readlink -f ..) nestlab "
/* With the kernels that there are: they are known by their content. */
#define WITH_CACHE "cache=$(" NESTLAB " cache); cd " HOME_ "/empty && env HOME=$(readlink -f ..) NESTLAB_CACHE=$cache nestlab "

static const struct one_case before[] = {
	{ "a package is made", MAKE " deb", 0, { "dpkg-deb: building package 'nestlab'" }, 900 },
	{ "lintian finds nothing", "lintian --allow-root --fail-on error,warning build/deb/nestlab_*.deb", 0, { "!W: ", "!E: " }, 300 },
	{ "its dependencies are what it runs with", "dpkg -f build/deb/nestlab_*.deb Depends", 0,
	  { "libvirt0", "qemu-system-x86", "linux-source-6.12", "!libcmocka", "!libjansson-dev" }, 0 },
};

static const struct one_case installed[] = {
	{ "it is installed", "dpkg -i build/deb/nestlab_*.deb && man -w nestlab nestlab.conf", 0, { "man1", "man5" }, 120 },
	{ "a home, and an empty folder in it",
	  "mktemp -d >" LOGS "/home && mkdir " HOME_ "/empty && chown -R 65534:65534 " HOME_, 0, { NULL }, 0 },
	{ "a user asks which it is", "(" AS_NOBODY "version) | grep -qx \"nestlab $(git describe --always --tags --dirty)\"", 0, { NULL }, 0 },
	{ "a user sees the tests", AS_NOBODY "tests", 0, { "vcpu-info/pairs" }, 0 },
	{ "a user's mistake is in the user's results", AS_NOBODY "test EFFORT=x", 2,
	  { "whole number", "results=/", "/.local/share/nestlab/results/2" }, 0 },
	{ "a user's file of defaults is heeded",
	  "mkdir -p " HOME_ "/.config/nestlab && printf '[lab]\\nlane = tcg-smv\\n' >" HOME_ "/.config/nestlab/nestlab.conf; " AS_NOBODY
	  "test", 2, { "did you mean tcg-svm" }, 0 },
	{ "the lab runs there", "rm -r " HOME_ "/.config; " WITH_CACHE "test TESTS=cpuid-exits/kinds", 0,
	  { "verdict: pass", "/.local/share/nestlab/results/2" }, 3600 },
	{ "what judged is in the manifest", "grep -q \"$(git rev-parse HEAD)\" " HOME_ "/.local/share/nestlab/results/latest/manifest.json", 0,
	  { NULL }, 0 },
	{ "a patch that came with it", WITH_CACHE "test TESTS=cpuid-exits/counters PATCH=testcases/mutants/edx-left.patch", 1,
	  { "judging edx-left.patch", "FAIL    edx", "verdict=fail" }, 3600 },
	{ "nothing was written where it is installed", "dpkg -V nestlab; find /usr/share/nestlab /usr/lib/nestlab -newer build/deb/debian/files -type f",
	  0, { "!/usr" }, 0 },
	{ "nor where the user stood", "ls -A " HOME_ "/empty | sed 's/^/left: /'", 0, { "!left" }, 0 },
	{ "it is removed", "rm -rf " HOME_ "; dpkg -r nestlab && ls -d /usr/share/nestlab /usr/lib/nestlab /usr/bin/nestlab", 2, { "!\n/usr/" }, 120 },
};

bool check_deb(void)
{
	bool good = run_cases(before, ARRAY_SIZE(before));

	if (geteuid()) {
		check_skipped("it is installed", now_ns(), "only root installs packages");
		return good;
	}
	return run_cases(installed, ARRAY_SIZE(installed)) && good;
}
