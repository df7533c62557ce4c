// SPDX-License-Identifier: GPL-2.0-only
#include "intake/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "intake/lines.h"

/*
 * A rule is for a pair of ages: a base with `has`, and files in which it was not so yet (or no
 * longer). has: a pattern; not_before: one that the file before his change must not have.
 */
struct rule {
	const char *path; /* the file's end */
	const char *has, *not_before;
	const char *his, *instead; /* in each of his lines */
	const char *told;
	/* A line of his, from which to its function's end he means his own; NULL: there is none. */
	const char *unless;
};

#define CPUID "cpuid.c"
#define VMX "vmx.c"
#define SVM "svm.c"

static const struct rule rules[] = {
	/* 5.8: "check_limit" before, which is the contrary */
	{ CPUID, "\\bbool exact_only\\b", "\\bbool exact_only\\b", "\\b(kvm_cpuid\\(.*), *false\\)", "$1, 1)",
	  "kvm_cpuid() is asked here for the exact leaf alone, and not to keep to the limits", NULL },
	{ CPUID, "\\bbool exact_only\\b", "\\bbool exact_only\\b", "\\b(kvm_cpuid\\(.*), *true\\)", "$1, false)",
	  "kvm_cpuid() is asked here for the exact leaf alone, and not to keep to the limits", NULL },
	/* 5.12 */
	{ VMX, "union vmx_exit_reason exit_reason", "union vmx_exit_reason exit_reason",
	  "\\bvmx->exit_reason\\b(?!\\s*[.(])(?!\\s*=[^=])", "vmx->exit_reason.basic",
	  "the exit reason is a union here: its basic part was taken", NULL },
	{ VMX, "union vmx_exit_reason exit_reason", "union vmx_exit_reason exit_reason",
	  "(?<![\\w>.])exit_reason\\b(?!\\s*[.(])(?!\\s*=[^=])", "exit_reason.basic",
	  "the exit reason is a union here: its basic part was taken",
	  "\\b(?:u16|u32|u64|int|long|unsigned|uint\\d+_t)\\s+exit_reason\\b" },
	{ VMX, "u32 exit_reason = vmx->exit_reason", "u32 exit_reason = vmx->exit_reason", "\\bexit_reason\\.(basic|full)\\b",
	  "exit_reason", "the exit reason is a plain number here", NULL },
	{ "", "\\bstatic_call\\(kvm_x86_\\w+\\)\\(", "\\bstatic_call\\(kvm_x86_\\w+\\)\\(", "\\bkvm_x86_call\\((\\w+)\\)\\(",
	  "static_call(kvm_x86_$1)(", "the vendor's functions are called by static_call() here", NULL },
	{ "", "\\bstatic_call\\(kvm_x86_\\w+\\)\\(", "\\bstatic_call\\(kvm_x86_\\w+\\)\\(", "\\bkvm_x86_ops\\.(\\w+)\\(",
	  "static_call(kvm_x86_$1)(", "the vendor's functions are called by static_call() here", NULL },
	/* 6.11 */
	{ "", "\\bkvm_x86_call\\(\\w+\\)\\(", "\\bkvm_x86_call\\(\\w+\\)\\(", "\\bstatic_call\\(kvm_x86_(\\w+)\\)\\(",
	  "kvm_x86_call($1)(", "the vendor's functions are called by kvm_x86_call() here", NULL },
	{ "", "\\bkvm_x86_call\\(\\w+\\)\\(", "\\bkvm_x86_call\\(\\w+\\)\\(", "\\bkvm_x86_ops\\.(\\w+)\\(", "kvm_x86_call($1)(",
	  "the vendor's functions are called by kvm_x86_call() here", NULL },
	/* 5.14, and 5.18 for the first argument of the exit handlers */
	{ "", "\\btrace_kvm_exit\\(vcpu, KVM_ISA_", "\\btrace_kvm_exit\\(vcpu, KVM_ISA_",
	  "\\btrace_kvm_exit\\([^,()]+, vcpu, (KVM_ISA_\\w+)\\)", "trace_kvm_exit(vcpu, $1)", "trace_kvm_exit() lost an argument", NULL },
	{ SVM, "\\bsvm_invoke_exit_handler\\(struct kvm_vcpu", "\\bsvm_invoke_exit_handler\\(struct kvm_vcpu",
	  "\\bsvm_invoke_exit_handler\\((?:svm|to_svm\\(vcpu\\)),", "svm_invoke_exit_handler(vcpu,",
	  "svm_invoke_exit_handler() takes a vCPU here", NULL },
	/* 6.11: the vendor's functions are named in vmx/main.c */
	{ VMX, "(?m)^int vmx_handle_exit\\(", "(?m)^int vmx_handle_exit\\(", "^static int vmx_handle_exit\\(", "int vmx_handle_exit(",
	  "vmx_handle_exit() is not static here", NULL },
};

/* ---- patterns ---- */

/* A pattern of the table that is none would do nothing for ever. */
static pcre2_code *compile(const char *pattern)
{
	int error;
	PCRE2_SIZE at;
	PCRE2_SPTR text = (PCRE2_SPTR)pattern;
	pcre2_code *code = pcre2_compile(text, PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);

	if (!code)
		abort();
	return code;
}

static bool matches(const char *pattern, const char *text)
{
	pcre2_code *code = compile(pattern);
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
	int n = pcre2_match(code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, data, NULL);

	pcre2_match_data_free(data);
	pcre2_code_free(code);
	return n > 0;
}

/* The line with all matches replaced; the caller owns it. NULL: there is none. */
static char *replace(const struct rule *r, const char *line)
{
	pcre2_code *code = compile(r->his);
	PCRE2_SPTR text = (PCRE2_SPTR)line, instead = (PCRE2_SPTR)r->instead;
	PCRE2_SIZE room = strlen(line) * 4 + 256;
	char *out = xcalloc(1, room);
	int n = pcre2_substitute(code, text, PCRE2_ZERO_TERMINATED, 0, PCRE2_SUBSTITUTE_GLOBAL,
				 NULL, NULL, instead, PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)out,
				 &room);

	pcre2_code_free(code);
	if (n > 0)
		return out;
	free(out);
	return NULL;
}

/* ---- a file ---- */

static void repair(const struct rule *r, const struct lines_index *base, struct buf *text,
		   struct strv *told)
{
	struct buf out = { 0 };
	bool applied = false, off = false;

	for (const char *at = buf_str(text); *at;) {
		size_t len = strcspn(at, "\n");
		_cleanup_free_ char *line = xstrndup(at, len), *new = NULL;

		if (!lines_count(base, lines_key(line))) {
			off |= r->unless && matches(r->unless, line);
			new = off ? NULL : replace(r, line);
		}
		off &= *line != '}';
		applied |= !!new;
		buf_puts(&out, new ? new : line);
		buf_add(&out, at + len, at[len] == '\n');
		at += len + (at[len] == '\n');
	}
	buf_free(text);
	*text = out;
	if (applied)
		strv_add(told, r->told);
}

/* ---- a call that was taken apart ---- */

/* "ret = f(x);" of "int ret = f(x);"; NULL: it is none. */
static const char *assignment_in(const char *line)
{
	const char *at = line + strspn(line, " \t"), *sign = strstr(at, " = ");

	if (at == line || !sign || !isalpha((unsigned char)*at) || strcspn(at, "(") < (size_t)(sign - at))
		return NULL;
	while (sign > at && !strchr(" \t*", sign[-1]))
		sign--;
	return sign > at ? sign : NULL;
}

/* The end of the line before the function that `at` is in. */
static const char *before_function(const char *text, const char *at)
{
	while (at > text && !(at[-1] == '\n' && *at == '}'))
		at--;
	return at + strcspn(at, "\n");
}

/* Is that line behind a line's end, up to the function's? base: not NULL: one of his. */
static bool has_behind(const struct lines_index *base, const char *at, uint64_t key)
{
	for (; *at && at[1] && at[1] != '}'; at += 1 + strcspn(at + 1, "\n"))
		if (lines_key(at + 1) == key && !(base && lines_count(base, key)))
			return true;
	return false;
}

/* Has the function that `at` is in that line? */
static bool has_line(const struct lines_index *base, const char *text, const char *at, uint64_t key)
{
	return has_behind(base, before_function(text, at), key);
}

/* "f(x);" of "return f(x);"; NULL: it is none. */
static const char *call_returned(const char *line)
{
	const char *at = line + strspn(line, " \t");

	return str_starts(at, "return ") && str_ends(line, ");") && strchr(at, '(') ? at + strlen("return ") : NULL;
}

/* "ret" of "ret = f(x);", where that is the call; the caller owns it. NULL: it is none. */
static char *name_of_result(const char *line, const char *call)
{
	const char *sign = strstr(line, " = "), *name = sign;

	if (!sign || lines_key(sign + strlen(" = ")) != lines_key(call))
		return NULL;
	while (name > line && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
		name--;
	return xstrndup(name, (size_t)(sign - name));
}

/* Before the line at `at` he has "ret = f(x);", and "return ret;" behind it, where nobody comes. */
static bool returns_later(const struct lines_index *base, const char *text, const char *at,
			  const char *call)
{
	for (const char *p = before_function(text, at); p + 1 < at; p += 1 + strcspn(p + 1, "\n")) {
		_cleanup_free_ char *line = xstrndup(p + 1, strcspn(p + 1, "\n"));
		_cleanup_free_ char *name = name_of_result(line, call);
		_cleanup_free_ char *later = name ? strf("return %s;", name) : NULL;

		if (later && !lines_count(base, lines_key(line)) &&
		    has_behind(NULL, at + strcspn(at, "\n"), lines_key(later)))
			return true;
	}
	return false;
}

/* A statement of its own, and not what an "if" before it leads to. */
static bool stands_alone(const char *text, const char *at)
{
	while (at > text && isspace((unsigned char)at[-1]))
		at--;
	return at > text && strchr(";{}/", at[-1]);
}

/* "int ret;", where the function has none. */
static void put_declaration(const char *text, const char *at, const char *line, struct buf *out)
{
	_cleanup_free_ char *alone = strf("%.*s;", (int)(strstr(line, " = ") - line), line);

	if (!has_line(NULL, text, at, lines_key(alone)))
		buf_printf(out, "%s\n", alone);
}

/*
 * He made "int ret; begin(); ret = f(x);" of "int ret = f(x);", or "ret = f(x); end(); return ret;"
 * of "return f(x);", which his nearest base had not, or in another place: there it must not stand
 * beside his.
 */
static void drop_taken_apart(const struct lines_index *base, struct buf *text, struct strv *told)
{
	struct buf out = { 0 };

	for (const char *at = buf_str(text); *at;) {
		size_t len = strcspn(at, "\n");
		_cleanup_free_ char *line = xstrndup(at, len);
		const char *his = assignment_in(line), *call = call_returned(line);

		if (his && lines_count(base, lines_key(line)) &&
		    has_line(base, buf_str(text), at, lines_key(his))) {
			put_declaration(buf_str(text), at, line, &out);
			strv_addf(told, "he has \"%s\" by itself", his);
		} else if (call && lines_count(base, lines_key(line)) &&
			   stands_alone(buf_str(text), at) &&
			   returns_later(base, buf_str(text), at, call)) {
			strv_addf(told, "he returns later what \"%s\" gives", call);
		} else {
			buf_add(&out, at, len + (at[len] == '\n'));
		}
		at += len + (at[len] == '\n');
	}
	buf_free(text);
	*text = out;
}

void rules_apply(const char *path, const char *base, const char *before, const char *merged,
		 struct buf *out, struct strv *told)
{
	struct lines_index x;

	lines_index(base, &x);
	buf_puts(out, merged);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (str_ends(path, rules[i].path) && matches(rules[i].has, base) &&
		    !matches(rules[i].not_before, before))
			repair(&rules[i], &x, out, told);
	drop_taken_apart(&x, out, told);
	rules_drop_twice(base, before, out, told);
	lines_index_free(&x);
}
