#!/usr/bin/env bash
# Runs each fuzz target of the modules named on the command line for FUZZTIME,
# one at a time, because go test accepts no more. It stops at the first finding,
# which go test has then written to testdata/fuzz.
set -euo pipefail

for dir in "$@"; do
	packages=$(go list -C "$dir" ./...)
	for package in $packages; do
		listed=$(go test -C "$dir" -list '^Fuzz' "$package") # the targets, then the result
		for target in $(grep '^Fuzz' <<<"$listed"); do
			echo "== $package $target"
			go test -C "$dir" -run='^$' -fuzz="^$target\$" -fuzztime="${FUZZTIME:-60s}" -fuzzminimizetime=5x "$package"
		done
	done
done
