/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lab whose L1 is a child of the process that brought it up can be left running only by a process
 * that stays: its *keeper*, a child of the nestlab that was called. That one ends when the child
 * says that the lab is up, and fails as the child does.
 */
#ifndef NESTLAB_LAB_KEEPER_H
#define NESTLAB_LAB_KEEPER_H

#define KEEPER_STEP_MS 1000

struct keeper {
	int parent; /* who waits there for our word; -1: nobody */
};

/*
 * Returns in the child, or here, where there can be none. Before anything has been started, threads
 * among it, or opened: whoever called waits for no descriptor of his that is still open.
 */
void keeper_fork(struct keeper *k);
/*
 * In the child: the lab is up. From now on it has no terminal and works in path_run(), by which
 * daemon_sweep() knows it for what holds a lab there.
 */
void keeper_ready(struct keeper *k);

#endif
