#!/usr/bin/env bash
# Checks and tests the modules named on the command line. Goes on after a
# failure, so that one run shows everything that is wrong.
set -uo pipefail

failed= # one line for each step that did
fail() {
	echo "FAILED: $1" >&2
	failed+="   $1"$'\n'
}

# step prints its title and runs the rest of its arguments as a command.
step() {
	local title=$1
	shift
	echo "== $title"
	"$@" || fail "$title"
}

formatted() {
	local files
	files=$(find . -name node_modules -prune -o -name '*.go' -exec gofmt -l {} +) || return
	[ -z "$files" ] || { echo "gofmt -w is due on" $files && return 1; }
}
step "gofmt" formatted

# Where tests that lack a part of the machine say so (e2e/internal/need).
JWTAUTH_TEST_SKIPPED=$(mktemp) || exit
export JWTAUTH_TEST_SKIPPED
trap 'rm -f "$JWTAUTH_TEST_SKIPPED"' EXIT

# -race needs cgo, a C compiler and its headers: a package with C code shows all three.
race=-race
if ! reason=$(go build -race runtime/cgo 2>&1); then
	race=
	echo "== the tests run without -race, which needs a C compiler; make deps installs it"
	echo "$reason"
	[ "${JWTAUTH_TEST_REQUIRE:-}" != 1 ] || fail "-race, with JWTAUTH_TEST_REQUIRE=1"
fi

# Built once, from the tools module, and run in each: no other module requires it.
staticcheck=$(go tool -C tools -n staticcheck) || exit

for dir in "$@"; do
	pushd "$dir" >/dev/null || exit
	# Packages that start servers, browsers and a thousand clients each get the machine to themselves, and run each
	# time: go's cache of results does not know the programs of other modules that they start.
	one=
	[ "$dir" != ./e2e ] || one="-p 1 -count=1"
	if ! packages=$(go list ./...); then
		fail "$dir: go list"
	elif [ -n "$packages" ]; then # the tools module has none
		step "$dir: go vet" go vet ./...
		step "$dir: staticcheck" "$staticcheck" ./...
		step "$dir: go test ${race:-without -race}" go test $one $race -shuffle=on ./...
		# Under the race detector pools forget at random, so allocations are counted without it.
		[ "$dir" != . ] || step "$dir: go test, allocations" go test -run Allocations .
	fi
	popd >/dev/null || exit
done

if [ -s "$JWTAUTH_TEST_SKIPPED" ]; then
	echo "== skipped tests, and why:"
	sort "$JWTAUTH_TEST_SKIPPED" | uniq -c
fi
if [ -n "$failed" ]; then
	printf '== failed:\n%s' "$failed" >&2
	exit 1
fi
echo "== all passed"
