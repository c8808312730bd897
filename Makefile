# Voci in Comune: the everyday commands. `make help` lists them.

SHELL         := /bin/bash
.SHELLFLAGS   := -euo pipefail -c
MAKEFLAGS     += --no-print-directory
.DEFAULT_GOAL := help

# SQLite's full-text search is compiled in by this tag; this is the one place that says so.
# No version-control stamp: it fails in a clone that belongs to another user.
export GOFLAGS     := $(strip $(GOFLAGS) -buildvcs=false -tags=sqlite_fts5)
export CGO_ENABLED := 1

VOCI          := bin/voci
LINT          := bin/golangci-lint
TEST_TIMEOUT  ?= 30m
BENCH_TIMEOUT ?= 60m

CHECK_PAGES := scripts/quietly npm run --prefix web check
CHECK_GO    := scripts/quietly $(LINT) run

# One step after the other: what is built embeds what was built before.
.NOTPARALLEL:

.PHONY: help run build test assets check lint format bench screenshots setup setup-test setup-bench clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup assets build ## install what is missing, build, and serve http://localhost:8080
	@exec $(VOCI) serve

build: ## compile bin/voci (pages' styles and scripts come from `make assets`)
	@test -e $(VOCI) || echo 'building $(VOCI): the first time takes some minutes'
	@go build -trimpath -o $(VOCI) ./cmd/voci

# A finding of the checks fails the whole, but does not hide what the tests say.
test: setup-test assets $(LINT) ## everything that must hold: types, linters, tests
	@failed=0; \
	$(CHECK_PAGES) || failed=1; \
	$(CHECK_GO) || failed=1; \
	go test -timeout $(TEST_TIMEOUT) ./... || failed=1; \
	exit $$failed

assets: setup ## styles and scripts of the pages, into static/dist
	@scripts/quietly npm run --prefix web build

check: setup ## the pages' TypeScript
	@$(CHECK_PAGES)

lint: $(LINT) ## vet, linters and format check
	@$(CHECK_GO)

format: $(LINT) ## format the Go files
	@$(LINT) fmt

bench: setup-bench assets ## speed and memory, as ratios measured in one run
	@go test -run '^$$' -bench . -timeout $(BENCH_TIMEOUT) $$(scripts/benchmarks)

screenshots: setup-test assets ## every page at both widths, into screenshots/ (or DIR=…)
	@VOCI_SCREENSHOTS=$(abspath $(or $(DIR),screenshots)) go test -count 1 -run Screenshots -timeout $(TEST_TIMEOUT) ./internal/journey/...

setup:
	@scripts/setup run

setup-test:
	@scripts/setup run test

setup-bench:
	@scripts/setup run bench

clean: ## remove what was built; the data stays
	@rm -rf bin coverage.out screenshots web/node_modules
	@find static/dist -mindepth 1 ! -name .gitkeep -delete

# The linters have a module of their own, so that their versions are pinned and ours stay few.
$(LINT): tools/go.mod tools/go.sum
	@go -C tools build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
