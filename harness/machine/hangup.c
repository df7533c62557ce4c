// SPDX-License-Identifier: GPL-2.0-only
#include "machine/hangup.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/util.h"

#define OWN_FOLDER "/libvirt/" /* /run/libvirt/libvirt-sock, /run/user/1000/libvirt/virtqemud-sock */

char *hangup_socket(const char *uri)
{
	const char *at = strstr(uri, "?socket=");

	at = at ? at : strstr(uri, "&socket=");
	return at ? xstrndup(at + 8, strcspn(at + 8, "&")) : NULL;
}

/* Of the two ends of a connection, only the one that connected has a peer with a name. */
static bool leads_to(int fd, const char *path)
{
	struct sockaddr_un a = { 0 };
	socklen_t len = sizeof(a) - 1; /* a name of full length has no NUL */

	if (getpeername(fd, (struct sockaddr *)&a, &len) || a.sun_family != AF_UNIX)
		return false;
	return path ? !strcmp(a.sun_path, path) : strstr(a.sun_path, OWN_FOLDER) != NULL;
}

unsigned int hangup(const char *path)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned int n = 0;

	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (leads_to(fd, path) && !shutdown(fd, SHUT_RDWR))
			n++;
	}
	if (d)
		closedir(d);
	return n;
}
