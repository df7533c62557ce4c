// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/reasons.h"

#include <asm/svm.h>
#include <asm/vmx.h>

#include "core/util.h"

struct range {
	uint32_t first, last;
	enum reason_state state; /* REASON_HANDLED: defined, so that the table decides */
};

/* APM volume 2, appendix C (VMEXIT codes); -1 and its neighbours are codes of 64 bits. */
static const struct range svm[] = {
	{ 0x000, 0x0a2, REASON_HANDLED },     { 0x0a3, 0x0bf, REASON_OPEN },
	{ 0x0c0, 0x3ff, REASON_UNDEFINED },   { 0x400, 0x403, REASON_HANDLED },
	{ 0x404, 0x40f, REASON_OPEN },	      { 0x410, 0xefffffff, REASON_UNDEFINED },
	{ 0xf0000000, UINT32_MAX, REASON_OPEN },
};

/* SDM volume 3, appendix C (basic exit reasons). */
static const struct range vmx[] = {
	{ 0, 34, REASON_HANDLED },   { 35, 35, REASON_UNDEFINED },
	{ 36, 37, REASON_HANDLED },  { 38, 38, REASON_UNDEFINED },
	{ 39, 41, REASON_HANDLED },  { 42, 42, REASON_UNDEFINED },
	{ 43, 64, REASON_HANDLED },  { 65, 65, REASON_OPEN },
	{ 66, 68, REASON_HANDLED },  { 69, 255, REASON_OPEN },
	{ 256, UINT32_MAX, REASON_UNDEFINED },
};

static enum reason_state by_manual(const struct range *r, size_t n, uint32_t reason)
{
	for (size_t i = 0; i < n; i++)
		if (reason >= r[i].first && reason <= r[i].last)
			return r[i].state;
	return REASON_OPEN;
}

static bool is_handled(const struct reason_table *t, uint32_t reason)
{
	return reason < t->n && t->handled[reason / 8] & 1u << reason % 8;
}

enum reason_state reason_state(const struct reason_table *t, bool intel, uint32_t reason)
{
	enum reason_state state = intel ? by_manual(vmx, ARRAY_SIZE(vmx), reason) :
					  by_manual(svm, ARRAY_SIZE(svm), reason);

	if (state != REASON_HANDLED)
		return state;
	return is_handled(t, reason) ? REASON_HANDLED : REASON_UNHANDLED;
}

/*
 * Exceptions by number (SDM volume 3, table 6-1), as the header's names of SVM's exits want them.
 */
enum {
	DE_VECTOR,
	DB_VECTOR,
	BP_VECTOR = 3,
	OF_VECTOR,
	BR_VECTOR,
	UD_VECTOR,
	NM_VECTOR,
	DF_VECTOR,
	TS_VECTOR = 10,
	NP_VECTOR,
	SS_VECTOR,
	GP_VECTOR,
	PF_VECTOR,
	MF_VECTOR = 16,
	AC_VECTOR,
	MC_VECTOR,
	XM_VECTOR,
};

/* Names as the kernel's own trace has them (uapi headers). */
struct reason_name {
	uint64_t reason;
	const char *name;
};
static const struct reason_name svm_names[] = { SVM_EXIT_REASONS };
static const struct reason_name vmx_names[] = { VMX_EXIT_REASONS };

const char *reason_name(bool intel, uint64_t reason)
{
	const struct reason_name *names = intel ? vmx_names : svm_names;
	size_t n = intel ? ARRAY_SIZE(vmx_names) : ARRAY_SIZE(svm_names);

	for (size_t i = 0; i < n; i++)
		if (names[i].reason == reason)
			return names[i].name;
	return "";
}

char *reason_text(bool intel, uint64_t reason)
{
	const char *name = reason_name(intel, reason);

	return *name ? strf("%llu (%s)", (unsigned long long)reason, name)
		     : strf("%llu", (unsigned long long)reason);
}
