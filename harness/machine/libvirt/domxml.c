// SPDX-License-Identifier: GPL-2.0-only
#include "machine/libvirt/domxml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/util.h"

#define QEMU_NS "http://libvirt.org/schemas/domain/qemu/1.0"

static const xmlChar *x(const char *s)
{
	return (const xmlChar *)s;
}

/* The i-th node (0-based) that an XPath names, or NULL. */
static xmlNodePtr find(xmlDocPtr doc, const char *path, int i)
{
	xmlXPathContextPtr ctx = xmlXPathNewContext(doc);
	xmlXPathObjectPtr found = xmlXPathEvalExpression(x(path), ctx);
	xmlNodePtr node = NULL;

	if (found && found->nodesetval && found->nodesetval->nodeNr > i)
		node = found->nodesetval->nodeTab[i];
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(ctx);
	return node;
}

static xmlNodePtr child(xmlNodePtr parent, const char *name)
{
	for (xmlNodePtr n = parent->children; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && !xmlStrcmp(n->name, x(name)))
			return n;
	return xmlNewChild(parent, NULL, x(name), NULL);
}

static void set_text(xmlNodePtr parent, const char *name, const char *text)
{
	xmlChar *escaped = xmlEncodeEntitiesReentrant(NULL, x(text));

	xmlNodeSetContent(child(parent, name), escaped);
	xmlFree(escaped);
}

static void set_number(xmlNodePtr parent, const char *name, uint64_t value)
{
	_cleanup_free_ char *text = strf("%llu", (unsigned long long)value);

	set_text(parent, name, text);
}

static void set_memory(xmlNodePtr domain, uint32_t mib)
{
	static const char *const names[] = { "memory", "currentMemory" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		set_number(domain, names[i], (uint64_t)mib * 1024);
		xmlSetProp(child(domain, names[i]), x("unit"), x("KiB"));
	}
}

static void set_number_of(xmlNodePtr node, const char *name, uint32_t value)
{
	_cleanup_free_ char *text = strf("%u", value);

	xmlSetProp(node, x(name), x(text));
}

#define CORES_WITH_HOLE 3 /* a socket's APIC ids have two bits for them */

/*
 * One socket, so that APIC ids (which are KVM's vCPU ids) run from 0 without gaps; or as many of
 * three cores as it takes, the last one with room for more.
 */
static void set_cpus(xmlNodePtr domain, const struct domain_spec *s)
{
	uint32_t cores = s->holes ? CORES_WITH_HOLE : s->cpus;
	uint32_t sockets = (s->cpus + cores - 1) / cores;
	xmlNodePtr cpu = child(domain, "cpu"), topology;

	set_number(domain, "vcpu", sockets * cores);
	if (sockets * cores != s->cpus)
		set_number_of(child(domain, "vcpu"), "current", s->cpus);
	xmlSetProp(cpu, x("mode"), x(s->cpu_mode));
	topology = child(cpu, "topology");
	set_number_of(topology, "sockets", sockets);
	set_number_of(topology, "cores", cores);
	set_number_of(topology, "threads", 1);
}

static void hide_kvm(xmlNodePtr domain)
{
	xmlNodePtr kvm = child(child(domain, "features"), "kvm");

	xmlSetProp(child(kvm, "hidden"), x("state"), x("on"));
}

static void set_boot(xmlNodePtr domain, const struct domain_spec *s)
{
	xmlNodePtr os = child(domain, "os");
	xmlChar *old = xmlNodeGetContent(child(os, "cmdline"));
	_cleanup_free_ char *cmdline = strf("%s %s", (char *)old, s->cmdline);

	set_text(os, "kernel", s->kernel);
	if (s->initrd)
		set_text(os, "initrd", s->initrd);
	set_text(os, "cmdline", cmdline);
	xmlFree(old);
}

/* Like the one before it, under the next name, on whatever slot libvirt finds for it. */
static xmlNodePtr add_disk(xmlDocPtr doc, unsigned int i)
{
	static const char *const own[] = { "address", "alias", "boot", "backingStore" };
	const char name[] = { 'v', 'd', (char)('a' + i), '\0' };
	xmlNodePtr before = find(doc, "/domain/devices/disk", (int)i - 1), disk;

	if (!before)
		return NULL;
	disk = xmlAddNextSibling(before, xmlCopyNode(before, 1));
	for (size_t n = 0; n < ARRAY_SIZE(own); n++) {
		xmlNodePtr there = child(disk, own[n]);

		xmlUnlinkNode(there);
		xmlFreeNode(there);
	}
	xmlSetProp(child(disk, "target"), x("dev"), x(name));
	child(disk, "readonly");
	return disk;
}

static int set_disks(xmlDocPtr doc, const struct domain_spec *s)
{
	for (unsigned int i = 0; i < s->n_disks; i++) {
		xmlNodePtr disk = find(doc, "/domain/devices/disk", (int)i);

		if (!disk && s->disks[i].read_only)
			disk = add_disk(doc, i);
		if (!disk)
			return fail(OUT_BROKEN, "config/domains/%s.args has %u disk(s), %u wanted",
				    s->options, i, s->n_disks);
		xmlSetProp(child(disk, "source"), x("file"), x(s->disks[i].path));
		xmlSetProp(child(disk, "driver"), x("type"), x(s->disks[i].format));
	}
	return 0;
}

static int set_ports(xmlDocPtr doc, const struct domain_spec *s)
{
	for (unsigned int i = 0; i < s->n_ports; i++) {
		_cleanup_free_ char *path = strf("/domain/devices/channel[target/@name='%s']",
						 s->ports[i].name);
		xmlNodePtr port = find(doc, path, 0);

		if (!port)
			return fail(OUT_BROKEN, "config/domains/%s.args has no port %s", s->options,
				    s->ports[i].name);
		if (s->ports[i].path)
			xmlSetProp(child(port, "source"), x("path"), x(s->ports[i].path));
	}
	return 0;
}

static int set_console(xmlDocPtr doc, const struct domain_spec *s)
{
	xmlNodePtr serial = find(doc, "/domain/devices/serial", 0), log;

	if (!s->console)
		return 0;
	if (!serial)
		return fail(OUT_BROKEN, "config/domains/%s.args has no serial console", s->options);
	log = child(serial, "log");
	xmlSetProp(log, x("file"), x(s->console));
	xmlSetProp(log, x("append"), x("off"));
	return 0;
}

static bool is_element(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && !xmlStrcmp(n->name, x(name));
}

static bool is_plugin_arg(xmlNodePtr arg)
{
	xmlChar *value = is_element(arg, "arg") ? xmlGetProp(arg, x("value")) : NULL;
	bool is = value && !xmlStrcmp(value, x("-plugin"));

	xmlFree(value);
	return is;
}

/* "-plugin" and what follows it. */
static void drop_plugins(xmlNodePtr commandline)
{
	int drop = 0;

	for (xmlNodePtr next, n = commandline->children; n; n = next) {
		next = n->next;
		if (is_plugin_arg(n))
			drop = 2;
		if (drop && is_element(n, "arg")) {
			drop--;
			xmlUnlinkNode(n);
			xmlFreeNode(n);
		}
	}
}

static void add_arg(xmlNodePtr commandline, const char *value)
{
	xmlSetProp(xmlNewChild(commandline, commandline->ns, x("arg"), NULL), x("value"), x(value));
}

/*
 * libvirt has no element for it, only its namespace for QEMU's own options (formatdomain,
 * qemu:commandline).
 */
static void set_plugin(xmlDocPtr doc, const struct domain_spec *s)
{
	xmlNodePtr domain = xmlDocGetRootElement(doc);
	xmlNodePtr commandline = find(doc, "/domain/*[local-name()='commandline']", 0);
	xmlNsPtr ns = xmlSearchNsByHref(doc, domain, x(QEMU_NS));

	if (commandline)
		drop_plugins(commandline);
	if (!s->plugin)
		return;
	if (!ns)
		ns = xmlNewNs(domain, x(QEMU_NS), x("qemu"));
	if (!commandline)
		commandline = xmlNewChild(domain, ns, x("commandline"), NULL);
	add_arg(commandline, "-plugin");
	add_arg(commandline, s->plugin);
}

static void drop_all(xmlDocPtr doc, const char *path)
{
	xmlNodePtr n;

	while ((n = find(doc, path, 0))) {
		xmlUnlinkNode(n);
		xmlFreeNode(n);
	}
}

static xmlNodePtr add_dac_label(xmlNodePtr parent, const char *relabel)
{
	xmlNodePtr label = xmlNewChild(parent, NULL, x("seclabel"), NULL);

	xmlSetProp(label, x("model"), x("dac"));
	xmlSetProp(label, x("relabel"), x(relabel));
	return label;
}

/*
 * A system's libvirt runs QEMU as a user of its own, who can neither enter our folders nor make
 * sockets there: security label "dac" (formatdomain) names ours. libvirt then gives its own folder
 * for the domain to us; our disks are ours already, and it would not always give them back.
 */
static void set_owner(xmlDocPtr doc, const struct domain_spec *s)
{
	xmlNodePtr label, source;

	drop_all(doc, "//seclabel[@model='dac']");
	if (!s->owner)
		return;
	label = add_dac_label(xmlDocGetRootElement(doc), "yes");
	xmlSetProp(label, x("type"), x("static"));
	set_text(label, "label", s->owner);
	for (int i = 0; (source = find(doc, "/domain/devices/disk/source", i)); i++)
		add_dac_label(source, "no");
}

/* What differs from checkout to checkout. */
static int set_paths(xmlDocPtr doc, const struct domain_spec *s)
{
	int ret = set_disks(doc, s);

	if (s->emulator)
		set_text(child(xmlDocGetRootElement(doc), "devices"), "emulator", s->emulator);
	if (!ret)
		ret = set_ports(doc, s);
	if (!ret) {
		set_plugin(doc, s);
		set_owner(doc, s);
	}
	return ret ? ret : set_console(doc, s);
}

static char *dump(xmlDocPtr doc)
{
	xmlChar *text = NULL;
	char *copy;
	int len;

	xmlDocDumpMemory(doc, &text, &len);
	copy = xstrndup((const char *)text, (size_t)len);
	xmlFree(text);
	return copy;
}

static xmlDocPtr parse(const char *text, const char *what)
{
	xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), "domain.xml", NULL,
				      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
				      XML_PARSE_NOBLANKS);

	if (!doc || !xmlDocGetRootElement(doc)) {
		fail(OUT_BROKEN, "%s is not XML", what);
		xmlFreeDoc(doc);
		return NULL;
	}
	return doc;
}

/* The options file: one option a line, "#" starts a comment line. */
static int read_options(const char *name, struct strv *argv)
{
	_cleanup_free_ char *relative = strf("config/domains/%s.args", name);
	_cleanup_free_ char *path = path_in_root(relative);
	_cleanup_buf_ struct buf b = { 0 };
	char *save = NULL;

	if (file_read(path, &b))
		return fail(OUT_USAGE, "can't read the domain's options %s", path);
	for (char *l = strtok_r(b.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *line = str_strip(l), *space;

		if (!*line || *line == '#')
			continue;
		space = strchr(line, ' ');
		if (space)
			*space = '\0';
		strv_add(argv, line);
		if (space)
			strv_add(argv, str_strip(space + 1));
	}
	return 0;
}

/* What virt-install said last time for the same options, so that a warm start needs no Python. */
static const struct cache_kind domains = {
	.folder = "domains", .suffix = ".xml", .what = "descriptions of domains", .keep_entries = 100,
};
CACHE_KIND(domains);

static void memory_key(const struct strv *argv, char *hex)
{
	struct hash *h = hash_new("domain-xml-1");

	for (size_t i = 0; i < argv->n; i++)
		hash_add_str(h, "option", argv->v[i]);
	/* Names the version by its files; where it is missing the options alone must do. */
	if (path_exists("/var/lib/dpkg/info/virtinst.md5sums") &&
	    hash_add_file(h, "virtinst", "/var/lib/dpkg/info/virtinst.md5sums"))
		fail_clear();
	hash_hex(h, hex);
}

static int ask_virt_install(const struct domain_spec *s, const char *uri, struct buf *xml)
{
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = "describing a domain", .out = xml, .deadline_s = 120 };
	char key[HASH_HEX_LEN + 1];
	int ret;

	strv_add(&argv, "virt-install");
	ret = read_options(s->options, &argv);
	if (ret)
		return ret;
	memory_key(&argv, key);
	if (cache_recall(&domains, key, xml) && xml->len)
		return 0;
	strv_add(&argv, "--connect");
	strv_add(&argv, uri);
	p.argv = argv.v;
	ret = proc_check(&p);
	if (!ret)
		cache_remember(&domains, key, buf_str(xml), xml->len);
	return ret;
}

static int fill(xmlDocPtr doc, const struct domain_spec *s)
{
	xmlNodePtr domain = xmlDocGetRootElement(doc);

	xmlSetProp(domain, x("type"), x(s->virt_type));
	set_text(domain, "name", s->name);
	set_text(domain, "uuid", s->uuid);
	set_memory(domain, s->memory_mib);
	set_cpus(domain, s);
	if (s->hide_kvm)
		hide_kvm(domain);
	set_boot(domain, s);
	return set_paths(doc, s);
}

int domxml_make(const struct domain_spec *s, const char *uri, char **xml)
{
	_cleanup_buf_ struct buf raw = { 0 };
	int ret = ask_virt_install(s, uri, &raw);
	xmlDocPtr doc;

	if (ret)
		return ret;
	doc = parse(buf_str(&raw), "what virt-install printed");
	if (!doc)
		return -OUT_BROKEN;
	ret = fill(doc, s);
	if (!ret)
		*xml = dump(doc);
	xmlFreeDoc(doc);
	return ret;
}

int domxml_retarget(const char *saved, const struct domain_spec *s, char **xml)
{
	xmlDocPtr doc = parse(saved, "a saved state's description");
	int ret;

	if (!doc)
		return -OUT_BROKEN;
	ret = set_paths(doc, s);
	if (!ret)
		*xml = dump(doc);
	xmlFreeDoc(doc);
	return ret;
}

char *domxml_owner(const char *capabilities)
{
	xmlDocPtr doc = parse(capabilities, "what libvirt says of itself");
	xmlNodePtr label = doc ? find(doc, "//secmodel[model='dac']/baselabel", 0) : NULL;
	xmlChar *text = label ? xmlNodeGetContent(label) : NULL;
	const char *group = text ? strchr((const char *)text, ':') : NULL;
	char *owner = group ? strf("+%u%s", (unsigned int)getuid(), group) : NULL;

	if (!doc)
		fail_clear();
	xmlFree(text);
	xmlFreeDoc(doc);
	return owner;
}
