# SPDX-License-Identifier: GPL-2.0-only
# A source file that a word processor saved.
# expect: needs a person
# says: is a document
# sample
cp -r "$grade/ref/." . && { printf '{\\rtf1\\ansi\n' && sed 's/[{}\\]/\\&/g; s/$/\\/' "$grade/ref/arch/x86/kvm/cpuid.c" && echo '}'; } >arch/x86/kvm/cpuid.c
