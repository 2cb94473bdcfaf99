# Everything that a person or CI does with this repository. `make help` lists the targets.
#
# The machine needs Node 20 or newer, npm and make. All tools then run on the Node 24 that npm
# installs, the very version that the plugin ships.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

id := $(shell sed -n 's/^  "id": "\(.*\)",/\1/p' plugin.json)
version := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' plugin.json)
arch := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
bundle := dist/$(id)-$(version)-linux-$(arch).tar.gz

# npm writes this file last, so it tells which lock file the folder was installed from.
modules := node_modules/.package-lock.json
build_sources := $(wildcard build/*.ts) plugin.json
server_sources := $(shell find server/src -name '*.ts' ! -name '*.test.ts')
webapp_sources := $(shell find webapp -name node_modules -prune -o -name dist -prune -o -type f -print)
executable := dist/plugin/$(id)/plugin.json

unit_tests := 'server/{src,test}/**/*.test.ts' 'webapp/{src,test,tests}/**/*.test.ts' \
  'build/*.test.ts' 'build/!(cluster|conformance|e2e|node_modules)/**/*.test.ts'

.PHONY: all
all: check-style test dist ## check-style, test and dist

.PHONY: run
run: executable webapp ## start the plugin in a stand-in host with a page (NODES=3: a cluster)
	node build/devhost/main.ts

.PHONY: test
test: $(modules) executable webapp ## run the tests of server, web app and build
	node --test --test-concurrency=2 $(unit_tests)

.PHONY: check-style
check-style: $(modules) ## format, lint, types, layers, limits, promises
	prettier --check --log-level warn .
	for project in server/tsconfig.pure.json server build build/devhost/console \
	  webapp/tsconfig.pure.json webapp; do tsc -p $$project; done
	eslint -c build/eslint.config.mjs --max-warnings 0 server build webapp
	node build/check-layers.ts
	node build/tidy.ts
	node build/promises.ts

.PHONY: conformance
conformance: executable ## the executable under the official Go host, and formats against Go
	node build/conformance/run.ts

.PHONY: kill-test
kill-test: $(modules) ## kill a storing process a hundred times, and count with promtool
	KILLS=$${KILLS:-34} node build/conformance/run.ts tsdb/kills

.PHONY: cluster-test
cluster-test: executable ## a cluster under faults, simulated and with real processes
	node build/cluster/run.ts

.PHONY: e2e
e2e: $(bundle) ## the bundle in a real Mattermost server with PostgreSQL
	node build/e2e/run.ts

.PHONY: bench
bench: $(modules) ## measure the TSDB beside Prometheus' own
	node build/bench/run.ts

.PHONY: bench-scrape
bench-scrape: executable ## measure scraping beside Prometheus (BENCH_SECONDS=20 BENCH_RUNS=1: short)
	node build/bench/scrape.ts

.PHONY: bench-dump
bench-dump: $(bundle) ## measure dumps beside the Go plugin's steps (BENCH_SCALE=0.2 BENCH_RUNS=1: short)
	node build/bench/dump.ts

.PHONY: dist
dist: $(modules) webapp ## build and check the upload bundles of both platforms
	node build/dist.ts

.PHONY: audit
audit: $(modules) ## fail when a newer Node of the shipped line is out, or npm knows a vulnerability
	node build/audit.ts

.PHONY: executable
executable: $(executable) ## build the executable of this machine in dist/plugin, for development

.PHONY: webapp
webapp: webapp/dist/main.js ## build the web app's bundle

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: clean
clean: ## remove what was built
	rm -rf dist webapp/dist .cache

$(modules): package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
	  { echo "Node 20 or newer is needed: https://nodejs.org"; exit 1; }
	if [ -d node_modules ]; then npm install --no-save; else npm ci; fi
	@touch $@
	@node_modules/.bin/node --version >/dev/null || \
	  { echo "npm installed no Node for this platform; Linux on x64 or arm64 is needed"; exit 1; }

$(executable): $(modules) $(server_sources) $(build_sources) $(wildcard assets/*) webapp/dist/main.js
	node build/assemble.ts
	@touch $@

webapp/dist/main.js: $(modules) $(webapp_sources)
	cd webapp && webpack --mode production
	@touch $@

$(bundle): $(modules) $(server_sources) $(build_sources) $(wildcard assets/*) webapp/dist/main.js
	node build/dist.ts $(arch)
