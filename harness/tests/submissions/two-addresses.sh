# SPDX-License-Identifier: GPL-2.0-only
# A repository whose commits have different authors: a partner, and a page of the web that wrote the README.
# expect: fail
# says: edx
as() {
	GIT_CONFIG_GLOBAL=/dev/null git -C linux -c "user.name=$1" -c "user.email=$1@localhost" commit -qm "$2"
}
mkdir linux && cp -r "$grade/base/." linux && git init -q linux && git -C linux add . && as linus 'Linux

Signed-off-by: linus <linus@localhost>'
cp -r "$grade/ref/." linux && git -C linux add . && as ann work
cp -r "$grade/fault/." linux && git -C linux add . && as bob 'the rest'
echo '# ours' >linux/README.md && git -C linux add . && as web 'Update README.md'
