// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page of all nights in a browser without a screen: a simulated week's, at two widths, light
 * and dark. The pictures stay beside the logs, for eyes.
 */
#include "tests/check.h"

#define WEEK LOGS "/week"
#define BROWSER                                                                                    \
	"chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files " \
	"--virtual-time-budget=3000 --user-data-dir=$PWD/" LOGS "/browser "
#define PROBE "file://$PWD/harness/tests/page-probe.html?"
#define PAGE "file://$PWD/" WEEK "/index.html"
#define DARK "--blink-settings=preferredColorScheme=0 "
#define LIGHT "--blink-settings=preferredColorScheme=1 "

/* Chromium tells much of what it misses in a container on standard error. */
#define LOOK(scheme, width) BROWSER scheme "--dump-dom \"" PROBE width "&" PAGE "\" 2>/dev/null"
#define SHOOT(scheme, width, name)                                                                 \
	BROWSER scheme "--window-size=" width ",1600 --screenshot=" WEEK "/" name ".png \"" PAGE   \
		       "\" >/dev/null 2>&1 && test $(stat -c %s " WEEK "/" name ".png) -gt 20000"
#define ALL_WELL "not too wide; contrast enough; 11 rows, 21 pictures, 0 things loaded"

bool check_page(void)
{
	static const struct one_case cases[] = {
		{ "a simulated week", "WEEK=" WEEK " build/tests/test_week >/dev/null 2>&1 && rm -rf " LOGS "/browser",
		  0, { NULL }, 60 },
		{ "its page at 1280 px", LOOK(LIGHT, "1280"), 0, { "probed 1280 px, light", ALL_WELL }, 120 },
		{ "its page at 390 px", LOOK(LIGHT, "390"), 0, { "probed 390 px, light", ALL_WELL }, 120 },
		{ "its page at 390 px, dark", LOOK(DARK, "390"), 0, { "probed 390 px, dark", ALL_WELL }, 120 },
		{ "a picture at 1280 px", SHOOT(LIGHT, "1280", "wide"), 0, { NULL }, 120 },
		{ "a picture at 390 px, dark", SHOOT(DARK, "390", "narrow"), 0, { NULL }, 120 },
	};

	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
