// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "core/util.h"
#include "kvmcheck/kvmcheck.h"
#include "report/report.h"
#include "run/rundir.h"
#include "verbs/verb.h"

static int verb_report(int argc, char **argv);

static const struct verb report = {
	.name = "report",
	.usage = "[--cover] [RUN]",
	.summary = "render a saved run again, without the lab (default: the newest). --cover: the paragraph "
		   "for a series' cover letter, of a run of kvm-check",
	.order = 30,
	.run = verb_report,
};
VERB(report);

static int show_cover(const struct run_result *r)
{
	_cleanup_buf_ struct buf b = { 0 };
	int ret = kvm_check_cover(r, &b);

	fputs(buf_str(&b), stdout);
	return ret;
}

static int show(struct run_result *r, const char *dir)
{
	_cleanup_free_ char *page = strf("%s/report.html", dir);
	struct terminal_opts o = terminal_opts_for(STDOUT_FILENO, ui_verbose());
	int ret = report_all(r, dir);

	o.page = page;
	report_terminal(r, &o, stdout);
	return ret;
}

static int verb_report(int argc, char **argv)
{
	bool cover = argc > 1 && !strcmp(argv[1], "--cover");
	_cleanup_free_ char *dir = NULL, *json = NULL;
	struct run_result *r;
	int ret;

	if (argc > 2 + cover)
		return verb_usage(&report);
	dir = rundir_find(argc == 2 + cover ? argv[argc - 1] : "latest");
	json = strf("%s/results.json", dir);
	r = report_load(json);
	if (!r)
		return -(int)fail_outcome();
	ret = cover ? show_cover(r) : show(r, dir);
	result_free(r);
	return ret;
}
