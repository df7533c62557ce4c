/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What another suite of Debian has, fetched as an ordinary user: APT with lists and a cache of its
 * own, in a folder that the caller gives, from the mirror that this machine uses. What this machine
 * has installed, or could install, is not touched.
 */
#ifndef NESTLAB_CORE_APT_H
#define NESTLAB_CORE_APT_H

#include "core/util.h"

/*
 * Read a suite's lists into dir, an empty folder, which all of apt_run() is done in. type: "deb" or
 * "deb-src"; log: what APT says is appended there. 0 or -OUT_BROKEN: APT knows no mirror, or the
 * mirror can't be reached or does not have the suite.
 */
int apt_begin(const char *dir, const char *type, const char *suite, const char *log);

/*
 * apt-get with words (NULL at their end) and those lists. what: for messages, "asking for Bochs's
 * source"; out: what it prints; NULL: to the log.
 */
int apt_run(const char *dir, const char *what, const char *const *words, struct buf *out,
	    const char *log);

#endif
