// SPDX-License-Identifier: GPL-2.0-only
#include "image/partition.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/util.h"

#define SFDISK "/sbin/sfdisk" /* an ordinary user's PATH may lack the folder */
#define NO_TABLE 1	      /* its exit status then */
#define MBR_LINUX "83"
#define MBR_GPT "ee" /* covers a GPT, and is all there is to be seen when that can't be read */

/* EFI system, BIOS boot and swap partitions can be large, too. */
static const char *const never_root[] = { "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "21686148-6449-6E6F-744E-656564454649",
					  "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F" };

static bool could_be_root(const char *label, const char *type)
{
	if (strcmp(label, "gpt"))
		return !strcmp(type, MBR_LINUX);
	for (size_t i = 0; i < ARRAY_SIZE(never_root); i++)
		if (!strcmp(type, never_root[i]))
			return false;
	return true;
}

/* "/x/disk.img2" -> 2 */
static unsigned int number_of(const char *node)
{
	const char *digits = node + strlen(node);

	while (digits > node && isdigit((unsigned char)digits[-1]))
		digits--;
	return (unsigned int)strtoul(digits, NULL, 10);
}

/* type: of the last one. */
static int no_root(size_t n, const char *type, const char *name)
{
	if (n == 1 && !strcmp(type, MBR_GPT))
		return fail(OUT_USAGE, "%s: its partition table (GPT) is damaged; make the image anew", name);
	return n ? fail(OUT_USAGE, "%s: none of its %zu partitions could be Linux's root", name, n) : 0;
}

static int choose(const json_t *table, const char *name, unsigned int *number)
{
	const char *label = json_string_value(json_object_get(table, "label")), *type = "";
	const json_t *all = json_object_get(table, "partitions"), *p;
	json_int_t most = 0;
	size_t i;

	json_array_foreach(all, i, p) {
		json_int_t size = json_integer_value(json_object_get(p, "size"));
		const char *node = json_string_value(json_object_get(p, "node"));

		type = json_string_value(json_object_get(p, "type"));
		if (!label || !type || !node)
			return fail(OUT_USAGE, "%s: what sfdisk says of its partition table can't be read", name);
		if (!could_be_root(label, type) || size <= most)
			continue;
		most = size;
		*number = number_of(node);
	}
	return *number ? 0 : no_root(json_array_size(all), type, name);
}

int partition_of_root(const char *disk, const char *name, unsigned int *number)
{
	char *const argv[] = { (char *)SFDISK, (char *)"--json", (char *)disk, NULL };
	_cleanup_buf_ struct buf out = { 0 };
	struct proc p = { .what = "reading a partition table", .argv = argv, .out = &out, .quiet_stderr = true };
	int ret = proc_run(&p);
	json_t *root;

	*number = 0;
	if (ret == NO_TABLE || ret < 0)
		return ret < 0 ? ret : 0;
	if (ret)
		return fail(OUT_BROKEN, "%s: sfdisk ended with status %d", name, ret);
	root = json_loadb(buf_str(&out), out.len, 0, NULL);
	ret = root ? choose(json_object_get(root, "partitiontable"), name, number) :
		     fail(OUT_USAGE, "%s: what sfdisk says of its partition table is no JSON", name);
	json_decref(root);
	return ret;
}
