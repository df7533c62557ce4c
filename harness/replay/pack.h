/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run's record with all that it names, as one tar file for another machine. What is not in it:
 * Bochs itself, which is built there (nobody runs a stranger's program), and Debian's BIOS files.
 */
#ifndef NESTLAB_REPLAY_PACK_H
#define NESTLAB_REPLAY_PACK_H

/*
 * dir: the run's folder; tar: the file to write, compressed as its name ends (".tar", ".tar.gz",
 * ".tar.zst"). -OUT_USAGE: the run has no record; -OUT_BROKEN: a part is gone, or no room.
 */
int pack_export(const char *dir, const char *tar);

/*
 * Unpack one, into a folder that pack_remove() takes away; *dir: the run's, *parts: its parts'; the
 * caller owns both.
 */
int pack_open(const char *tar, char **dir, char **parts);
void pack_remove(const char *dir);

#endif
