// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "core/util.h"
#include "report/report.h"
#include "run/rundir.h"
#include "verbs/verb.h"

static int verb_report(int argc, char **argv);

static const struct verb report = {
	.name = "report",
	.usage = "[RUN]",
	.summary = "render a saved run again, without the lab (default: the newest)",
	.order = 30,
	.run = verb_report,
};
VERB(report);

static int verb_report(int argc, char **argv)
{
	_cleanup_free_ char *dir = NULL, *json = NULL;
	_cleanup_free_ char *page = NULL;
	struct terminal_opts o = terminal_opts_for(STDOUT_FILENO, ui_verbose());
	struct run_result *r;
	int ret;

	if (argc > 2)
		return verb_usage(&report);
	dir = rundir_find(argc == 2 ? argv[1] : "latest");
	json = strf("%s/results.json", dir);
	r = report_load(json);
	if (!r)
		return -(int)fail_outcome();
	ret = report_all(r, dir);
	page = strf("%s/report.html", dir);
	o.page = page;
	report_terminal(r, &o, stdout);
	result_free(r);
	return ret;
}
