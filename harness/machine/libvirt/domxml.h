/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domain XML: virt-install makes it from a file of its options in config/domains/, and what differs
 * from lab to lab (names, sizes, paths) is put in with libxml2.
 */
#ifndef NESTLAB_MACHINE_LIBVIRT_DOMXML_H
#define NESTLAB_MACHINE_LIBVIRT_DOMXML_H

#include <stdbool.h>
#include <stdint.h>

struct domain_disk {
	const char *path;
	const char *format; /* "qcow2", "raw" */
	bool read_only;	    /* over those that the options file has: added to them */
};

struct domain_port {
	const char *name; /* of the virtio-serial port */
	const char *path; /* its unix socket on the carrier; NULL: libvirt makes one up */
};

struct domain_spec {
	const char *options;   /* the file in config/domains/, without .args: "l1" */
	const char *name;
	const char *uuid;
	const char *virt_type; /* <domain type=...> */
	const char *emulator;  /* NULL: the one that virt-install found */
	const char *cpu_mode;
	uint32_t cpus;
	bool holes;    /* sockets of three cores, so APIC ids are 0, 1, 2, 4, ... */
	bool hide_kvm; /* CPUID does not name it */
	uint32_t memory_mib;
	const char *kernel, *initrd; /* paths on the carrier; initrd may be NULL */
	const char *cmdline;	     /* put behind what the options file says */
	struct domain_disk disks[4];
	unsigned int n_disks;
	/* the serial console's bytes also go to this file, by QEMU; NULL: no */
	const char *console;
	struct domain_port ports[4];
	unsigned int n_ports;
	const char *plugin; /* for QEMU's -plugin; NULL: none */
	/* QEMU's user and group, from domxml_owner(); NULL: as its libvirt likes */
	const char *owner;
};

/*
 * uri: a libvirt that virt-install may ask for capabilities (L0's). 0 or -OUT_BROKEN; the caller
 * owns *xml.
 */
int domxml_make(const struct domain_spec *s, const char *uri, char **xml);

/*
 * A saved state's XML with this lab's disk, sockets and plugin in it (another checkout may have
 * saved it).
 */
int domxml_retarget(const char *saved, const struct domain_spec *s, char **xml);

/*
 * What QEMU must run as in a libvirt that is not ours, by that libvirt's capabilities: our user,
 * who has the disks and sockets, in the group of its own user, who may enter libvirt's folders.
 * NULL: it knows no such label. The caller owns it.
 */
char *domxml_owner(const char *capabilities);

#endif
