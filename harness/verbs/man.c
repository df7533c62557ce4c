// SPDX-License-Identifier: GPL-2.0-only
/*
 * The manual's pages, in mdoc: prose, and the tables of verbs, settings and outcomes as they are.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/util.h"
#include "verbs/verb.h"

#define COLUMNS 72

static int verb_man(int argc, char **argv);

static const struct verb man_verb = {
	.name = "man",
	.usage = "nestlab.1|nestlab.conf.5",
	.summary = "a page of the manual, for man: nestlab man nestlab.1 | man -l -",
	.order = 53,
	.run = verb_man,
};
VERB(man_verb);

/* ---- mdoc ---- */

/* One word, so that it is shown as it is, and copied from there as what it was. */
static void put_escaped(const char *word, size_t n)
{
	static const struct {
		char byte;
		const char *escape;
	} escapes[] = {
		{ '\\', "\\e" }, { '-', "\\-" }, { '\'', "\\(aq" }, { '`', "\\(ga" }, { '^', "\\(ha" }, { '~', "\\(ti" }, { '"', "\\(dq" },
	};

	if (n && strchr(".'", word[0]))
		fputs("\\&", stdout);
	for (size_t i = 0; i < n; i++) {
		size_t e = 0;

		while (e < ARRAY_SIZE(escapes) && escapes[e].byte != word[i])
			e++;
		if (e < ARRAY_SIZE(escapes))
			fputs(escapes[e].escape, stdout);
		else
			putchar(word[i]);
	}
}

static bool ends_sentence(const char *word, size_t n)
{
	return n && strchr(".?!", word[n - 1]);
}

/* Lines of text: a sentence begins one. */
static void put_text(const char *text)
{
	size_t at = 0;

	while (*(text += strspn(text, " \n"))) {
		size_t n = strcspn(text, " \n");

		if (at)
			putchar(at + n > COLUMNS ? '\n' : ' ');
		at = at + n > COLUMNS ? n : at + n + 1;
		put_escaped(text, n);
		if (ends_sentence(text, n)) {
			putchar('\n');
			at = 0;
		}
		text += n;
	}
	if (at)
		putchar('\n');
}

/* Each word as an argument of a macro that is no macro and no punctuation. */
static void put_arguments(const char *text)
{
	while (*(text += strspn(text, " "))) {
		size_t n = strcspn(text, " ");

		fputs(" \\&", stdout);
		put_escaped(text, n);
		text += n;
	}
	putchar('\n');
}

static void put_head(const char *title, const char *section, const char *name, const char *about)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t given = 0;
	time_t now = epoch && parse_u64(epoch, &given) ? (time_t)given : time(NULL);
	char date[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%B %e, %Y", &tm);
	printf(".\\\" Written by `nestlab man %s.%s`.\n.Dd %s\n.Dt %s %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", name, section,
	       date, title, section, name, about);
}

static void put_list_end(void)
{
	puts(".El");
}

/* ---- nestlab(1) ---- */

static void put_settings_of(const struct verb *v)
{
	_cleanup_buf_ struct buf names = { 0 };
	struct knob_told k;

	for (size_t i = 0; v->settings && knobs_nth(i, &k); i++)
		if (knobs_heeds(v->settings, &k))
			buf_printf(&names, "%s %s", names.len ? "," : "", k.name);
	if (names.len) {
		puts(".Pp");
		buf_puts(&names, ".");
		printf("Settings:\n");
		put_text(buf_str(&names));
	}
}

static void put_own_codes(const struct verb *v)
{
	_cleanup_strv_ struct strv rows = { 0 };

	if (!v->codes)
		return;
	help_codes(v, &rows);
	puts(".Pp\nExit codes:\n.Bl -tag -width 4n -compact");
	for (size_t i = 0; i < rows.n; i++) {
		size_t n = strcspn(rows.v[i], " ");

		printf(".It %.*s\n", (int)n, rows.v[i]);
		put_text(rows.v[i] + n);
	}
	put_list_end();
}

static void put_verbs(void)
{
	const struct verb *v;

	puts(".Sh VERBS\n.Bl -tag -width Ds");
	for (size_t i = 0; (v = verb_nth(i)); i++) {
		printf(".It Ic %s", v->name);
		if (*v->usage)
			fputs(" No", stdout);
		put_arguments(v->usage);
		put_text(v->summary);
		put_settings_of(v);
		put_own_codes(v);
	}
	put_list_end();
}

static void put_environment(void)
{
	struct knob_told k;

	puts(".Sh ENVIRONMENT");
	put_text("A setting may stand in the environment, too; a run tells which came from there. These are heeded by every verb:");
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; knobs_nth(i, &k); i++) {
		_cleanup_free_ char *range = k.process ? knobs_range(&k) : NULL, *text = NULL;

		if (!k.process)
			continue;
		text = strf("%s%s", k.help, range);
		printf(".It Ev %s\n", k.name);
		put_text(text);
	}
	puts(".It Ev NO_COLOR");
	put_text("What is told on a terminal has no colours where this is set.");
	put_list_end();
}

static void put_files(void)
{
	puts(".Sh FILES\n.Bl -tag -width Ds");
	puts(".It Pa config/, kernel-patches/, testcases/");
	put_text("What came with the program: in the checkout, or in /usr/share/nestlab where it is installed. Paths in settings are "
		 "relative to where you stand, then to that folder.");
	puts(".It Pa results/");
	put_text("One folder a run, the newest as results/latest, and the history of all: in the checkout. Of an installed program it is "
		 "~/.local/share/nestlab/results (XDG_DATA_HOME).");
	puts(".It Pa ~/.cache/nestlab");
	put_text("Kernels, images and states, each built once (XDG_CACHE_HOME).");
	puts(".It Pa nestlab.conf");
	puts("Defaults of this site and of this user: see\n.Xr nestlab.conf 5 .");
	put_list_end();
}

static void put_exit_status(void)
{
	puts(".Sh EXIT STATUS\n.Bl -tag -width \"130 (interrupted)\" -compact");
	for (int code = 0; code < 256; code++)
		for (enum outcome o = 0; o < OUT_COUNT; o++)
			if (outcome_exit_code(o) == code) {
				printf(".It %d Pq %s\n", code, outcome_name(o));
				put_text(outcome_meaning(o));
			}
	put_list_end();
	puts(".Pp");
	put_text("Verbs that have others tell them above.");
}

static void put_examples(void)
{
	static const struct {
		const char *about, *command;
	} examples[] = {
		{ "Judge the reference, which sets up everything:", "nestlab test" },
		{ "Judge a patch on KVM, by the tests of one assignment:", "nestlab test PATCH=my.patch TESTS=cpuid\\-exits" },
		{ "Judge it on an emulated Intel host:", "nestlab test PATCH=my.patch LANE=bochs\\-vmx" },
		{ "Judge a class:", "nestlab grade class/ ASSIGNMENT=cpuid\\-exits" },
		{ "Leave the lab running, and look inside:", "nestlab lab\\-up; nestlab shell 2; nestlab trace \\-f" },
	};

	puts(".Sh EXAMPLES");
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		put_text(examples[i].about);
		printf(".Pp\n.Dl %s\n%s", examples[i].command, i + 1 < ARRAY_SIZE(examples) ? ".Pp\n" : "");
	}
}

static void put_nestlab(void)
{
	put_head("NESTLAB", "1", "nestlab", "judges changes to KVM in a nested lab");
	puts(".Sh SYNOPSIS\n.Nm\n.Ar verb\n.Op Ar argument ...\n.Op Ar NAME Ns = Ns Ar value ...\n.Sh DESCRIPTION\n.Nm");
	put_text("takes a change to KVM or to the guest kernel. It builds both kernels, boots the guest (L2) inside the host (L1) inside the "
		 "machine you sit at (L0), runs test programs there, reads the host's trace, and says with evidence whether the "
		 "change is right: on any x86-64 Linux machine, with or without virtualization hardware.");
	puts(".Pp");
	put_text("What was seen is in the run's folder: report.html (one page), results.json, junit.xml, report.ktap, the trace, the consoles.");
	put_verbs();
	put_environment();
	put_files();
	put_exit_status();
	put_examples();
	puts(".Sh SEE ALSO\n.Xr git-bisect 1 ,\n.Xr virsh 1 ,\n.Xr nestlab.conf 5");
}

/* ---- nestlab.conf(5) ---- */

static void put_setting(const struct knob_told *k)
{
	_cleanup_free_ char *range = knobs_range(k), *text = strf("%s%s", k->help, range);

	printf(".It Ic ");
	for (const char *c = k->name; *c; c++)
		putchar(tolower((unsigned char)*c));
	putchar('\n');
	put_text(text);
}

static void put_conf(void)
{
	struct knob_told k;

	put_head("NESTLAB.CONF", "5", "nestlab.conf", "defaults of nestlab's settings");
	puts(".Sh DESCRIPTION");
	put_text("One section, [lab], and in it lines of the form name = value. Each setting has its name in small letters. A line that begins "
		 "with # is a comment. An unknown name, a name given twice and a value out of its range are errors that name the "
		 "file and the line.");
	puts(".Pp");
	put_text("The later is over the earlier: the program's own default, these files, the environment, the command line. On both of "
		 "those a setting has its name in capital letters: nestlab test L2_CPUS=4.");
	puts(".Sh FILES\n.Bl -tag -width Ds\n.It Pa config/defaults.conf");
	put_text("of a checkout: this one alone");
	printf(".It Pa %s\n", PATH_SITE_CONF);
	put_text("of an installed program: of this site, where it is there");
	puts(".It Pa ~/.config/nestlab/nestlab.conf");
	put_text("of an installed program: the user's, over the site's (XDG_CONFIG_HOME)");
	put_list_end();
	puts(".Sh SETTINGS\n.Bl -tag -width Ds");
	for (size_t i = 0; knobs_nth(i, &k); i++)
		if (!k.process)
			put_setting(&k);
	put_list_end();
	puts(".Sh EXAMPLES\n.Bd -literal -offset indent\n[lab]\nl2_cpus = 4\nslowdown = 3\nkeep_days = 30\n.Ed\n.Sh SEE ALSO\n.Xr nestlab 1");
}

static int verb_man(int argc, char **argv)
{
	const char *page = argc == 2 ? argv[1] : "";

	if (!strcmp(page, "nestlab.1"))
		put_nestlab();
	else if (!strcmp(page, "nestlab.conf.5"))
		put_conf();
	else
		return verb_usage(&man_verb);
	return 0;
}
