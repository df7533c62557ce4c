# SPDX-License-Identifier: GPL-2.0-only
# A repository whose work is in a branch that is not checked out, beside upstream's files as they are.
# expect: needs a person
# says: refs/heads/hw2
# sample
as() {
	GIT_CONFIG_GLOBAL=/dev/null git -C linux -c "user.name=$1" -c "user.email=$1@localhost" commit -qam work
}
mkdir linux && cp -r "$grade/base/." linux && git init -q -b main linux && git -C linux add . && as linus
git -C linux checkout -qb hw2 && cp -r "$grade/ref/." linux && as ann && git -C linux checkout -q main
