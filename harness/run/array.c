// SPDX-License-Identifier: GPL-2.0-only
#include "run/array.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"

#define SIGNALLED 128 /* a shell's status of what a signal ended begins here */

/* ---- the script ---- */

/* As one word of a shell. */
static void put_word(struct buf *b, const char *word)
{
	buf_puts(b, "'");
	for (; *word; word++)
		buf_add(b, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
	buf_puts(b, "'");
}

static void put_needs(struct buf *b, const struct task_needs *needs)
{
	buf_printf(b, "#SBATCH --job-name=nestlab\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=%u\n"
		   "#SBATCH --mem=%uM\n#SBATCH --time=%u\n#SBATCH --no-requeue\n",
		   needs->cpus, needs->memory_mb, needs->minutes);
}

static void put_task(struct buf *b, const char *dir, const struct strv *argv)
{
	buf_puts(b, "dir=");
	put_word(b, dir);
	buf_puts(b, "; set --");
	for (size_t i = 0; i < argv->n; i++) {
		buf_puts(b, " ");
		put_word(b, argv->v[i]);
	}
	buf_puts(b, " ;;\n");
}

static void put_tasks(struct buf *b, const struct pool *p, const struct pool_job *jobs, size_t n,
		      const char *nestlab)
{
	buf_puts(b, "case $SLURM_ARRAY_TASK_ID in\n");
	for (size_t i = 0; i < n; i++) {
		_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };

		pool_command(p, &jobs[i], nestlab, &argv, &env);
		buf_printf(b, "%zu) ", i + 1);
		put_task(b, jobs[i].dir, &argv);
	}
	buf_puts(b, "esac\n");
}

static void put_environment(struct buf *b, const struct strv *env)
{
	for (size_t i = 0; i < env->n; i++) {
		buf_puts(b, "export ");
		put_word(b, env->v[i]);
		buf_puts(b, "\n");
	}
}

/*
 * The options stand in the script, so that Slurm's own SBATCH_... go before them. The submitter's
 * runtime folder is one of the machine where he is logged in.
 */
void array_script(struct buf *b, const struct pool *p, const struct pool_job *jobs, size_t n,
		  const char *nestlab, const struct task_needs *needs)
{
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };

	pool_command(p, jobs, nestlab, &argv, &env);
	buf_puts(b, "#!/bin/sh\n");
	put_needs(b, needs);
	put_tasks(b, p, jobs, n, nestlab);
	put_environment(b, &env);
	buf_puts(b, "unset XDG_RUNTIME_DIR\n\"$@\" \"PLACE=s$SLURM_JOB_ID\" >\"$dir/output.log\" 2>&1\n"
		 "echo \"$SLURM_ARRAY_TASK_ID $?\" >\"$dir/" TASK_FILE ".new\"\n"
		 "mv \"$dir/" TASK_FILE ".new\" \"$dir/" TASK_FILE "\"\n"
		 "place=$(\"$1\" cache run) && rm -rf \"$place-s$SLURM_JOB_ID\"\n");
}

/* ---- what is said ---- */

bool array_id(const char *text, uint64_t *id)
{
	_cleanup_strv_ struct strv lines = { 0 };

	/* Behind warnings; "7;cluster" where there are several. */
	strv_split(&lines, text, "\n");
	for (size_t i = lines.n; i--;) {
		lines.v[i][strcspn(lines.v[i], ";")] = '\0';
		if (parse_u64(lines.v[i], id) && *id)
			return true;
	}
	return false;
}

static enum task_is what_is(const char *word)
{
	static const char *const ended[] = { "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY",
					     "PREEMPTED", "BOOT_FAIL", "DEADLINE", "LAUNCH_FAILED", "RECONFIG_FAIL" };

	for (size_t i = 0; i < ARRAY_SIZE(ended); i++)
		if (!strcmp(word, ended[i]))
			return TASK_ENDED;
	return strcmp(word, "COMPLETED") ? TASK_ACTIVE : TASK_COMPLETED;
}

static void take_state(const char *line, uint64_t id, struct task_state *states, size_t n)
{
	_cleanup_strv_ struct strv words = { 0 };
	uint64_t array, index;

	strv_split(&words, line, " ");
	if (words.n != 3 || !parse_u64(words.v[0], &array) || array != id ||
	    !parse_u64(words.v[1], &index) || !index || index > n)
		return;
	states[index - 1].is = what_is(words.v[2]);
	snprintf(states[index - 1].word, sizeof(states->word), "%s", words.v[2]);
}

void array_states(const char *lines, uint64_t id, struct task_state *states, size_t n)
{
	_cleanup_strv_ struct strv all = { 0 };

	for (size_t i = 0; i < n; i++)
		states[i] = (struct task_state){ .word = "unknown" };
	strv_split(&all, lines, "\n");
	for (size_t i = 0; i < all.n; i++)
		take_state(all.v[i], id, states, n);
}

struct task_said task_said(const char *text)
{
	_cleanup_strv_ struct strv words = { 0 };
	uint64_t index, status;

	strv_split(&words, text, " \n");
	if (words.n != 2 || !parse_u64(words.v[0], &index) || !parse_u64(words.v[1], &status) ||
	    status > 255)
		return (struct task_said){ 0, -1 };
	return (struct task_said){ index, (int)status };
}

enum task_verdict task_verdict(const struct task_state *state, int status)
{
	if (state->is == TASK_ACTIVE)
		return TASK_GOES_ON;
	if (state->is == TASK_ENDED || status >= SIGNALLED)
		return TASK_LOST;
	if (status < 0)
		return TASK_SILENT;
	if (state->is == TASK_UNKNOWN && status == outcome_exit_code(OUT_CRASH))
		return TASK_LOST;
	return TASK_JUDGED;
}
