# The commands of developers and CI; `make help` lists them. They require Go, make
# and bash.

SHELL    := bash
FUZZTIME ?= 60s

# The newest Go that is supported. go.mod names the oldest.
export NEWEST_GO ?= go1.27.0

# Every module of the repository, found by its go.mod, the root first.
MODULES := $(sort $(patsubst %/go.mod,%,$(shell find . \( -name node_modules -o -name testdata \) -prune -o -name go.mod -print)))

.DEFAULT_GOAL := help
.PHONY: help deps test cover fuzz bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## install the programs and packages that the tests of every module use
	@scripts/deps.sh $(MODULES)

test: ## gofmt, vet, staticcheck and the tests of every module
	@scripts/test.sh $(MODULES)

cover: ## coverage of the root package and internal/ by all their tests together (profile: cover.out)
	@go test -coverprofile=cover.out -coverpkg=.,./internal/... . ./internal/... >cover.log || { cat cover.log; exit 1; }
	@rm cover.log
	@go tool cover -func=cover.out | tail -n 1

fuzz: ## run each fuzz target of every module for FUZZTIME (60s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh $(MODULES)

bench: ## benchmarks of the root module, the comparison with its peers (bench/), and the cost of otelauth
	@go test -run='^$$' -bench=. -benchmem ./...
	@if [ -f bench/go.mod ]; then go run -C bench .; fi
	@go test -C otelauth -run='^$$' -bench=. .
