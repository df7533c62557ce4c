// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernels are described by: .conf files, configuration fragments and whether they came true;
 * and what is read from make's output.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include <sys/stat.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "kernel/kconfig.h"
#include "kernel/kernel.h"
#include "kernel/make.h"
#include "kernel/sandbox.h"
#include "kernel/source.h"
#include "kernel/tree.h"

/* cmocka's fail_msg() is made of its fail(), which is gone */
#define die(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

static char dir[] = "/tmp/nestlab-test-kernel-XXXXXX";

static char *put(const char *name, const char *text)
{
	char *path = strf("%s/%s", dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	return path;
}

static void assert_says(const char *part)
{
	if (!strstr(fail_text(), part))
		die("'%s' is not in: %s", part, fail_text());
}

/* ---- .conf files ---- */

#define ROLES "[host]\nfragments = a\n[guest]\nfragments = b\n"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"

static void test_conf_whole(void **state)
{
	_cleanup_free_ char *path = put(
		"mine.conf", "[source]\ntarball = linux.tar.xz\nsha256 = " SHA "\n"
			     "[host]\npatches = p/host extra.patch\nfragments = a b\n"
			     "modules = arch/x86/kvm/kvm.ko arch/x86/kvm/kvm-amd.ko\nobjects = 12\n"
			     "[guest]\nfragments = c\n");
	struct kernel_conf k;

	(void)state;
	if (kernel_conf_load(path, &k))
		die("%s", fail_text());
	assert_string_equal(k.name, "mine");
	assert_string_equal(k.path, path);
	assert_string_equal(k.source.tarball, "linux.tar.xz");
	assert_int_equal(k.role[KERNEL_HOST].patches.n, 2);
	assert_string_equal(k.role[KERNEL_HOST].modules.v[1], "arch/x86/kvm/kvm-amd.ko");
	assert_int_equal(k.role[KERNEL_HOST].objects, 12);
	assert_int_equal(k.role[KERNEL_GUEST].patches.n, 0);
	kernel_conf_free(&k);
}

static const struct {
	const char *text, *why;
} bad_confs[] = {
	{ ROLES, "must name exactly one of package, tarball, tree and git, and names 0" },
	{ "[source]\npackage = x\ntree = y\n" ROLES, "and names 2" },
	{ "[source]\ntarball = x\n" ROLES, "a tarball needs its sha256" },
	{ "[source]\ntarball = x\nsha256 = 12\n" ROLES, "want 64 hexadecimal digits" },
	{ "[source]\ntree = x\nsha256 = " SHA "\n" ROLES, "goes with a package or a tarball only" },
	{ "[source]\ngit = x\n" ROLES, "git and ref go together" },
	{ "[source]\ngit = x\nref = --upload-pack=evil\n" ROLES, "begins with a dash" },
	{ "[source]\npackage = x\n[host]\nfragments = a\n", "[guest] names no fragments" },
	{ "[source]\npackage = x\n" ROLES "modules = ../../x.ko\n", "a path in the kernel's tree" },
	{ "[source]\npackage = x\n" ROLES "modules = kvm.o\n", "ends in .ko" },
	{ "[source]\npackage = x\ncolour = y\n" ROLES, "bad.conf:3: unknown key 'colour'" },
	{ "[source]\ntree = x\nsuite = sid\n" ROLES, "beside a package" },
	{ "[source]\npackage = x\nsuite = sid main\n" ROLES, "one of Debian's suites" },
	{ "[source]\npackage = x\n" ROLES "kernel = 6.12\n", "want one of them" },
	{ "[source]\npackage = x\n[host]\nfragments = a\n[guest]\nkernel = nosuch\n", "there is no kernel 'nosuch'" },
	{ "[source]\npackage = x\n[host]\nfragments = a\n[guest]\nkernel = 6.1-unpatched\n", "no guest of its own" },
	{ "[source]\npackage = x\n" ROLES "objects = many\n", "bad.conf:7: objects = many" },
};

static void test_conf_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_confs); i++) {
		_cleanup_free_ char *path = put("bad.conf", bad_confs[i].text);
		struct kernel_conf k;

		if (kernel_conf_load(path, &k) != -OUT_USAGE)
			die("taken: %s", bad_confs[i].text);
		assert_says("bad.conf");
		assert_says(bad_confs[i].why);
	}
}

static void test_conf_unknown(void **state)
{
	struct kernel_conf k;

	(void)state;
	assert_int_equal(kernel_conf_load("no-such-kernel", &k), -OUT_USAGE);
	assert_says("there is no kernel 'no-such-kernel'; there are: ");
	assert_int_equal(kernel_conf_load("/nonexistent/x.conf", &k), -OUT_USAGE);
	assert_says("/nonexistent/x.conf");
}

/* The kernels of the project itself. */
static void test_conf_own(void **state)
{
	_cleanup_free_ char *kernels = path_in_root("config/kernels");
	_cleanup_strv_ struct strv names = { 0 };

	(void)state;
	assert_int_equal(dir_list(kernels, ".conf", &names), 0);
	assert_true(names.n > 0);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", kernels, names.v[i]);
		struct kernel_conf k;

		if (kernel_conf_load(path, &k))
			die("%s", fail_text());
		kernel_conf_free(&k);
	}
}

/* ---- a user's own tree ---- */

static void test_own_tree(void **state)
{
	_cleanup_free_ char *tree = strf("%s/linux", dir), *kvm = strf("%s/arch/x86/kvm", tree);
	_cleanup_free_ char *slashes = strf("%s//", tree), *ref = strf("%s@v6.13", tree);
	struct kernel_conf k;

	(void)state;
	assert_int_equal(mkdir_p(kvm), 0);
	assert_int_equal(kernel_conf_load(tree, &k), -OUT_USAGE);
	assert_says("is no kernel's tree: it has no arch/x86/kvm/x86.c");
	free(put("linux/arch/x86/kvm/x86.c", "int a;\n"));
	assert_int_equal(kernel_conf_load(slashes, &k), 0);
	assert_true(k.own);
	assert_string_equal(k.name, "linux");
	assert_string_equal(k.source.tree, tree);
	assert_int_equal(k.role[KERNEL_HOST].patches.n, 0);
	/* L2's kernel makes the system call whatever the host's tree is. */
	assert_true(k.guest && k.guest->role[KERNEL_GUEST].patches.n);
	kernel_conf_free(&k);
	/* Nothing need be checked out where a commit is named. */
	assert_int_equal(kernel_conf_load(ref, &k), 0);
	assert_string_equal(k.name, "linux@v6.13");
	assert_string_equal(k.source.git, tree);
	assert_string_equal(k.source.ref, "v6.13");
	kernel_conf_free(&k);
	str_set(&ref, NULL);
	ref = strf("%s@--upload-pack=x", tree);
	assert_int_equal(kernel_conf_load(ref, &k), -OUT_USAGE);
	assert_says("begins with a dash");
}

/* ---- fragments ---- */

static void add(struct kconfig *c, const char *name, const char *text, bool required)
{
	_cleanup_free_ char *path = put(name, text);

	if (kconfig_add(c, path, required))
		die("%s", fail_text());
}

static void test_fragments_override(void **state)
{
	struct kconfig c = { 0 };
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	add(&c, "tiny", "CONFIG_KERNEL_XZ=y\nCONFIG_SLUB_TINY=y\n", false);
	add(&c, "a", "# A comment, CONFIG_FOO=y\n\nCONFIG_KVM=y\n  CONFIG_HZ=100  \n", true);
	add(&c, "b", "CONFIG_KVM=m\n# CONFIG_KERNEL_XZ is not set\n#CONFIG_BAR is odd\n", true);
	kconfig_print(&c, &out);
	assert_string_equal(buf_str(&out), "CONFIG_HZ=100\n# CONFIG_KERNEL_XZ is not set\n"
					   "CONFIG_KVM=m\nCONFIG_SLUB_TINY=y\n");
	kconfig_free(&c);
}

static void test_fragment_errors(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "CONFIG_A=y\nKVM=y\n", "bad:2: 'KVM=y' is not an option line" },
		{ "CONFIG_A\n", "bad:1: 'CONFIG_A' is not an option line" },
		{ "CONFIG_=y\n", "bad:1: 'CONFIG_=y' is not an option line" },
		{ "CONFIG_A=y\n\nCONFIG_A=m\n", "bad:3: CONFIG_A=m, but line 1 says CONFIG_A=y" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *path = put("bad", bad[i].text);
		struct kconfig c = { 0 };

		assert_int_equal(kconfig_add(&c, path, true), -OUT_USAGE);
		assert_says(bad[i].why);
		kconfig_free(&c);
	}
}

/* What a tree's Kconfig files define, wherever they lie; text in a help is no definition. */
static void test_options_of_a_tree(void **state)
{
	_cleanup_free_ char *deep = strf("%s/tree/arch/x86/kvm", dir), *changed = strf("%s/changed", dir);
	_cleanup_free_ char *tree = strf("%s/tree", dir);
	const char *trees[] = { tree, changed };
	_cleanup_strv_ struct strv unknown = { 0 };
	struct kconfig c = { 0 };

	(void)state;
	assert_int_equal(mkdir_p(deep), 0);
	assert_int_equal(mkdir_p(changed), 0);
	free(put("tree/Kconfig", "config HZ\n\tint\nmenuconfig NET # all of it\n"));
	free(put("tree/arch/x86/kvm/Kconfig.more", "if X86\n  config\tKVM_XEN\n"));
	free(put("tree/arch/x86/kvm/config.txt", "config GONE\n"));
	free(put("changed/Kconfig", "config NEW\n\thelp\n\t  see configuration of config\n"));
	add(&c, "mine", "CONFIG_HZ=100\nCONFIG_NET=y\nCONFIG_KVM_XEN=y\nCONFIG_GONE=y\nCONFIG_NEW=y\n# CONFIG_KVM is not set\n",
	    true);
	assert_int_equal(kconfig_unknown(&c, trees, 2, &unknown), 0);
	assert_int_equal(unknown.n, 2);
	assert_string_equal(unknown.v[0], "CONFIG_GONE");
	assert_string_equal(unknown.v[1], "CONFIG_KVM");
	assert_non_null(kconfig_find(&c, "CONFIG_GONE"));
	kconfig_free(&c);
}

static int verify(const char *fragment, const char *final)
{
	_cleanup_free_ char *path = put("final", final);
	struct kconfig c = { 0 };
	int ret;

	add(&c, "tiny", "CONFIG_KERNEL_XZ=y\n", false);
	add(&c, "host.config", fragment, true);
	ret = kconfig_verify(&c, path);
	kconfig_free(&c);
	return ret;
}

static void test_verify(void **state)
{
	(void)state;
	/* What tinyconfig begins with need not stay, and an option that is nowhere is not set. */
	assert_int_equal(verify("CONFIG_KVM=m\n# CONFIG_X is not set\n# CONFIG_Y is not set\n"
				"CONFIG_NAME=\"a b\"\n",
				"CONFIG_KVM=m\n# CONFIG_X is not set\nCONFIG_NAME=\"a b\"\n"),
			 0);
	assert_int_equal(verify("CONFIG_KVM=m\n\nCONFIG_HZ=100\n", "CONFIG_KVM=y\nCONFIG_HZ=100\n"),
			 -OUT_USAGE);
	assert_says("host.config:1: CONFIG_KVM=m was asked for and is y in the end");
	assert_int_equal(verify("\nCONFIG_GONE=y\n", "CONFIG_KVM=y\n"), -OUT_USAGE);
	assert_says("host.config:2: CONFIG_GONE=y was asked for and is not set in the end");
	assert_int_equal(verify("# CONFIG_KVM is not set\n", "CONFIG_KVM=y\n"), -OUT_USAGE);
	assert_says("host.config:1: CONFIG_KVM=n was asked for and is y");
	assert_int_equal(verify("CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\nCONFIG_D=y\nCONFIG_E=y\n", ""),
			 -OUT_USAGE);
	assert_says("host.config:3");
	assert_says("; and 2 more");
}

static void hash_of(const char *text, char *hex)
{
	struct kconfig c = { 0 };
	struct hash *h = hash_new("test");

	add(&c, "hashed", text, true);
	kconfig_hash(&c, h);
	hash_hex(h, hex);
	kconfig_free(&c);
}

/* A comment or another order of lines is no other kernel; another value is. */
static void test_fragment_hash(void **state)
{
	char a[HASH_HEX_LEN + 1], b[HASH_HEX_LEN + 1], c[HASH_HEX_LEN + 1];

	(void)state;
	hash_of("CONFIG_A=y\nCONFIG_B=y\n", a);
	hash_of("# why\nCONFIG_B=y\nCONFIG_A=y\n", b);
	hash_of("CONFIG_A=y\nCONFIG_B=m\n", c);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
}

/* ---- make's output ---- */

static void take(struct make *m, const char *const lines[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		make_take_line(m, lines[i]);
}

static void test_make_lines(void **state)
{
	static const char *const lines[] = {
		"make: Entering directory '/build/src'",
		"  GEN     Makefile",
		"  CC      arch/x86/kvm/x86.o",
		"  CC [M]  arch/x86/kvm/cpuid.o",
		"../arch/x86/kvm/x86.c: In function 'f':",
		"../arch/x86/kvm/x86.c:12:2: error: 'foo' undeclared (first use in this function)",
		"   12 |  foo;",
		"../arch/x86/kvm/x86.c:13:2: error: 'bar' undeclared",
		"../a.c:1:10: fatal error: no.h: No such file or directory",
		"../a.c:2:1: error: the fourth",
		"make[3]: *** [../scripts/Makefile.build:243: arch/x86/kvm/x86.o] Error 1",
	};
	struct make m = { 0 };
	_cleanup_free_ char *why = NULL;

	(void)state;
	take(&m, lines, ARRAY_SIZE(lines));
	assert_int_equal(m.steps, 3);
	why = make_why(&m);
	assert_string_equal(why,
			    "arch/x86/kvm/x86.c:12:2: error: 'foo' undeclared (first use in this "
			    "function); arch/x86/kvm/x86.c:13:2: error: 'bar' undeclared; "
			    "a.c:1:10: fatal error: no.h: No such file or directory");
	make_free(&m);
}

static void test_make_other_errors(void **state)
{
	static const char *const lines[][2] = {
		{ "ERROR: modpost: \"count\" [arch/x86/kvm/kvm-amd.ko] undefined!",
		  "ERROR: modpost: \"c" },
		{ "svm.c:(.text+0x12): undefined reference to `count'",
		  "svm.c:(.text+0x12): undefined" },
		{ "make[2]: *** No rule to make target 'x.o', needed by 'y'.  Stop.",
		  "make[2]: *** No" },
		{ "something else", "something else" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct make m = { 0 };
		_cleanup_free_ char *why = NULL;

		take(&m, lines[i], 1);
		make_take_line(&m, "  LD      vmlinux");
		make_take_line(&m, "collect2: error: ld returned 1 exit status");
		why = make_why(&m);
		assert_true(str_starts(why, lines[i][1]));
		make_free(&m);
	}
}

/* ---- the sandbox ---- */

static int in_sandbox(const char *script, struct buf *out)
{
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_free_ char *src = strf("%s/sandbox", dir), *obj = strf("%s/obj", src);
	_cleanup_free_ char *ccache = strf("%s/ccache", dir);
	const struct sandbox s = { .src = src, .obj = obj, .ccache = ccache };
	const char *args[] = { "sh", "-c", script, NULL };
	struct proc p = { .what = "a test", .out = out, .log_path = "/dev/null" };

	assert_int_equal(mkdir_p(obj) | mkdir_p(ccache), 0);
	sandbox_command(&s, true, args, &argv);
	p.argv = argv.v;
	return proc_run(&p);
}

static void test_sandbox_walls(void **state)
{
	static const char *const forbidden[] = {
		"touch x",			      /* the source */
		"touch /usr/x",			      /* the system */
		"cat /etc/shadow",		      /* secrets */
		"ls /root /home /var",		      /* homes */
		"ls /sys/class",		      /* the machine */
		"test $(wc -l </proc/net/dev) -gt 3", /* the network: 2 lines of heading, and lo */
		"test $(ls -d /proc/[0-9]* | wc -l) -gt 9", /* other processes */
		"test -n \"$MAKEFLAGS$V\"",		    /* the caller's settings */
		"mount -t tmpfs none /tmp",
	};
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	if (!sandbox_works())
		skip();
	setenv("MAKEFLAGS", "V=1", 1);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (in_sandbox(forbidden[i], NULL) == 0)
			die("the sandbox lets through: %s", forbidden[i]);
	unsetenv("MAKEFLAGS");
	assert_int_equal(in_sandbox("echo $PWD; touch obj/x && gcc --version >obj/version", &out),
			 0);
	assert_string_equal(buf_str(&out), "/build/src\n");
}

/* The kernel's compressed image comes into bzImage by .incbin, which no list of headers tells. */
static void test_ccache_sees_incbin(void **state)
{
	static const char script[] =
		"cd obj && printf '.incbin \"data\"\\n' >piggy.S && touch -d @0 piggy.S && "
		"for n in 1 2 2; do echo content-$n >data; "
		"ccache gcc -Wp,-MMD,piggy.d -c -o piggy.o piggy.S && "
		"grep -q content-$n piggy.o || exit 1; done";

	(void)state;
	if (!sandbox_works() || !sandbox_has_program("ccache"))
		skip();
	assert_int_equal(in_sandbox(script, NULL), 0);
}

/* ---- sources ---- */

static void command(const char *const *argv)
{
	struct proc p = { .what = "a test", .argv = (char *const *)argv, .cwd = dir };

	if (proc_check(&p))
		die("%s", fail_text());
}

static void make_small_tree(const char *name)
{
	_cleanup_free_ char *tree = path_in_root("harness/tests/data/series/tree");
	_cleanup_free_ char *to = strf("%s/%s", dir, name);

	assert_int_equal(rm_rf(to), 0);
	if (tree_clone(tree, to, TREE_COPY, NULL))
		die("%s", fail_text());
}

static void resolve(const struct kernel_conf *k, struct source *s)
{
	if (source_resolve(k, s))
		die("%s", fail_text());
}

static void test_plain_tree(void **state)
{
	_cleanup_free_ char *tree = strf("%s/plain", dir), *file = strf("%s/kernel.c", tree);
	_cleanup_free_ char *object = strf("%s/kernel.o", tree), *copied = NULL;
	struct kernel_conf k = { .path = (char *)"test.conf", .source.tree = tree };
	struct source a, b;

	(void)state;
	make_small_tree("plain");
	assert_int_equal(file_write(object, "x", 1, 0644), 0);
	resolve(&k, &a);
	resolve(&k, &b);
	assert_string_equal(a.key, b.key);
	assert_true(tree_has_file(a.dir, "arch/x86/kvm/x86.c", NULL));
	copied = strf("%s/kernel.o", a.dir);
	assert_false(path_exists(copied)); /* an object that a build left in the tree */
	source_free(&b);
	assert_int_equal(file_write(file, "int x;\n", 7, 0644), 0);
	resolve(&k, &b);
	assert_string_not_equal(a.key, b.key);
	assert_true(tree_has_file(b.dir, "kernel.c", NULL));
	assert_false(tree_has_file(a.dir, "kernel.c", NULL));
	source_free(&a);
	source_free(&b);
}

/*
 * text: what makes it another tree than the others. A file that .gitignore names is added all the
 * same.
 */
static void make_git_tree(const char *name, const char *text)
{
	static const char *const words[] = {
		"git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-C"
	};
	static const char *const steps[][4] = { { "init", "-q", NULL },
						{ "add", "-Af", NULL },
						{ "commit", "-qm", "base", NULL } };
	_cleanup_free_ char *tree = strf("%s/%s", dir, name);
	_cleanup_free_ char *readme = strf("%s/README", tree);
	_cleanup_free_ char *ignore = strf("%s/.gitignore", tree);

	make_small_tree(name);
	assert_int_equal(file_write(readme, text, strlen(text), 0644), 0);
	assert_int_equal(file_write(ignore, "/Kconfig\n", 9, 0644), 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_strv_ struct strv argv = { 0 };

		for (size_t n = 0; n < ARRAY_SIZE(words); n++)
			strv_add(&argv, words[n]);
		strv_add(&argv, tree);
		for (size_t n = 0; steps[i][n]; n++)
			strv_add(&argv, steps[i][n]);
		command((const char *const *)argv.v);
	}
}

static int count_entries(const char *relative, const struct stat *st, void *ctx)
{
	(void)relative;
	(void)st;
	++*(unsigned int *)ctx;
	return 0;
}

/*
 * An edit, a new file, a deleted one: told apart by content, put together from the first
 * snapshot, nothing written.
 */
static void test_git_tree(void **state)
{
	_cleanup_free_ char *tree = strf("%s/git", dir), *git = strf("%s/.git", tree);
	_cleanup_free_ char *edited = strf("%s/arch/x86/kvm/x86.c", tree),
			    *new = strf("%s/new.c", tree);
	_cleanup_free_ char *gone = strf("%s/arch/x86/kvm/old.c", tree), *out = strf("%s/out", dir);
	struct kernel_conf k = { .path = (char *)"test.conf", .source.tree = tree };
	unsigned int before = 0, after = 0;
	struct source a, b;

	(void)state;
	make_git_tree("git", "the user's");
	assert_int_equal(tree_each(git, count_entries, &before), 0);
	resolve(&k, &a);
	assert_int_equal(a.changed.n, 0);
	assert_true(tree_has_file(a.dir, "scripts/run.sh", NULL));
	assert_int_equal(file_write(edited, "int y;\n", 7, 0644), 0);
	assert_int_equal(file_write(new, "int z;\n", 7, 0755), 0);
	assert_int_equal(remove(gone), 0);
	resolve(&k, &b);
	assert_string_equal(a.dir, b.dir);
	assert_string_not_equal(a.git_tree, b.git_tree);
	assert_int_equal(b.changed.n, 3);
	assert_int_equal(source_put_changed(&k, &b, out), 0);
	{
		struct stat st;

		assert_true(tree_has_file(out, "arch/x86/kvm/x86.c", NULL));
		assert_false(tree_has_file(out, "arch/x86/kvm/old.c", NULL));
		assert_true(tree_has_file(out, "new.c", &st));
		assert_true(st.st_mode & 0100);
	}
	assert_int_equal(tree_each(git, count_entries, &after), 0);
	assert_int_equal(before, after);
	source_free(&a);
	source_free(&b);
}

static void test_git_fetched(void **state)
{
	_cleanup_free_ char *tree = strf("%s/upstream", dir);
	_cleanup_free_ char *url = strf("file://%s", tree), *moved = strf("%s/upstream.gone", dir);
	struct kernel_conf k = { .path = (char *)"test.conf",
				 .source = { .git = url, .ref = (char *)"HEAD" } };
	struct source a, b;

	(void)state;
	make_git_tree("upstream", "upstream's");
	resolve(&k, &a);
	assert_true(tree_has_file(a.dir, "arch/x86/kvm/x86.c", NULL));
	/* With no network, what was fetched last will do; what never was will not. */
	assert_int_equal(rename(tree, moved), 0);
	resolve(&k, &b);
	assert_string_equal(a.key, b.key);
	source_free(&a);
	source_free(&b);
	k.source.ref = (char *)"v9.9";
	assert_int_equal(source_resolve(&k, &b), -OUT_BROKEN);
	source_free(&b);
}

static void test_tarball(void **state)
{
	static const char *const pack[] = { "tar", "-czf", "linux.tar.gz", "linux-6.12", NULL };
	_cleanup_free_ char *path = strf("%s/linux.tar.gz", dir);
	struct kernel_conf k = { .path = (char *)"test.conf", .source.tarball = path };
	char hex[HASH_HEX_LEN + 1];
	struct source s;

	(void)state;
	make_small_tree("linux-6.12");
	command(pack);
	k.source.sha256 = (char *)SHA;
	assert_int_equal(source_resolve(&k, &s), -OUT_USAGE);
	assert_says("nothing was unpacked");
	source_free(&s);
	assert_int_equal(hash_file(path, hex), 0);
	k.source.sha256 = hex;
	resolve(&k, &s);
	assert_true(tree_has_file(s.dir, "arch/x86/kvm/x86.c", NULL));
	source_free(&s);
}

/* An APT whose only suite has one package, with a small tree in it. */
static const char fake_apt[] =
	"#!/bin/sh -e\n"
	"echo \"$@\" >>\"$APT_SEEN\"\n"
	"case \"$*\" in\n"
	"indextargets*) echo http://mirror/debian;;\n"
	"*' update') grep -q '^deb .* http://mirror/debian old main$' sources.list || { echo 'E: no such suite'; exit 100; };;\n"
	"*' download linux-source-5.99')\n"
	"mkdir -p p/DEBIAN p/usr/src\n"
	"printf 'Package: linux-source-5.99\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x>\\nDescription: x\\n' >p/DEBIAN/control\n"
	"tar -C \"$APT_TREE\" -cJf p/usr/src/linux-source-5.99.tar.xz linux-5.99\n"
	"dpkg-deb --build p linux-source-5.99_1_all.deb; rm -r p;;\n"
	"*) echo \"E: Unable to locate package\"; exit 100;;\n"
	"esac\n";

static size_t times_asked(const char *seen)
{
	_cleanup_buf_ struct buf b = { 0 };
	size_t n = 0;

	assert_int_equal(file_read(seen, &b), 0);
	for (const char *at = buf_str(&b); (at = strstr(at, "download")); at++)
		n++;
	return n;
}

/* A package that is not installed comes from its suite, once; else it is told what to do. */
static void test_package_fetched(void **state)
{
	_cleanup_free_ char *apt = put("apt-get", fake_apt), *seen = put("seen", ""), *path = strf("%s:%s", dir, getenv("PATH"));
	_cleanup_free_ char *old = xstrdup(getenv("PATH"));
	struct kernel_conf k = { .path = (char *)"test.conf", .source.package = (char *)"linux-source-5.99" };
	struct source s;

	(void)state;
	make_small_tree("linux-5.99");
	assert_int_equal(chmod(apt, 0755) | setenv("PATH", path, 1) | setenv("APT_SEEN", seen, 1) | setenv("APT_TREE", dir, 1), 0);
	assert_int_equal(source_resolve(&k, &s), -OUT_BROKEN);
	assert_says("install it with `apt-get install linux-source-5.99`");
	k.source.suite = (char *)"older";
	assert_int_equal(source_resolve(&k, &s), -OUT_BROKEN);
	assert_says("can't be had from Debian older");
	k.source.suite = (char *)"old";
	for (int i = 0; i < 2; i++) {
		resolve(&k, &s);
		assert_true(tree_has_file(s.dir, "arch/x86/kvm/x86.c", NULL));
		source_free(&s);
	}
	assert_int_equal(times_asked(seen), 1);
	k.source.package = (char *)"linux-source-5.98";
	assert_int_equal(source_resolve(&k, &s), -OUT_BROKEN);
	assert_says("Unable to locate package");
	setenv("PATH", old, 1);
}

static void test_not_a_kernel(void **state)
{
	_cleanup_free_ char *tree = strf("%s/empty", dir), *src = path_in_cache("src");
	struct kernel_conf k = { .path = (char *)"test.conf", .source.tree = tree };
	_cleanup_strv_ struct strv before = { 0 }, after = { 0 };
	struct source s;

	(void)state;
	assert_int_equal(mkdir_p(tree) | mkdir_p(src), 0);
	assert_int_equal(dir_list(src, NULL, &before), 0);
	assert_int_equal(source_resolve(&k, &s), -OUT_USAGE);
	assert_says("is not a Linux source tree: it has no Makefile");
	assert_int_equal(dir_list(src, NULL, &after), 0);
	assert_int_equal(before.n, after.n); /* nothing half is left */
	source_free(&s);
}

static int make_dir(void **state)
{
	_cleanup_free_ char *cache = NULL;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	cache = strf("%s/cache", dir);
	return setenv("NESTLAB_CACHE", cache, 1);
}

static int remove_dir(void **state)
{
	(void)state;
	return rm_rf(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf_whole),
		cmocka_unit_test(test_conf_bad),
		cmocka_unit_test(test_conf_unknown),
		cmocka_unit_test(test_conf_own),
		cmocka_unit_test(test_own_tree),
		cmocka_unit_test(test_options_of_a_tree),
		cmocka_unit_test(test_fragments_override),
		cmocka_unit_test(test_fragment_errors),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_fragment_hash),
		cmocka_unit_test(test_make_lines),
		cmocka_unit_test(test_make_other_errors),
		cmocka_unit_test(test_sandbox_walls),
		cmocka_unit_test(test_ccache_sees_incbin),
		cmocka_unit_test(test_plain_tree),
		cmocka_unit_test(test_git_tree),
		cmocka_unit_test(test_git_fetched),
		cmocka_unit_test(test_tarball),
		cmocka_unit_test(test_package_fetched),
		cmocka_unit_test(test_not_a_kernel),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
