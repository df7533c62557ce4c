// SPDX-License-Identifier: GPL-2.0-only
#include "soak/soak.h"

#include <string.h>
#include <time.h>

#include "core/outcome.h"
#include "soak/harm.h"
#include "verbs/verb.h"

#define TIMES 20
#define TIMES_MAX 100000

static int verb_soak(int argc, char **argv);

static const struct verb soak = {
	.name = "soak",
	.usage = "[-n TIMES] [--seed SEED] [HARM...] | list",
	.summary = "do harm to small judgements whose right verdicts are known: kill what they run in, fill their disks, "
		   "damage their files, turn the clock back; none may be told wrongly, each next one must be right",
	.order = 33,
	.settings = "LANE OUT LABEL KEEP_DAYS KEEP_MB SLOWDOWN",
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_soak,
};
VERB(soak);

static int list(void)
{
	const struct harm *h;

	for (size_t i = 0; (h = harm_nth(i)); i++)
		printf("%-14s %s\n", h->name, h->what);
	return 0;
}

/* "-n 5", "--seed 7". False: it is another word, or its number is none. */
static bool take_number(char **argv, const char *name, uint64_t least, uint64_t most, uint64_t *to)
{
	return !strcmp(argv[0], name) && argv[1] && parse_u64(argv[1], to) && *to >= least &&
	       *to <= most;
}

static int parse(int argc, char **argv, struct soak_asked *a)
{
	uint64_t times = TIMES;

	a->seed = (uint64_t)time(NULL);
	for (int i = 1; i < argc; i++)
		if (take_number(argv + i, "-n", 1, TIMES_MAX, &times) ||
		    take_number(argv + i, "--seed", 0, UINT64_MAX, &a->seed))
			i++;
		else if (argv[i][0] == '-')
			return verb_usage(&soak);
		else
			strv_add(&a->harms, argv[i]);
	a->times = (unsigned int)times;
	return 0;
}

static int run(const struct soak_asked *a)
{
	struct knobs k;
	struct rundir d;
	uint64_t start = now_ns();
	int ret = knobs_load(&k), err = rundir_make(&k, &d);

	if (!ret)
		ret = err;
	if (!ret)
		ret = soak_run(a, &d);
	d.result->seconds = (double)(now_ns() - start) / 1e9;
	ret = rundir_end(&d, ret);
	rundir_free(&d);
	knobs_free(&k);
	return ret;
}

static int verb_soak(int argc, char **argv)
{
	struct soak_asked a = { 0 };
	int ret;

	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	ret = parse(argc, argv, &a);
	if (!ret)
		ret = run(&a);
	strv_free(&a.harms);
	return ret;
}
