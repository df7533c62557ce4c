# SPDX-License-Identifier: GPL-2.0-only
# `make install` and `make deb`. Data lie in share/nestlab; what is compiled for one architecture in lib/nestlab, to which
# share/nestlab/build points. The file share/nestlab/release says that nothing is written there (harness/core/paths.h).

PREFIX := /usr
DESTDIR :=
SHARE = $(DESTDIR)$(PREFIX)/share
LIB = $(DESTDIR)$(PREFIX)/lib/nestlab
DATA := config kernel-patches guest-image testcases

DEB := $(abspath $(B)/deb)
# One that grows with the commits' dates.
DEB_VERSION = $(shell git log -1 --date=format:%Y%m%d.%H%M --format=0~git%cd.%h)
COMMITTED = $(shell git log -1 --format=%ct)
DEBFULLNAME ?= The nestlab developers
DEBEMAIL ?= nestlab@packages.debian.org

install: build ## put it below PREFIX= (/usr), in DESTDIR=
	@mkdir -p $(DESTDIR)$(PREFIX)/bin $(LIB)/guest $(LIB)/tcg-plugin $(SHARE)/nestlab $(SHARE)/man/man1 $(SHARE)/man/man5 \
		$(SHARE)/bash-completion/completions
	@install -m 755 -s $(NESTLAB) $(DESTDIR)$(PREFIX)/bin/nestlab
	@install -m 755 $(GUEST_BIN) $(LIB)/guest/
	@install -m 644 -s $(PLUGIN) $(LIB)/tcg-plugin/
	@git ls-files -z $(DATA) | xargs -0 cp --parents -t $(SHARE)/nestlab
	@ln -sfn ../../lib/nestlab $(SHARE)/nestlab/build
	@{ $(NESTLAB) version | cut -d' ' -f2; git rev-parse HEAD; } >$(SHARE)/nestlab/release
	@$(NESTLAB) completion bash >$(SHARE)/bash-completion/completions/nestlab
	@SOURCE_DATE_EPOCH=$(COMMITTED) $(NESTLAB) man nestlab.1 | gzip -9n >$(SHARE)/man/man1/nestlab.1.gz
	@SOURCE_DATE_EPOCH=$(COMMITTED) $(NESTLAB) man nestlab.conf.5 | gzip -9n >$(SHARE)/man/man5/nestlab.conf.5.gz

# Of config/packages that which is used when it runs, in the form of a dependency.
packages_of = $$(awk -v part='$(1)' '/^\# /{on = index($$0, part) > 0} on && /^[a-z0-9]/{printf "%s%s", n++ ? ", " : "", $$1}' $(2))

deb-control:
	@rm -rf $(DEB)
	@mkdir -p $(DEB)/debian $(DEB)/root/DEBIAN
	@sed -e "s/@maintainer@/$(DEBFULLNAME) <$(DEBEMAIL)>/" -e "s/@suggests@/$(call packages_of,monitors,config/packages-monitors)/" \
		-e "s/@depends@/$(call packages_of,the kernels,config/packages), $(call packages_of,the levels,config/packages)/" \
		-e "s/@recommends@/$(call packages_of,lane bochs-vmx,config/packages)/" config/debian/control >$(DEB)/debian/control
	@printf 'nestlab (%s) unstable; urgency=medium\n\n  * Commit %s.\n\n -- %s  %s\n' $(DEB_VERSION) "$$(git rev-parse HEAD)" \
		"$(DEBFULLNAME) <$(DEBEMAIL)>" "$$(date -R -u -d @$(COMMITTED))" >$(DEB)/debian/changelog

deb-documents: DESTDIR := $(DEB)/root
deb-documents:
	@mkdir -p $(SHARE)/doc/nestlab $(SHARE)/lintian/overrides
	@cp README.md config/debian/copyright $(SHARE)/doc/nestlab/
	@gzip -9n <$(DEB)/debian/changelog >$(SHARE)/doc/nestlab/changelog.gz
	@ln -sfn ../../nestlab/config $(SHARE)/doc/nestlab/config
	@cp config/debian/lintian-overrides $(SHARE)/lintian/overrides/nestlab

deb: build deb-control ## a Debian package: build/deb/nestlab_*.deb
	@$(MAKE) -s --no-print-directory install deb-documents DESTDIR=$(DEB)/root PREFIX=/usr
	@chmod -R u=rwX,go=rX $(DEB)/root
	@cd $(DEB) && dpkg-shlibdeps -Tdebian/substvars root/usr/bin/nestlab
	@cd $(DEB) && dpkg-gencontrol -pnestlab -Tdebian/substvars -Proot
	@cd $(DEB)/root && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums
	@SOURCE_DATE_EPOCH=$(COMMITTED) dpkg-deb --root-owner-group --build $(DEB)/root $(DEB)

check-deb: deps-check build tests ## the package made, installed, used and removed, as root
	@$(call install_packages,config/packages-deb)
	@$(B)/tests/check deb

.PHONY: install deb deb-control deb-documents check-deb
