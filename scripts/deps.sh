#!/usr/bin/env bash
# Installs the programs and packages that the tests of the modules named on the
# command line use. If everything is installed, it does nothing and is quick.
set -euo pipefail

# One line for each program: its name, or a glob of its path if it is not on
# PATH, then the Debian packages that contain it. The order is the order of
# installation: some builds of nodejs include npm and conflict with the package
# of that name.
programs='
git   git
curl  curl
openssl  openssl
ssh-keygen  openssh-client
node  nodejs
npm   npm
cc    gcc libc6-dev
/usr/lib/postgresql/*/bin/postgres  postgresql
pgbouncer     pgbouncer
mariadbd      mariadb-server
redis-server  redis-server
chromium      chromium fonts-dejavu-core
softhsm2-util  softhsm2
'

# Debian installs some servers in folders that are not on a user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin

have() {
	case $1 in
	*/*) compgen -G "$1" >/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# The tests start their own servers from the binaries. Installing a server's
# package would also start it as a service. Debian's convention to prevent that is
# a script of this name. It exists only while this script runs, and an existing
# one is left alone.
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

# npm writes the lock file in node_modules last. If it is newer than ours, our
# packages are installed. `npm ci` alone would install them again at every run.
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

# The tests of the root module also run with the newest supported Go, if it is
# installed. Its toolchain comes from the module proxy, like any module.
if ! GOTOOLCHAIN=$NEWEST_GO go version; then
	echo "== $NEWEST_GO could not be downloaded; the tests run without it"
fi

if [ -n "$missing" ]; then
	echo "Please install these packages (Debian names):$missing" >&2
	echo "Until then, the tests that use them are skipped." >&2
	if [ "${JWTAUTH_TEST_REQUIRE:-}" = 1 ] || [ "${CI:-}" = true ]; then
		exit 1
	fi
	exit
fi
echo "== everything is installed"
