# SPDX-License-Identifier: GPL-2.0-only
# UTF-16 with a mark, names that are not ASCII, and what other systems leave beside the work.
# expect: fail
# says: edx
mkdir -p 'Lösung (1)/__MACOSX' && cd 'Lösung (1)' && cp -r "$grade/fault/." .
find . -name '*.c' | while read -r f; do
	{ printf '\377\376' && iconv -f UTF-8 -t UTF-16LE "$f"; } >../wide && cat ../wide >"$f"
done
rm ../wide
printf '\001\002' | tee .DS_Store __MACOSX/._cpuid.c >Thumbs.db
cp "$grade/base/arch/x86/kvm/cpuid.c" arch/x86/kvm/cpuid.c~ && cp "$grade/one.diff" arch/x86/kvm/cpuid.c.rej
