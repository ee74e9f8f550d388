#!/usr/bin/env bash
# Installs what the tests of the modules named on the command line need and the
# machine lacks. Does nothing, quickly, where all of it is there.
set -euo pipefail

# A program (or a glob of its path, where it is not on PATH) and the Debian
# packages that bring it, one line each, in the order of installation: some
# builds of nodejs bring npm along and conflict with the package of that name.
programs='
node  nodejs
npm   npm
cc    gcc libc6-dev
/usr/lib/postgresql/*/bin/postgres  postgresql
mariadbd      mariadb-server
redis-server  redis-server
chromium      chromium fonts-dejavu-core
'

# Debian keeps some servers where a user's PATH does not lead.
PATH=$PATH:/usr/local/sbin:/usr/sbin

have() {
	case $1 in
	*/*) compgen -G "$1" >/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# The tests start servers of their own from the binaries. A package that brings one
# would start it as a service, too: a script of this name tells it not to (Debian's
# convention), for as long as this one runs, and where the machine has none of its own.
policy=/usr/sbin/policy-rc.d
quiet_services() {
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
}

updated=
install() {
	quiet_services
	echo "== apt-get install $*"
	[ -n "$updated" ] || apt-get update -qq </dev/null
	updated=1
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" </dev/null
}

missing=
while read -r program packages; do
	if [ -z "$program" ] || have "$program"; then
		continue
	elif [ "$(id -u)" = 0 ] && have apt-get; then
		# shellcheck disable=SC2086 # a list of words
		install $packages
	else
		missing="$missing $packages"
	fi
done <<<"$programs"

# The lock file that npm leaves in node_modules is the last thing it writes: newer
# than ours, it says that our packages are there. `npm ci` alone would lay them
# anew at every run.
for lock in */package-lock.json; do
	dir=$(dirname "$lock")
	if have npm && [ ! "$dir/node_modules/.package-lock.json" -nt "$lock" ]; then
		echo "== npm ci in $dir"
		(cd "$dir" && npm ci </dev/null)
	fi
done

for dir in "$@"; do
	echo "== go mod download in $dir"
	(cd "$dir" && go mod download)
done

if [ -n "$missing" ]; then
	echo "Please install (by their Debian names):$missing" >&2
	echo "Until then, the tests that need them are skipped." >&2
	exit 1
fi
echo "== all there"
