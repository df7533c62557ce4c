/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of QEMU's plugin API that vmruns.c and stops.c use, API level 1 (QEMU 4.2 to 8.1; level
 * 2 came with 8.2), after its documentation (docs/devel/tcg-plugins.rst). Debian 12 does not
 * package the header. QEMU compares qemu_plugin_version with what it offers and refuses a plugin
 * that does not fit, so a wrong level is told and not run.
 */
#ifndef NESTLAB_TCG_PLUGIN_QEMU_API_H
#define NESTLAB_TCG_PLUGIN_QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QEMU_API_LEVEL 1

/* What a plugin must offer to QEMU. */
#define QEMU_SEES __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;

typedef struct {
	const char *target_name; /* "x86_64" */
	struct {
		int min, cur; /* API levels that this QEMU offers */
	} version;
	bool system_emulation; /* a whole machine, not one program */
	struct {
		int smp_vcpus, max_vcpus;
	} system;
} qemu_info_t;

extern QEMU_SEES int qemu_plugin_version;
/* Called once, before any vCPU runs; arguments are "key=value". Not 0: QEMU ends. */
QEMU_SEES int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
				  char **argv);

/* What QEMU offers. A block, and an instruction of it, exist only while the callback runs. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS, QEMU_PLUGIN_CB_RW_REGS };

enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W, QEMU_PLUGIN_MEM_RW };

/* Of one access: not looked at here. */
typedef uint32_t qemu_plugin_meminfo_t;

typedef void (*qemu_plugin_simple_cb_t)(qemu_plugin_id_t id);
typedef void (*qemu_plugin_vcpu_simple_cb_t)(qemu_plugin_id_t id, unsigned int vcpu_index);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int vcpu_index, void *userdata);
typedef void (*qemu_plugin_vcpu_mem_cb_t)(unsigned int vcpu_index, qemu_plugin_meminfo_t info,
					  uint64_t vaddr, void *userdata);
typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);

void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_simple_cb_t cb);
/* Each time that a block of instructions is translated, by the vCPU that will run it. */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t cb);
/* Before each execution of this instruction. */
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    qemu_plugin_vcpu_udata_cb_t cb,
					    enum qemu_plugin_cb_flags flags, void *userdata);
/* Behind each access to memory of this instruction, so between the two of one that adds to it. */
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_mem_cb_t cb,
				      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
				      void *userdata);
/*
 * Called by a vCPU's thread: soon, when no vCPU runs, all callbacks and all that was translated are
 * forgotten, and then cb is called, to register anew. A second call until then is none.
 */
void qemu_plugin_reset(qemu_plugin_id_t id, qemu_plugin_simple_cb_t cb);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
/* Where the instruction lies in QEMU's own memory; NULL: not in RAM. */
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_outs(const char *text); /* to QEMU's log, where -d plugin is on */

#endif
