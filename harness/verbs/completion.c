// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a shell offers at the TAB key, written from the tables: `source <(nestlab completion bash)`.
 * Bash cuts words at "=", so the script looks at the line itself.
 */
#include <string.h>

#include "core/paths.h"
#include "core/util.h"
#include "judge/testcase.h"
#include "verbs/verb.h"

static int verb_completion(int argc, char **argv);

static const struct verb completion_verb = {
	.name = "completion",
	.usage = "bash",
	.summary = "what the shell completes: verbs, settings, their values; source <(nestlab completion bash)",
	.order = 52,
	.run = verb_completion,
};
VERB(completion_verb);

/* What can be typed as it stands there: "[-f]", "1|2"; not "NAME", which stands for something. */
static void put_literals(const char *usage)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, usage, " []|.");
	for (size_t i = 0; i < words.n; i++)
		if (!words.v[i][strcspn(words.v[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ/")])
			printf(" %s", words.v[i]);
}

static void put_verb_names(void)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_nth(i)); i++)
		printf(" %s", v->name);
}

/* After each verb: its own words, and the settings that it heeds. */
static void put_verb(const struct verb *v)
{
	struct knob_told k;

	printf("\t%s) words='", v->name);
	put_literals(v->usage);
	if (!strcmp(v->name, "help"))
		put_verb_names();
	for (size_t i = 0; knobs_nth(i, &k); i++)
		if (knobs_everywhere(&k) || (v->settings && knobs_heeds(v->settings, &k)))
			printf(" %s=", k.name);
	printf("' ;;\n");
}

static void put_names_in(const char *folder)
{
	_cleanup_free_ char *dir = path_in_root(folder);
	_cleanup_strv_ struct strv names = { 0 };

	(void)dir_list(dir, ".conf", &names);
	for (size_t i = 0; i < names.n; i++)
		printf(" %.*s", (int)(strlen(names.v[i]) - strlen(".conf")), names.v[i]);
}

static void put_tests(void)
{
	size_t n;
	const struct testcase *const *all = testcases_all(&n);

	for (size_t i = 0; i < n; i++)
		printf(" %s", all[i]->name);
}

/* Of a setting that takes a name or one of two numbers; any other takes a file. */
static void put_values(const struct knob_told *k)
{
	bool tests = !strcmp(k->name, "TESTS"), flag = k->number && k->max == 1;

	if (!k->folder && !tests && !flag)
		return;
	printf("\t%s) words='", k->name);
	if (k->folder)
		put_names_in(k->folder);
	if (k->fallback && k->folder && !strcmp(k->fallback, "auto"))
		printf(" auto");
	if (tests)
		put_tests();
	if (flag)
		printf(" 0 1");
	printf("' ;;\n");
}

/* Behind the function that has the tables' words. */
static const char script[] =
	"\tesac\n"
	"\techo \"$words\"\n"
	"}\n"
	"_nestlab_files() {\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n"
	"}\n"
	"_nestlab() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} cur before verb= word\n"
	"\tcur=${line##*[[:space:]]}\n"
	"\tbefore=${line%\"$cur\"}\n"
	"\tfor word in ${before#*[[:space:]]}; do\n"
	"\t\tcase $word in *=*) ;; *) verb=$word; break ;; esac\n"
	"\tdone\n"
	"\tcase $cur in\n"
	"\t[A-Z]*=*) COMPREPLY=($(compgen -W \"$(_nestlab_words \"${cur%%=*}\")\" -- \"${cur#*=}\"))\n"
	"\t\t[[ ${#COMPREPLY[@]} -gt 0 ]] || _nestlab_files \"${cur#*=}\"\n"
	"\t\t[[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=(\"${COMPREPLY[@]/#/${cur%%=*}=}\") ;;\n"
	"\t*) COMPREPLY=($(compgen -W \"$(_nestlab_words \"$verb\")\" -- \"$cur\"))\n"
	"\t\t[[ -z $verb || ${#COMPREPLY[@]} -gt 0 ]] || _nestlab_files \"$cur\" ;;\n"
	"\tesac\n"
	"\t[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null\n"
	"}\n"
	"complete -F _nestlab nestlab\n";

static void put_bash(void)
{
	const struct verb *v;
	struct knob_told k;

	printf("# bash completion of nestlab, written by `nestlab completion bash`\n"
	       "_nestlab_words() {\n"
	       "\tlocal words=\n"
	       "\tcase $1 in\n"
	       "\t'') words='");
	put_verb_names();
	printf("' ;;\n");
	for (size_t i = 0; (v = verb_nth(i)); i++)
		put_verb(v);
	for (size_t i = 0; knobs_nth(i, &k); i++)
		put_values(&k);
	fputs(script, stdout);
}

static int verb_completion(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "bash"))
		return verb_usage(&completion_verb);
	put_bash();
	return 0;
}
