#!/usr/bin/env bash
# Checks the repository before a release. It changes nothing, and prints the tags
# to set at the end.
#
#   scripts/release.sh v0.1.0 [PREVIOUS]
#
# PREVIOUS is the tag whose API the release is compared with, if there is one.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:-}
previous=${2:-}
failed=
check() {
	local title=$1
	shift
	echo "== $title"
	"$@" || { echo "FAILED: $title" >&2; failed=1; }
}

# The modules that users require. Examples, tests and tools are not released.
modules=(redisstore otelauth)

is_version() { [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || { echo "usage: scripts/release.sh v0.1.0 [PREVIOUS]" >&2; return 1; }; }
is_version || exit 2

is_clean() { [ -z "$(git status --porcelain)" ] || { git status --short; return 1; }; }
has_entry() { grep -q "^## \[${version#v}\]" CHANGELOG.md || { echo "CHANGELOG.md has no entry for ${version#v}"; return 1; }; }
is_new() { ! git rev-parse -q --verify "refs/tags/$version" >/dev/null || { echo "the tag $version exists"; return 1; }; }

# requires_version: a released module must require this version of the root
# module, because users do not get its replace directive.
requires_version() {
	local required
	required=$(go list -C "$1" -m -f '{{.Version}}' github.com/seed-0a072700/jwtauth)
	[ "$required" = "$version" ] || { echo "$1/go.mod requires $required of the root module, not $version"; return 1; }
}

# builds_with_tag builds a module with a copy of the root module under the
# version, as users will get it: tests and nested modules are not in it.
builds_with_tag() {
	local folder
	folder=$(mktemp -d) || return
	git archive HEAD | tar -x -C "$folder" || return
	find "$folder" -mindepth 2 -name go.mod -not -path "$folder/$1/*" -exec rm {} +
	(cd "$folder/$1" && go build ./... && go vet .)
	local result=$?
	rm -rf "$folder"
	return "$result"
}

examples_run() { go test ./examples/... && for mod in examples/*/go.mod; do go test -C "$(dirname "$mod")" ./... || return; done; }

# compares reports changes of the API that break users.
compares() {
	local old
	old=$(mktemp -d) || return
	git archive "$previous" | tar -x -C "$old" || return
	(cd "$old" && go run golang.org/x/exp/cmd/apidiff@latest -m -w "$old/api" github.com/seed-0a072700/jwtauth) &&
		go run golang.org/x/exp/cmd/apidiff@latest -m -incompatible "$old/api" github.com/seed-0a072700/jwtauth
}

check "no uncommitted changes" is_clean
check "the tag is new" is_new
check "CHANGELOG.md has an entry" has_entry
check "go vet" go vet ./...
for module in "${modules[@]}"; do
	check "$module requires $version" requires_version "$module"
	check "$module builds" builds_with_tag "$module"
done
check "the examples run" examples_run
check "govulncheck" go run golang.org/x/vuln/cmd/govulncheck@latest ./...
[ -z "$previous" ] || check "apidiff since $previous" compares

[ -z "$failed" ] || exit 1
echo "ready. Set the tags: $version$(printf " %s/$version" "${modules[@]}")"
