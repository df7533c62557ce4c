// SPDX-License-Identifier: GPL-2.0-only
#include "core/apt.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"

#define KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"
#define APT_DEADLINE_S 600

/* Where this machine gets Debian's packages from; security updates are at another place. */
static int find_mirror(const char *suite, char **uri)
{
	const char *label = str_ends(suite, "-security") ? "Label: Debian-Security" : "Label: Debian";
	const char *const argv[] = { "apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", label,
				     "Component: main", NULL };
	_cleanup_buf_ struct buf out = { 0 };
	struct proc p = {
		.what = "asking APT for this machine's mirror", .argv = (char *const *)argv, .out = &out
	};
	int ret = proc_check(&p);

	*uri = xstrndup(buf_str(&out), strcspn(buf_str(&out), "\n"));
	if (!ret && !**uri)
		ret = fail(OUT_BROKEN, "APT on this machine has no mirror of Debian to fetch what is in %s from; `apt-get update` first?", suite);
	return ret;
}

int apt_run(const char *dir, const char *what, const char *const *words, struct buf *out,
	    const char *log)
{
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = {
		.what = what, .cwd = dir, .out = out, .log_path = log, .deadline_s = APT_DEADLINE_S
	};

	strv_add(&argv, "apt-get");
	strv_addf(&argv, "-oDir::Etc::sourcelist=%s/sources.list", dir);
	strv_add(&argv, "-oDir::Etc::sourceparts=-");
	strv_addf(&argv, "-oDir::State::lists=%s/lists", dir);
	strv_addf(&argv, "-oDir::Cache=%s", dir);
	strv_add(&argv, "-oAPT::Sandbox::User=");
	strv_add(&argv, "-oAcquire::Languages=none");
	/* A machine without a network is told at once, not after APT's two minutes. */
	strv_add(&argv, "-oAcquire::http::Timeout=20");
	strv_add(&argv, "-oAcquire::Retries=1");
	/* A list that can't be had is an error, and not a warning under an empty list. */
	strv_add(&argv, "-oAPT::Update::Error-Mode=any");
	for (size_t i = 0; words[i]; i++)
		strv_add(&argv, words[i]);
	p.argv = argv.v;
	return proc_check(&p);
}

int apt_begin(const char *dir, const char *type, const char *suite, const char *log)
{
	static const char *const update[] = { "update", NULL };
	_cleanup_free_ char *mirror = NULL, *list = strf("%s/sources.list", dir), *text = NULL;
	_cleanup_free_ char *lists = strf("%s/lists/partial", dir), *files = strf("%s/archives/partial", dir);
	_cleanup_free_ char *what = strf("reading the lists of Debian %s", suite);
	int ret = find_mirror(suite, &mirror);

	if (ret)
		return ret;
	text = strf("%s [signed-by=" KEYRING "] %s %s main\n", type, mirror, suite);
	if (mkdir_p(lists) || mkdir_p(files) || file_write(list, text, strlen(text), 0644))
		return fail(OUT_BROKEN, "can't write %s", list);
	return apt_run(dir, what, update, NULL, log);
}
