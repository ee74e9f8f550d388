#!/usr/bin/env bash
# Checks and tests the modules named on the command line. It continues after a
# failure, so that one run shows every fault.
set -uo pipefail

failed= # one line for each failed step
fail() {
	echo "FAILED: $1" >&2
	failed+="   $1"$'\n'
}

# step prints its title and runs its other arguments as a command.
step() {
	local title=$1
	shift
	echo "== $title"
	"$@" || fail "$title"
}

formatted() {
	local files
	files=$(find . -name node_modules -prune -o -name '*.go' -exec gofmt -l {} +) || return
	[ -z "$files" ] || { echo "run gofmt -w on" $files && return 1; }
}
step "gofmt" formatted

# Tests that are skipped write the reason to this file (e2e/internal/need).
JWTAUTH_TEST_SKIPPED=$(mktemp) || exit
export JWTAUTH_TEST_SKIPPED
trap 'rm -f "$JWTAUTH_TEST_SKIPPED"' EXIT

# -race requires cgo, a C compiler and its headers. Building a package with C
# code shows whether all three are installed.
race=-race
if ! reason=$(go build -race runtime/cgo 2>&1); then
	race=
	echo "== the tests run without -race, which needs a C compiler; make deps installs it"
	echo "$reason"
	[ "${JWTAUTH_TEST_REQUIRE:-}" != 1 ] || fail "-race, with JWTAUTH_TEST_REQUIRE=1"
fi

# staticcheck is built once, from the tools module, and runs in every module, so
# that no other module requires it.
staticcheck=$(go tool -C tools -n staticcheck) || exit

# find_newest sets newest to a command that runs the newest supported Go, and
# fails if it is not installed. It downloads nothing: that is left to make deps.
newest=()
find_newest() {
	local name
	for name in $(compgen -c "${NEWEST_GO%.*}" | sort -Vru); do
		"$name" version >/dev/null 2>&1 && newest=("$name") && return
	done
	newest=(env "GOTOOLCHAIN=$NEWEST_GO" go)
	GOPROXY=off "${newest[@]}" version >/dev/null 2>&1
}

# The root module alone promises to compile for 32-bit targets and to support
# two releases of Go.
test_root() {
	# Under the race detector a sync.Pool drops items at random, so allocations
	# are counted without it.
	step "$dir: go test, allocations" go test -run Allocat . ./internal/...
	step "$dir: go vet for 32 bits" env GOARCH=386 go vet ./...
	if find_newest; then
		step "$dir: go test with $("${newest[@]}" env GOVERSION)" "${newest[@]}" test -shuffle=on ./...
	else
		echo "== $dir: tests with $NEWEST_GO were not run: it is not installed; make deps installs it if the machine has access to the network"
	fi
}

for dir in "$@"; do
	pushd "$dir" >/dev/null || exit
	# The packages of e2e start servers, browsers and a thousand clients each, so
	# they run one at a time. They also run every time: go's cache of test results
	# does not notice changes in the programs of other modules that they start.
	# The same is true of the files that tools/prose reads. On a slow machine the
	# tests in a browser may take longer than go's limit of 10 minutes.
	one=
	[ "$dir" != ./e2e ] || one="-p 1 -count=1 -timeout 20m"
	[ "$dir" != ./tools ] || one=-count=1
	if ! packages=$(go list ./...); then
		fail "$dir: go list"
	elif [ -n "$packages" ]; then
		step "$dir: go vet" go vet ./...
		step "$dir: staticcheck" "$staticcheck" ./...
		step "$dir: go test ${race:-without -race}" go test $one $race -shuffle=on ./...
		[ "$dir" != . ] || test_root
	fi
	popd >/dev/null || exit
done

if [ -s "$JWTAUTH_TEST_SKIPPED" ]; then
	echo "== skipped tests and the reasons:"
	sort "$JWTAUTH_TEST_SKIPPED" | uniq -c
fi
if [ -n "$failed" ]; then
	printf '== failed:\n%s' "$failed" >&2
	exit 1
fi
echo "== all passed"
