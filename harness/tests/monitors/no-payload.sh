# SPDX-License-Identifier: GPL-2.0-only
# What its makefile is to build from is not there: no fault of its code.
# expect: needs a person
# sample
cp "$monitors"/alternatives/monitors/handout/Makefile "$monitors"/alternatives/monitors/handout/hello.c .
