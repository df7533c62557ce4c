// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages in a browser without a screen: that of all nights, of a simulated week; and those of
 * runs that ended in each way, also with hostile texts. At two widths, light and dark, and on
 * paper. axe-core, from npm, looks for what keeps people out. The pictures stay beside the logs,
 * for eyes.
 */
#include "tests/check.h"

#define WEEK LOGS "/week"
#define RUNS LOGS "/pages"
#define BROWSER                                                                                    \
	"chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files " \
	"--virtual-time-budget=600000 --user-data-dir=$PWD/" LOGS "/browser "
#define PROBE "file://$PWD/harness/tests/page-probe.html?"
#define AXE LOGS "/axe/node_modules/axe-core/axe.min.js"
#define DARK "--blink-settings=preferredColorScheme=0 "
#define LIGHT "--blink-settings=preferredColorScheme=1 "

/* Chromium tells much of what it misses in a container on standard error. */
#define LOOK(scheme, width, pages)                                                                 \
	"pages=$(for p in " pages "; do printf '&file://%s' $PWD/$p; done); "                      \
	BROWSER scheme "--dump-dom \"" PROBE width "&file://$PWD/" AXE "$pages\" 2>/dev/null | "     \
	"sed -n '/<body>/,$s/<br>/\\n/gp'"
/* What is told of each page that is as it should be; its name apart. */
#define WELL(width, scheme) "probed " width " px, " scheme ": not too wide; contrast enough; "
#define UNLIKE(width, scheme)                                                                      \
	" | grep -v -e 'all open: not too wide' -e '" WELL(width, scheme) "[0-9]* rows, [0-9]* pictures, 0 things loaded; "   \
	"axe: no violation' | sed 's/^/amiss: /'"
#define ALL_RUNS(scheme, width, name)                                                              \
	"n=$(ls " RUNS "/*.html | wc -l); told=$(" LOOK(scheme, width, RUNS "/*.html") "); "              \
	"echo \"$told\" | grep -c probed | grep -qx $n && echo all looked at; echo \"$told\"" UNLIKE(width, name)
#define SHOOT(scheme, width, page, name)                                                           \
	BROWSER scheme "--window-size=" width ",1600 --screenshot=" LOGS "/" name ".png \"file://$PWD/" page   \
		       "\" >/dev/null 2>&1 && test $(stat -c %s " LOGS "/" name ".png) -gt 20000"
#define PAPER(page)                                                                                \
	BROWSER "--no-pdf-header-footer --print-to-pdf=" LOGS "/page.pdf \"file://$PWD/" page "\" >/dev/null 2>&1; " \
		"pdfinfo " LOGS "/page.pdf | grep Pages; pdftotext -layout " LOGS "/page.pdf -"

static const struct one_case cases[] = {
	{ "axe-core from npm", "test -s " AXE " || { command -v npm || { echo 'npm is missing: apt-get install npm'; exit 3; }; "
	  "npm install --no-audit --no-fund --prefix " LOGS "/axe axe-core@4; }", 0, { NULL }, 300 },
	{ "a simulated week", "WEEK=" WEEK " build/tests/test_week >/dev/null 2>&1 && rm -rf " LOGS "/browser", 0, { NULL }, 60 },
	{ "its page at 1280 px", LOOK(LIGHT, "1280", WEEK "/index.html"), 0,
	  { WELL("1280", "light") "11 rows, 21 pictures, 0 things loaded; axe: no violation" }, 120 },
	{ "its page at 390 px", LOOK(LIGHT, "390", WEEK "/index.html"), 0,
	  { WELL("390", "light") "11 rows, 21 pictures, 0 things loaded; axe: no violation" }, 120 },
	{ "its page at 390 px, dark", LOOK(DARK, "390", WEEK "/index.html"), 0,
	  { WELL("390", "dark") "11 rows, 21 pictures, 0 things loaded; axe: no violation" }, 120 },
	{ "a picture at 1280 px", SHOOT(LIGHT, "1280", WEEK "/index.html", "week/wide"), 0, { NULL }, 120 },
	{ "a picture at 390 px, dark", SHOOT(DARK, "390", WEEK "/index.html", "week/narrow"), 0, { NULL }, 120 },
	{ "pages of runs that end in each way", "rm -rf " RUNS "; PAGES=" RUNS " build/tests/test_report >/dev/null 2>&1; ls " RUNS, 0,
	  { "pass.html", "fail.html", "crash.html", "not-built.html", "hostile-0.html" }, 60 },
	{ "they at 1280 px", ALL_RUNS(LIGHT, "1280", "light"), 0, { "all looked at", "!amiss" }, 600 },
	{ "they at 390 px", ALL_RUNS(LIGHT, "390", "light"), 0, { "all looked at", "!amiss" }, 600 },
	{ "they at 390 px, dark", ALL_RUNS(DARK, "390", "dark"), 0, { "all looked at", "!amiss" }, 600 },
	{ "a failed run on paper", PAPER(RUNS "/fail.html"), 0, { "Pages:           2", "Fail", "registers of the target", "Expected", "trace.txt line 6" }, 120 },
	{ "a failed run's picture at 1280 px", SHOOT(LIGHT, "1280", RUNS "/fail.html", "pages/wide"), 0, { NULL }, 120 },
	{ "a failed run's picture at 390 px", SHOOT(LIGHT, "390", RUNS "/fail.html", "pages/narrow"), 0, { NULL }, 120 },
	{ "a crash's picture at 390 px, dark", SHOOT(DARK, "390", RUNS "/crash.html", "pages/crash"), 0, { NULL }, 120 },
};

bool check_page(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
