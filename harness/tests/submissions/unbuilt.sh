# SPDX-License-Identifier: GPL-2.0-only
# A diff of all that lay there: a .config (which ends a build where it lies in the source), a program, a README of another repository.
# expect: fail
# says: edx
{
	cd "$grade" && { git diff --no-index base fault || :; } | sed 's, \([ab]\)/\(base\|fault\)/, \1/,g'
	printf 'diff --git a/.config b/.config\nnew file mode 100644\n--- /dev/null\n+++ b/.config\n@@ -0,0 +1 @@\n+CONFIG_KVM=m\n'
	printf 'diff --git a/a.out b/a.out\nnew file mode 100755\nBinary files /dev/null and b/a.out differ\n'
	printf 'diff --git a/notes/README.md b/notes/README.md\n--- a/notes/README.md\n+++ b/notes/README.md\n@@ -1 +1 @@\n-none\n+mine\n'
} >"$to/change.diff"
