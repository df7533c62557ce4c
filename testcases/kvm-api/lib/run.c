// SPDX-License-Identifier: GPL-2.0-only
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "guest.h"
#include "watch.h"

#define DEADLINE_MS 5000 /* a run takes some 0.1 s */
#define DEADLINE_MS_PER_SLOWDOWN 2000
#define TIMES_LONGER 3 /* of 600 exits more: 29 s in lane bochs-vmx with KERNEL_FLAVOR=debug */

static const char *setting(const char *variable, const char *by_default)
{
	const char *value = getenv(variable);

	return value ? value : by_default;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* What the environment has for a mode: of "NESTLAB_OPTION_" and "real", NESTLAB_OPTION_REAL. */
static const char *of_mode(const char *prefix, const char *mode, const char *name)
{
	char variable[64];

	snprintf(variable, sizeof(variable), "%s%s%s", prefix, mode, name);
	for (char *c = variable; *c; c++)
		*c = upper(*c);
	return getenv(variable);
}

/* NULL: the monitor does not offer it. */
static const char *option_of(const char *mode)
{
	return of_mode("NESTLAB_OPTION_", mode, "");
}

/* A mode's own, else that of all modes. */
static uint16_t port_of(const char *mode, const char *name)
{
	const char *own = of_mode("NESTLAB_PORT_", mode, name);
	const char *all = of_mode("NESTLAB_PORT", "", name);
	const char *is = own ? own : all;

	return is ? (uint16_t)strtoul(is, NULL, 0) : 0; /* "none" is 0, too */
}

static void read_ports(const char *mode, struct watch_ports *p)
{
	p->serial = port_of(mode, "_serial");
	p->print32 = port_of(mode, "_print32");
	p->exits = port_of(mode, "_exits");
	p->exits_text = port_of(mode, "_exits_text");
	p->exits_in = port_of(mode, "_exits_in");
	p->exits_out = port_of(mode, "_exits_out");
	p->string = port_of(mode, "_string");
	p->translate = port_of(mode, "_translate");
	p->translate_at = port_of(mode, "_translate_at");
	p->hva = port_of(mode, "_hva");
}

static void tell_settings(const char *mode, const struct watch_ports *p)
{
	const char *text = of_mode("NESTLAB_TEXT_", mode, "");

	observe_u64("memory", guest_number("NESTLAB_MEMORY", 0x200000));
	observe_u64("port.serial", p->serial);
	observe_u64("port.print32", p->print32);
	observe_u64("port.exits", p->exits);
	observe_u64("port.exits_text", p->exits_text);
	observe_u64("port.exits_in", p->exits_in);
	observe_u64("port.exits_out", p->exits_out);
	observe_u64("port.string", p->string);
	observe_u64("port.translate", p->translate);
	observe_u64("port.translate_at", p->translate_at);
	observe_u64("port.hva", p->hva);
	if (text)
		observe_str("text", text);
	observe_str("words.wrong", setting("NESTLAB_WORDS_WRONG", "wrong"));
	observe_str("words.invalid", setting("NESTLAB_WORDS_INVALID", "invalid"));
	observe_str("promises", setting("NESTLAB_PROMISES", ""));
}

static const char *const modes[] = { "long", "protected", "paged", "real" };
#define MODES (sizeof(modes) / sizeof(modes[0]))

static const char *other_option(const char *mode)
{
	for (size_t i = 0; i < MODES; i++)
		if (option_of(modes[i]) && strcmp(modes[i], mode))
			return option_of(modes[i]);
	return option_of(mode);
}

static const char *first_mode(void)
{
	for (size_t i = 0; i < MODES; i++)
		if (option_of(modes[i]))
			return modes[i];
	guest_skip("this monitor offers none of the four modes");
}

static enum watch_twist twist_of(const char *name)
{
	for (unsigned int i = 0; i < TWISTS; i++)
		if (!strcmp(watch_twist_names[i], name))
			return (enum watch_twist)i;
	guest_broken(__FILE__, __LINE__, "there is no twist '%s'", name);
}

static unsigned int deadline_of(enum watch_twist twist)
{
	unsigned int slow = (unsigned int)guest_number("NESTLAB_SLOWDOWN", 1) * DEADLINE_MS_PER_SLOWDOWN;

	return (slow > DEADLINE_MS ? slow : DEADLINE_MS) * (twist == TWIST_MANY_EXITS ? TIMES_LONGER : 1);
}

/* Arguments: a mode, or "any"; then the twists, a run each. */
void run_monitor(void)
{
	const char *mode = guest_args[0];
	struct guest_cpus cpus;
	struct stat kvm;
	struct watch_run w = { 0 };

	w.program = getenv("NESTLAB_MONITOR");
	if (!w.program || !mode)
		guest_skip("no monitor: the lab runs this with NESTLAB_MONITOR=... and a mode");
	w.mode = strcmp(mode, "any") ? mode : first_mode();
	w.option = option_of(w.mode);
	if (!w.option)
		guest_skip("this monitor does not offer the mode '%s'", w.mode);
	w.beside = other_option(w.mode);
	/* The monitor is nobody. */
	if (stat("/dev/kvm", &kvm) || chmod("/dev/kvm", 0666))
		guest_skip("this level has no /dev/kvm");
	/* Watcher and watched take turns: on two CPUs each turn would wake the other one up. */
	guest_cpus(&cpus);
	SAFE_PIN(cpus.cpu[0]);
	/* Some hundred lines a run: sent one by one they would take longer than the run. */
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	read_ports(w.mode, &w.ports);
	tell_settings(w.mode, &w.ports);
	for (char **twist = guest_args + 1; *twist; twist++) {
		w.twist = twist_of(*twist);
		w.deadline_ms = deadline_of(w.twist);
		/* One that does not end does not end in the other runs either. */
		if (!watch_monitor(&w))
			break;
		fflush(stdout);
	}
	chmod("/dev/kvm", kvm.st_mode & 07777);
}
