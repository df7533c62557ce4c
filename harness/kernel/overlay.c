// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"

#define UPPER "upper"
#define WORK "overlay"
#define POINT "src"

/* ---- the process that holds it ---- */

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close_p(&fd);
	return done;
}

/* As who we are: files keep their owner, on both sides. */
static bool map_user(uid_t uid, gid_t gid)
{
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	return put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", users) &&
	       put("/proc/self/gid_map", groups);
}

/* of_user: in a user namespace, as we may not mount otherwise. */
static bool leave_for_own_space(bool *of_user)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	*of_user = unshare(CLONE_NEWNS) != 0;
	if (!*of_user)
		return !mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	return !unshare(CLONE_NEWUSER | CLONE_NEWNS) && map_user(uid, gid);
}

/*
 * Names are relative, as a path of the user's may hold what separates them. In a user namespace
 * only attributes of users can be set. Nothing of it outlives the build, so nothing need reach the
 * disk (volatile, since Linux 5.10).
 */
static bool mount_it(const char *lower, bool of_user)
{
	_cleanup_free_ char *options = strf("lowerdir=%s,upperdir=" UPPER ",workdir=" WORK "%s", lower,
					    of_user ? ",userxattr" : "");
	_cleanup_free_ char *quick = strf("%s,volatile", options);

	return !mount("overlay", POINT, "overlay", 0, quick) ||
	       !mount("overlay", POINT, "overlay", 0, options);
}

/* Tells by a byte that it is there, and stays until it is killed. */
static void hold(const char *lower, const char *dir, int tell, pid_t parent)
{
	bool of_user;
	char failed = 0;

	proc_child_setup();
	if (getppid() != parent || dup2(tell, STDIN_FILENO) < 0)
		_exit(1);
	proc_close_fds_above(STDIN_FILENO);
	if (chdir(dir) || !leave_for_own_space(&of_user) || !mount_it(lower, of_user) || chdir("/"))
		failed = (char)errno;
	if (write(STDIN_FILENO, &failed, 1) != 1 || failed)
		_exit(1);
	close(STDIN_FILENO);
	for (;;)
		pause();
}

/* ---- opening and closing ---- */

static bool make_folders(const char *dir)
{
	static const char *const names[] = { UPPER, WORK, POINT };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = strf("%s/%s", dir, names[i]);

		if (mkdir(path, 0777))
			return false;
	}
	return true;
}

static bool start(const char *lower, const char *dir, struct overlay *o)
{
	pid_t parent = getpid();
	int pipe_fd[2];
	char failed = EIO;

	if (pipe2(pipe_fd, O_CLOEXEC))
		return false;
	o->holder = fork();
	if (!o->holder)
		hold(lower, dir, pipe_fd[1], parent);
	close(pipe_fd[1]);
	if (o->holder < 0)
		o->holder = 0;
	else if (read(pipe_fd[0], &failed, 1) != 1)
		failed = EIO;
	close(pipe_fd[0]);
	errno = failed;
	return o->holder && !failed;
}

bool overlay_open(const char *lower, const char *dir, struct overlay *o)
{
	*o = (struct overlay){ 0 };
	if (make_folders(dir) && start(lower, dir, o)) {
		o->inside = strf("%s/" POINT, dir);
		o->outside = strf("/proc/%d/root%s/" POINT, (int)o->holder, dir);
		if (path_is_folder(o->outside))
			return true;
	}
	ui_debug("no overlay in %s: %s", dir, strerror(errno));
	overlay_close(o);
	return false;
}

void overlay_close(struct overlay *o)
{
	if (o->holder) {
		kill(o->holder, SIGKILL);
		while (waitpid(o->holder, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(o->inside);
	free(o->outside);
	*o = (struct overlay){ 0 };
}
