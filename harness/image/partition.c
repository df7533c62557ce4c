// SPDX-License-Identifier: GPL-2.0-only
#include "image/partition.h"

#include <stdint.h>
#include <string.h>

#define SECTOR 512
#define MBR_ENTRIES 446
#define MBR_SIGNATURE 510
#define MBR_GPT_TYPE 0xee
#define GPT_MAX_ENTRIES 128

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const unsigned char *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* EFI system, BIOS boot and swap partitions can be large, too. */
static int is_never_root(const unsigned char *type)
{
	static const unsigned char never[][16] = {
		{ 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9,
		  0x3e, 0xc9, 0x3b },
		{ 0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6f, 0x6e, 0x74, 0x4e, 0x65, 0x65, 0x64,
		  0x45, 0x46, 0x49 },
		{ 0x6d, 0xfd, 0x57, 0x06, 0xab, 0xa4, 0xc4, 0x43, 0x84, 0xe5, 0x09, 0x33, 0xc8,
		  0x4b, 0x4f, 0x4f },
		{ 0 },
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (!memcmp(type, never[i], 16))
			return 1;
	return 0;
}

static int gpt_root(const unsigned char *disk, size_t len)
{
	const unsigned char *header = disk + SECTOR;
	uint32_t n = le32(header + 80), size = le32(header + 84);
	uint64_t first = le64(header + 72), best_sectors = 0;
	int best = 0;

	if (first > len / SECTOR || size < 128 || size > SECTOR)
		return 0;
	for (uint32_t i = 0; i < n && i < GPT_MAX_ENTRIES; i++) {
		size_t at = (size_t)first * SECTOR + (size_t)i * size;
		uint64_t start, end;

		if (at + size > len)
			break;
		start = le64(disk + at + 32);
		end = le64(disk + at + 40);
		if (is_never_root(disk + at) || end < start || end - start < best_sectors)
			continue;
		best_sectors = end - start;
		best = (int)i + 1;
	}
	return best;
}

static int mbr_root(const unsigned char *disk)
{
	uint32_t best_sectors = 0;
	int best = 0;

	for (int i = 0; i < 4; i++) {
		const unsigned char *entry = disk + MBR_ENTRIES + 16 * i;
		uint32_t sectors = le32(entry + 12);

		if (entry[4] != 0x83 || sectors <= best_sectors)
			continue;
		best_sectors = sectors;
		best = i + 1;
	}
	return best;
}

int partition_of_root(const unsigned char *disk, size_t len)
{
	if (len < 2 * SECTOR || disk[MBR_SIGNATURE] != 0x55 || disk[MBR_SIGNATURE + 1] != 0xaa)
		return 0;
	if (disk[MBR_ENTRIES + 4] == MBR_GPT_TYPE && !memcmp(disk + SECTOR, "EFI PART", 8))
		return gpt_root(disk, len);
	return mbr_root(disk);
}
