// SPDX-License-Identifier: GPL-2.0-only
#include "replay/log.h"

#include <inttypes.h>
#include <string.h>

#define FNV_PRIME 16777619u

static const struct {
	unsigned int kind;
	const char *did;
} kinds[] = { { LOG_IN, "took" }, { LOG_OUT, "gave" } };

void log_take(struct buf *bytes, struct log *l)
{
	size_t room = bytes->len / sizeof(struct log_entry);

	*l = (struct log){ .bytes = *bytes };
	*bytes = (struct buf){ 0 };
	while (l->n < room && log_at(l, l->n)->what)
		l->n++;
}

int log_read(const char *path, struct log *l)
{
	struct buf bytes = { 0 };
	int err = file_read(path, &bytes);

	log_take(&bytes, l);
	return err;
}

void log_free(struct log *l)
{
	buf_free(&l->bytes);
	*l = (struct log){ 0 };
}

const struct log_entry *log_at(const struct log *l, size_t i)
{
	return (const struct log_entry *)(const void *)l->bytes.data + i;
}

uint64_t log_tick(const struct log_entry *e)
{
	return e->what >> 16;
}

unsigned int log_kind(const struct log_entry *e)
{
	return e->what >> 8 & 0xff;
}

size_t log_count(const struct log *l, unsigned int kind)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += log_kind(log_at(l, i)) == kind;
	return n;
}

void log_add_input(struct buf *bytes, uint8_t byte)
{
	struct log_entry e = { .what = LOG_IN << 8 | byte };

	buf_add(bytes, &e, sizeof(e));
}

/* FNV-1a: another byte always gives another sum. */
static uint32_t add_up(uint32_t sum, const struct log_entry *e)
{
	const uint8_t *p = (const uint8_t *)e;

	for (size_t i = 0; i < offsetof(struct log_entry, sum); i++)
		sum = (sum ^ p[i]) * FNV_PRIME;
	return sum;
}

bool log_follows(const struct log_entry *e, uint32_t sum)
{
	return e->what && e->sum == add_up(sum, e);
}

size_t log_first_changed(const struct log *l)
{
	uint32_t sum = LOG_NOTHING_SUM;

	for (size_t i = 0; i < l->n; i++) {
		if (!log_follows(log_at(l, i), sum))
			return i;
		sum = log_at(l, i)->sum;
	}
	return l->n;
}

size_t log_first_difference(const struct log *a, const struct log *b, size_t from)
{
	size_t n = a->n < b->n ? a->n : b->n;

	while (from < n && !memcmp(log_at(a, from), log_at(b, from), sizeof(struct log_entry)))
		from++;
	return from;
}

static char *tell(const struct log_entry *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (log_kind(e) == kinds[i].kind)
			return strf("%s byte 0x%02x at tick %" PRIu64, kinds[i].did, (unsigned int)e->what & 0xff, log_tick(e));
	return strf("had the registers and ports %08x at tick %" PRIu64, e->value, log_tick(e));
}

char *log_tell_difference(const struct log_entry *run, const struct log_entry *replay)
{
	_cleanup_free_ char *a = tell(run), *b = tell(replay);

	return strf("the run %s, the replay %s", a, b);
}
