// SPDX-License-Identifier: GPL-2.0-only
/* A saved state's domain XML gets this lab's disk, sockets and console, and keeps the rest. */
#include <libxml/parser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/util.h"
#include "machine/libvirt/domxml.h"

#include <cmocka.h>

static const char saved[] =
	"<domain type='qemu'><name>nestlab-l1</name><memory unit='KiB'>2097152</memory>"
	"<os><kernel>/there/bzImage</kernel><cmdline>root=/dev/vda</cmdline></os><devices>"
	"<disk type='file'><driver name='qemu' type='qcow2'/><source file='/there/l1.qcow2'/>"
	"<target dev='vda'/></disk>"
	"<serial type='pty'><log file='/there/console' append='on'/></serial>"
	"<channel type='unix'><source mode='bind' path='/there/agent'/>"
	"<target type='virtio' name='org.nestlab.agent.0'/></channel>"
	"</devices></domain>";

static struct domain_spec spec(void)
{
	return (struct domain_spec){
		.options = "l1",
		.disks = { { "/here/a&b's <disk>.qcow2", "qcow2", false } },
		.n_disks = 1,
		.console = "/here/console",
		.ports = { { "org.nestlab.agent.0", "/here/agent" } },
		.n_ports = 1,
	};
}

static void test_retarget(void **state)
{
	struct domain_spec s = spec();
	_cleanup_free_ char *xml = NULL;

	(void)state;
	assert_int_equal(domxml_retarget(saved, &s, &xml), 0);
	assert_null(strstr(xml, "/there/l1.qcow2"));
	assert_null(strstr(xml, "/there/agent"));
	assert_null(strstr(xml, "/there/console"));
	assert_non_null(strstr(xml, "path=\"/here/agent\""));
	assert_non_null(strstr(xml, "file=\"/here/console\" append=\"off\""));
	/* What the state was made with stays: its memory holds that kernel. */
	assert_non_null(strstr(xml, "/there/bzImage"));
	assert_non_null(strstr(xml, "2097152"));
}

/* An emulator that was built here, at another place in another cache. */
static void test_an_emulator(void **state)
{
	struct domain_spec s = spec();
	_cleanup_free_ char *xml = NULL, *other = NULL;

	(void)state;
	s.emulator = "/cache/a/qemu-system-x86_64";
	assert_int_equal(domxml_retarget(saved, &s, &xml), 0);
	assert_non_null(strstr(xml, "<emulator>/cache/a/qemu-system-x86_64</emulator></devices>"));
	s.emulator = "/cache/b/qemu-system-x86_64";
	assert_int_equal(domxml_retarget(xml, &s, &other), 0);
	assert_non_null(strstr(other, "<emulator>/cache/b/qemu-system-x86_64</emulator></devices>"));
	assert_null(strstr(other, "/cache/a/"));
}

/* A path is a path, whatever is in it. */
static void test_a_path_is_no_markup(void **state)
{
	struct domain_spec s = spec();
	_cleanup_free_ char *xml = NULL;
	xmlDocPtr doc;

	(void)state;
	assert_int_equal(domxml_retarget(saved, &s, &xml), 0);
	assert_non_null(strstr(xml, "/here/a&amp;b's &lt;disk&gt;.qcow2"));
	doc = xmlReadMemory(xml, (int)strlen(xml), "x", NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	xmlFreeDoc(doc);
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* A suite's disk: the options file has none, and a saved state has it already. */
static void test_one_disk_more(void **state)
{
	struct domain_spec s = spec();
	_cleanup_free_ char *xml = NULL, *again = NULL;

	(void)state;
	s.disks[s.n_disks++] = (struct domain_disk){ "/here/suite.ext4", "raw", true };
	assert_int_equal(domxml_retarget(saved, &s, &xml), 0);
	assert_int_equal(count(xml, "<disk "), 2);
	assert_int_equal(count(xml, "<readonly/>"), 1);
	assert_int_equal(count(xml, "dev=\"vda\""), 1);
	assert_int_equal(count(xml, "dev=\"vdb\""), 1);
	assert_true(strstr(xml, "/here/suite.ext4") < strstr(xml, "vdb"));
	assert_int_equal(count(xml, "type=\"raw\""), 1);
	s.disks[1].path = "/there/suite.ext4";
	assert_int_equal(domxml_retarget(xml, &s, &again), 0);
	assert_int_equal(count(again, "<disk "), 2);
	assert_int_equal(count(again, "/there/suite.ext4"), 1);
	assert_int_equal(count(again, "/here/suite.ext4"), 0);
}

/* The state may have been saved with another checkout's plugin, or without. */
static void test_plugin(void **state)
{
	struct domain_spec s = spec();
	_cleanup_free_ char *with = NULL, *other = NULL, *without = NULL;

	(void)state;
	s.plugin = "file=/here/a&b.so,counters=/here/counters";
	assert_int_equal(domxml_retarget(saved, &s, &with), 0);
	assert_non_null(strstr(with, "xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\""));
	assert_non_null(strstr(with, "<qemu:arg value=\"-plugin\"/>"));
	assert_non_null(strstr(with, "value=\"file=/here/a&amp;b.so,counters=/here/counters\""));

	s.plugin = "file=/there.so,counters=/there";
	assert_int_equal(domxml_retarget(with, &s, &other), 0);
	assert_int_equal(count(other, "-plugin"), 1);
	assert_null(strstr(other, "/here/counters"));
	assert_non_null(strstr(other, "file=/there.so,counters=/there"));

	s.plugin = NULL;
	assert_int_equal(domxml_retarget(other, &s, &without), 0);
	assert_int_equal(count(without, "-plugin"), 0);
	assert_null(strstr(without, "/there.so"));
}

/* QEMU options of somebody's own, from the options file, stay. */
static void test_other_qemu_options_stay(void **state)
{
	static const char own[] =
		"<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0' type='qemu'><devices>"
		"</devices><q:commandline><q:arg value='-plugin'/><q:arg value='file=old'/>"
		"<q:arg value='-d'/><q:arg value='int'/></q:commandline></domain>";
	struct domain_spec s = { .plugin = "file=new" };
	_cleanup_free_ char *xml = NULL;

	(void)state;
	assert_int_equal(domxml_retarget(own, &s, &xml), 0);
	assert_non_null(strstr(xml, "<q:arg value=\"-d\"/><q:arg value=\"int\"/>"));
	assert_non_null(strstr(xml, "<q:arg value=\"-plugin\"/><q:arg value=\"file=new\"/>"));
	assert_int_equal(count(xml, "-plugin"), 1);
	assert_null(strstr(xml, "file=old"));
}

/*
 * In a libvirt that is not ours QEMU runs as we do; a state that was saved there can be restored in
 * ours.
 */
static void test_whose_qemu_it_is(void **state)
{
	static const char label[] = "<seclabel model=\"dac\" relabel=\"yes\" type=\"static\"><label>+7:+8</label>";
	_cleanup_free_ char *theirs = NULL, *twice = NULL, *ours = NULL;
	struct domain_spec s = spec();

	(void)state;
	s.owner = "+7:+8";
	assert_int_equal(domxml_retarget(saved, &s, &theirs), 0);
	assert_non_null(strstr(theirs, label));
	assert_non_null(strstr(theirs, "<seclabel model=\"dac\" relabel=\"no\"/></source>"));
	assert_int_equal(domxml_retarget(theirs, &s, &twice), 0);
	assert_int_equal(count(twice, "<seclabel"), 2); /* the domain's, the disk's */
	s.owner = NULL;
	assert_int_equal(domxml_retarget(theirs, &s, &ours), 0);
	assert_null(strstr(ours, "seclabel"));
}

static void test_owner_by_capabilities(void **state)
{
	static const char caps[] = "<capabilities><host><secmodel><model>none</model></secmodel><secmodel>"
				   "<model>dac</model><baselabel type='kvm'>+64055:+107</baselabel>"
				   "<baselabel type='qemu'>+64055:+107</baselabel></secmodel></host></capabilities>";
	_cleanup_free_ char *us = strf("+%u:+107", (unsigned int)getuid()), *owner = domxml_owner(caps);

	(void)state;
	assert_string_equal(owner, us);
	assert_null(domxml_owner("<capabilities/>"));
	assert_null(domxml_owner("no XML"));
}

static void test_what_is_missing_is_told(void **state)
{
	struct domain_spec s = spec();
	char *xml = NULL;

	(void)state;
	s.ports[0].name = "org.nestlab.other.0";
	assert_int_equal(domxml_retarget(saved, &s, &xml), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "no port org.nestlab.other.0"));
	s = spec();
	s.disks[1] = s.disks[0];
	s.n_disks = 2;
	assert_int_equal(domxml_retarget(saved, &s, &xml), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "1 disk(s), 2 wanted"));
	assert_int_equal(domxml_retarget("<domain type='qemu'", &s, &xml), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "is not XML"));
	assert_null(xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_disk_more),
		cmocka_unit_test(test_retarget), cmocka_unit_test(test_an_emulator),
		cmocka_unit_test(test_a_path_is_no_markup),
		cmocka_unit_test(test_plugin),
		cmocka_unit_test(test_other_qemu_options_stay),
		cmocka_unit_test(test_whose_qemu_it_is),
		cmocka_unit_test(test_owner_by_capabilities),
		cmocka_unit_test(test_what_is_missing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
