# SPDX-License-Identifier: GPL-2.0-only
# Each verb is a short call into the harness (build/nestlab). `make help` lists them.

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
B := build

# The knobs are one table in the harness. They reach it by the environment; which of them stand on make's own command line is told
# apart, so that one that is misspelt there is refused.
KNOBS := $(shell sed -n 's/^\t{ "\([A-Z0-9_]*\)", .*/\1/p' harness/plan/knobs.c)
OWN := B BENCH CC CFLAGS CHECK DEBEMAIL DEBFULLNAME DESTDIR HARMS LEVEL MUSL N PARTS PREFIX Q SAN SHELL WARN
export $(KNOBS)
export NESTLAB_MAKE_GIVEN := $(filter-out $(OWN),$(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $v)),$v)))
Q := $(if $(filter 1,$(V)),,@)

CC := gcc
WARN := -Wall -Wextra -Wformat=2 -Wno-format-nonliteral -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wundef -Wwrite-strings -Werror
CPPFLAGS := -D_GNU_SOURCE -Iharness -Iguest-image/agent -I. -I/usr/include/libxml2 -MMD -MP
CFLAGS := -std=gnu11 -O2 -g $(WARN)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -O1
LIBS := -lvirt -lvirt-qemu -lxml2 -ljansson -linih -lpcre2-8 -larchive -lcrypto -lelf -lpthread -lm
MUSL := musl-gcc
# musl has no kernel headers of its own: the system's come last, and only for <linux/...>.
KERNEL_HEADERS := -idirafter /usr/include -idirafter /usr/include/$(shell $(CC) -dumpmachine)
GUEST_CFLAGS := -std=gnu11 -Os -static -ffunction-sections -fdata-sections -Wl,--gc-sections $(WARN) -D_GNU_SOURCE

# The tests are programs of their own, and QEMU loads the plugin.
HARNESS_SRC := $(sort $(filter-out harness/tests/% harness/tcg-plugin/%,$(wildcard harness/*.c harness/*/*.c harness/*/*/*.c)))
JUDGE_SRC := $(sort $(wildcard testcases/*/*.c))
LIB_SRC := $(filter-out harness/main.c,$(HARNESS_SRC)) $(JUDGE_SRC) guest-image/agent/proto.c
TEST_SRC := $(sort $(wildcard harness/tests/test_*.c))
AGENT_SRC := $(sort $(wildcard guest-image/agent/*.c))
GUEST_LIB := $(sort $(wildcard testcases/*.c))

PAGE := $(B)/page.o
OBJ := $(patsubst %.c,$(B)/obj/%.o,$(LIB_SRC) harness/main.c) $(PAGE)
SAN_LIB := $(patsubst %.c,$(B)/san/%.o,$(LIB_SRC)) $(PAGE)
TESTS_BIN := $(patsubst harness/tests/%.c,$(B)/tests/%,$(TEST_SRC))
GUEST_BIN := $(B)/guest/nestlab-agent $(foreach s,$(JUDGE_SRC),$(B)/guest/$(basename $(notdir $(s))))
NESTLAB := $(B)/nestlab
PLUGIN := $(B)/tcg-plugin/vmruns.so

# -- verbs ------------------------------------------------------------------------------------------

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
	@echo "Settings (make test L2_CPUS=4; \`build/nestlab help\` explains them):" $(KNOBS) | fold -sw 100

test: build ## build both kernels, boot the nested lab, judge the change, show the verdict
	@$(if $(MONITOR),$(for_monitors))
	@$(NESTLAB) test

knobs: build
	@$(NESTLAB) help >/dev/null

check: deps-check build tests knobs ## the project's own tests: unit tests, lint, the lab for real, failing kernels
	@$(if $(filter-out slurm,$(CHECK)),,$(for_slurm))
	@$(B)/tests/check $(CHECK)

check-mutants: build ## judge deliberate faults, which the checks must find, then the reference RUNS= times
	@$(NESTLAB) mutants

soak: build ## do harm to a lab at work, N= times: no verdict may be wrong, nothing may be left (HARMS="kill-qemu bad-state")
	@$(for_soak)
	@$(NESTLAB) soak $(if $(N),-n $(N)) $(HARMS)

check-kvm-lane: deps-check build tests ## lane kvm in an emulated machine with nested virtualization: as on real hardware
	@$(B)/tests/check kvm-lane

check-grade: deps-check build tests ## grade a class that recipes make: N of N as expected
	@$(B)/tests/check grade

check-page: deps-check build ## the pages in a browser, with axe: installs Chromium where it may
	@$(call install_packages,config/packages-page)
	@$(MAKE) -s --no-print-directory $(B)/tests/test_week $(B)/tests/test_report $(B)/tests/check
	@$(B)/tests/check page

nightly: build ## all plans and some mutants of config/nightly.conf, to one page and one exit code
	@$(NESTLAB) nightly

kvm-check: build ## what KVM's maintainers ask of a series: make kvm-check PATCH=series/ (PARTS="checkpatch builds selftests*")
	@$(NESTLAB) kvm-check $(PARTS)

bench: build ## how long things take, beside plain tools: to a table and bench.json (make bench BENCH="one-test lab-boot")
	@$(call install_packages,config/packages-bench)
	@$(NESTLAB) bench $(BENCH)

grade: build ## judge a class: make grade SUBMISSIONS=class/ ASSIGNMENT=cpuid-leaves-b
	@$(for_monitors)
	@$(NESTLAB) grade

lab-up: build ## leave L1 and L2 running, snapshotted
	@$(NESTLAB) lab-up

lab-down: build ## end them, and whatever a killed run left behind
	@$(NESTLAB) lab-down

doctor: build ## what this machine offers: cores, memory, disk, packages, lanes
	@$(NESTLAB) doctor

gc: build ## make room in the cache: what is beyond its bounds goes (`build/nestlab cache sizes` tells what there is)
	@$(NESTLAB) gc

report: build ## show the newest run again
	@$(NESTLAB) report

virsh: build ## a virsh on a level's libvirt: make virsh LEVEL=2
	@uri=$$($(NESTLAB) uri $(or $(LEVEL),1)) && virsh -c "$$uri"

# -- packages ---------------------------------------------------------------------------------------

# Reads "package  reason" lines; installs what dpkg does not have when it may, or prints the command. One question for all: one for each of
# the 45 was half a second of every `make test`.
define install_packages
want=$$(sed -e 's/#.*//' $(1) | awk 'NF {print $$1}'); \
have=" $$(dpkg-query -W -f='$${Package} $${Status}\n' $$want 2>/dev/null | sed -n 's/ .* ok installed$$//p' | tr '\n' ' ')"; \
missing=$$(for p in $$want; do case "$$have" in *" $$p "*) ;; *) echo $$p;; esac; done); \
if [ -n "$$missing" ]; then \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "nestlab: these packages are missing; install them with:" >&2; \
	     echo "  sudo apt-get install --no-install-recommends" $$missing >&2; exit 3; fi; \
	for p in $$missing; do sed -n "s/^\($$p\)  *\(.*\)/  installing \1: \2/p" $(1); done; \
	mkdir -p $(B); \
	{ { [ -n "$$(find $(B)/apt-updated -mmin -60 2>/dev/null)" ] || { $$sudo apt-get update && touch $(B)/apt-updated; }; } && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; } >$(B)/packages.log 2>&1 || \
	{ echo "nestlab: installing packages failed; the end of $(B)/packages.log:" >&2; tail -5 $(B)/packages.log >&2; exit 3; }; \
fi
endef

# Few of them want these: without, one that does is told so.
for_monitors = ($(call install_packages,config/packages-monitors)) || :

# With these the first run builds the lab's own emulators; without, it takes the system's.
$(B)/for-emulators: config/packages-qemu config/packages-bochs
	@($(call install_packages,config/packages-qemu)) || :
	@($(call install_packages,config/packages-bochs)) || :
	@mkdir -p $(B) && touch $@

# What is left out without it says so.
for_slurm = ($(call install_packages,config/packages-slurm)) || :

# Without, the clock stays as it is.
for_soak = ($(call install_packages,config/packages-soak)) || :

deps: $(B)/for-emulators ## install the Debian packages that are missing
	@$(call install_packages,config/packages)

bochs: build ## a Bochs without its debugger for lane bochs-vmx, three times as fast: built from Debian's source (as the first run does)
	@$(call install_packages,config/packages-bochs)
	@$(NESTLAB) bochs

qemu: build ## a QEMU without some faults of Debian's for lane tcg-svm: built from Debian's source (as the first run does)
	@$(call install_packages,config/packages-qemu)
	@$(NESTLAB) qemu

gdb: build ## gdb on the running lab's L1 (make lab-up before); installs it where it is missing
	@$(call install_packages,config/packages-gdb)
	@$(NESTLAB) gdb 1

deps-check: deps
	@$(call install_packages,config/packages-check)

# -- building ---------------------------------------------------------------------------------------

# Twice through make, so that a compiler that was just installed is found by the rules.
build: deps ## the harness, the agent, the test programs
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc)) $(NESTLAB) $(GUEST_BIN) $(PLUGIN)

tests: deps-check
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc)) $(TESTS_BIN) $(B)/tests/check $(B)/tests/agent $(B)/tests/guest/vmruns $(B)/tests/guest/x87

define say
@printf '  %-7s %s\n' $(1) $@
endef

$(NESTLAB): $(OBJ)
	$(call say,LINK)
	$(Q)$(CC) -o $@ $^ $(LIBS)

$(B)/obj/%.o: %.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/san/%.o: %.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -c -o $@ $<

# The report's texts, each a string named by its file: lines that are comments go, and what a tab begins goes on with the line before.
$(PAGE): harness/report/page.css harness/report/page-head.html Makefile
	$(call say,PAGE)
	@mkdir -p $(B)/page
	$(Q)for f in $(filter-out Makefile,$^); do \
		{ sed -E -e '/^(\/\*.*\*\/|<!--.*-->)$$/d' $$f | sed -z 's/\n\t//g'; printf '\0'; } >$(B)/page/$${f##*/} || exit; done
	$(Q)cd $(B)/page && ld -r -z noexecstack -b binary -o ../page.o page.css page-head.html

# Objects, not an archive: verbs and testcases register themselves by a linker section.
$(B)/tests/test_%: $(B)/san/harness/tests/test_%.o $(SAN_LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) -o $@ $^ $(LIBS) -lcmocka

$(B)/tests/check: $(patsubst %.c,$(B)/obj/%.o,$(wildcard harness/tests/check*.c)) $(patsubst harness/%.c,$(B)/obj/harness/%.o,$(wildcard harness/core/*.c))
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ -linih -lcrypto -ljansson

# QEMU has what it leaves undefined.
$(PLUGIN): $(wildcard harness/tcg-plugin/*.[ch]) testcases/mark.h Makefile
	$(call say,PLUGIN)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -D_GNU_SOURCE -I. -fPIC -fvisibility=hidden -shared -o $@ $(filter %.c,$^)

# Machines' whole programs, multiboot kernels: some VMRUNs for the plugin's test, an x87 fault for the lab's own QEMU.
$(B)/tests/guest/%: harness/tests/guest/%.S testcases/mark.h Makefile
	$(call say,GUEST)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 -I. -nostdlib -static -Wl,--build-id=none,-Ttext=0x100000,-N,--no-warn-rwx-segments -o $@ $<

# The agent as the unit tests drive it: on this machine, under the sanitizers.
$(B)/tests/agent: $(AGENT_SRC) $(wildcard guest-image/agent/*.h) Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -g $(WARN) $(SAN) -o $@ $(AGENT_SRC)

$(B)/guest/nestlab-agent: $(AGENT_SRC) $(wildcard guest-image/agent/*.h) Makefile
	$(call say,GUEST)
	@mkdir -p $(@D)
	$(Q)$(MUSL) $(GUEST_CFLAGS) -s -o $@ $(AGENT_SRC)

# A folder's test programs share what is in its lib/.
define guest_program
$(B)/guest/$(basename $(notdir $(1))): $(1) $(GUEST_LIB) $(wildcard testcases/*.h $(dir $(1))lib/*.[ch]) Makefile
	$$(call say,GUEST)
	@mkdir -p $$(@D)
	$(Q)$(MUSL) $(GUEST_CFLAGS) $(KERNEL_HEADERS) -DNESTLAB_GUEST -Itestcases -s -o $$@ $(1) $(GUEST_LIB) $(wildcard $(dir $(1))lib/*.c)
endef
$(foreach s,$(JUDGE_SRC),$(eval $(call guest_program,$(s))))

include config/debian/deb.mk

lint: deps-check ## static analysis
	@$(B)/tests/check lint

clean: ## what was compiled (the cache of kernels and images stays: `nestlab cache` tells where)
	$(Q)rm -rf $(B)

-include $(OBJ:.o=.d) $(SAN_LIB:.o=.d) $(patsubst harness/tests/%.c,$(B)/san/harness/tests/%.d,$(TEST_SRC))

.PHONY: help test knobs check check-mutants soak check-kvm-lane check-grade check-page nightly kvm-check bench grade lab-up lab-down doctor gc report virsh deps deps-check bochs qemu gdb build tests lint clean
.SECONDARY:
.DELETE_ON_ERROR:
