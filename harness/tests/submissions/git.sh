# SPDX-License-Identifier: GPL-2.0-only
# A repository: upstream's commit, then one of hers, and something that she did not commit. Its settings and hooks are hostile.
# expect: fail
# says: edx
# outside: escaped
as() {
	GIT_CONFIG_GLOBAL=/dev/null git -C linux -c "user.name=$1" -c "user.email=$1@localhost" commit -qam work
}
mkdir linux && cp -r "$grade/base/." linux && git init -q linux && git -C linux add . && as linus
cp -r "$grade/ref/." linux && as ann
cp -r "$grade/fault/." linux
printf '[core]\n\tfsmonitor = touch %s/../escaped\n[diff]\n\texternal = touch %s/../escaped\n' "$to" "$to" >>linux/.git/config
printf '#!/bin/sh\ntouch "%s/../escaped"\n' "$to" >linux/.git/hooks/post-index-change && chmod +x linux/.git/hooks/post-index-change
