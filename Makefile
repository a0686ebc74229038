# CIFT Markets. Two commands do everything on a fresh machine with Python 3.11, cargo and make:
#   make run     starts the exchange           make test     checks everything
# Stamps under .venv/ remember what is done, so the second start takes seconds.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
CARGO ?= cargo
# The cache that all clones share: compiled crates (scripts/cargo_cache.py), wheels, the test cluster's tools.
ifdef CIFT_CACHE
export PIP_CACHE_DIR ?= $(CIFT_CACHE)/pip
endif
export CIFT_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/cift
CRATES := $(PY) scripts/cargo_cache.py
# CI measures no speed and compiles each crate once: matchd, relay, cift_core and the cargo tests share one profile, with
# assertions. Optimising whole programs at link time (LTO) takes more than half of a release build; a panic names its
# line without debug information.
ifdef CI
export CARGO_INCREMENTAL ?= 0
export CARGO_PROFILE_RELEASE_OPT_LEVEL ?= 1
export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS ?= true
export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS ?= true
export CARGO_PROFILE_RELEASE_LTO ?= off
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS ?= 16
export CARGO_PROFILE_RELEASE_DEBUG ?= 0
endif
# Built binaries; CARGO_TARGET_DIR moves them, as cargo itself does.
TARGET := $(or $(CARGO_TARGET_DIR),rust_core/target)
export CIFT_MATCHD ?= $(abspath $(TARGET))/release/matchd
export CIFT_RELAY ?= $(abspath $(TARGET))/release/relay
RUST_SOURCES := $(shell find rust_core -path rust_core/target -prune -o -type f \( -name '*.rs' -o -name 'Cargo.*' -o -name '*.capnp' -o -name 'pyproject.toml' -o -name '*.py' -o -name '*.pyi' \) -print 2>/dev/null)
# make run MARKET=agents SPEED=10 PORT=8001
export CIFT_MARKET ?= $(or $(MARKET),replay)
export CIFT_SPEED ?= $(or $(SPEED),1)
export CIFT_HTTP_PORT ?= $(or $(PORT),8000)

.PHONY: help
help: ## What there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

.PHONY: need-python need-cargo
need-python:
	@command -v $(PYTHON) >/dev/null || { echo "CIFT Markets needs Python 3.11 or newer and finds no '$(PYTHON)': install it, or name yours with make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "CIFT Markets needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1): name a newer one with make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "'$(PYTHON)' cannot make virtual environments (no ensurepip): on Debian, apt-get install python3-venv"; exit 1; }
need-cargo:
	@command -v $(CARGO) >/dev/null || { echo "CIFT Markets builds its matching engine with Rust and finds no 'cargo': install Rust (rustup, 1.85 or newer), then run this again"; exit 1; }

.PHONY: setup
setup: need-python $(VENV)/.runtime ## Make .venv with the locked dependencies

.PHONY: setup-dev
setup-dev: setup $(VENV)/.dev ## The same with what checking needs

$(VENV)/.runtime: requirements/machine.lock scripts/link_source.py
	@echo "── Python packages (requirements/machine.lock) into $(VENV)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --disable-pip-version-check --require-hashes -r requirements/machine.lock 2>&1 | scripts/progress.sh "packages"
	@$(PY) scripts/link_source.py
	@touch $@

# ClickHouse inside the functions' process. CIFT_CLICKHOUSE_URL=none (or a server's address) leaves its 620 MB out.
$(VENV)/.chdb: requirements/chdb.lock $(VENV)/.runtime
	@echo "── ClickHouse, embedded (requirements/chdb.lock) into $(VENV); CIFT_CLICKHOUSE_URL=none leaves it out"
	@$(PY) -m pip install --disable-pip-version-check --require-hashes -r requirements/chdb.lock 2>&1 | scripts/progress.sh "packages"
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime
	@echo "── Tools for checking (requirements/dev.lock) into $(VENV)"
	@$(PY) -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.lock 2>&1 | scripts/progress.sh "packages"
	@touch $@

.PHONY: setup-research
setup-research: setup $(VENV)/.research ## The same with what features and backtests need (Numba: 210 MB)

$(VENV)/.research: requirements/research.lock $(VENV)/.runtime
	@echo "── Numba for features and backtests (requirements/research.lock) into $(VENV)"
	@$(PY) -m pip install --disable-pip-version-check --require-hashes -r requirements/research.lock 2>&1 | scripts/progress.sh "packages"
	@touch $@

.PHONY: build
build: need-cargo setup $(VENV)/.core ## Build matchd, relay and the Python module cift_core
	@cd rust_core && $(CARGO) build --locked --release $(PROGRAMS) $(if $(CI),,--quiet)

PROGRAMS := -p matchd -p relay --bin matchd --bin relay
$(VENV)/.core: $(VENV)/.runtime $(RUST_SOURCES)
	@$(CRATES) restore
	@echo "── matching engine (cargo, release: some minutes the first time)"
	@cd rust_core && $(CARGO) build --locked --release $(PROGRAMS)
	@echo "── cift_core, the engine for Python (maturin)"
	@rm -rf $(VENV)/wheels && $(VENV)/bin/maturin build --quiet --locked --release --interpreter $(PY) --manifest-path rust_core/crates/python/Cargo.toml --out $(VENV)/wheels
	@$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall $(VENV)/wheels/*.whl
	@$(CRATES) save
	@touch $@

.PHONY: run
run: build $(if $(CIFT_CLICKHOUSE_URL),,$(VENV)/.chdb) ## Start the exchange on port 8000 (MARKET=replay|agents|alpaca|massive|none SPEED=1 PORT=8000)
	@exec $(PY) -m cift.run

.PHONY: up down logs
up: build $(if $(CIFT_CLICKHOUSE_URL),,$(VENV)/.chdb) ## Start the exchange in the background, with the same settings
	@$(PY) -m cift.run up

down: setup ## Stop the exchange that runs with the data folder
	@$(PY) -m cift.run down

logs: setup ## Follow the log files of the exchange
	@exec $(PY) -m cift.run logs

# Processes that run pytest, a file in one of them; 0: all in this one.
WORKERS ?= 2
.PHONY: test test-rust test-python
test: lint test-rust test-python ## Check everything: lint, cargo tests, pytest

test-rust: build ## The cargo tests alone
	@echo "── cargo test"
	cd rust_core && $(CARGO) test --locked $(if $(CI),--release) --workspace --exclude cift-core-python --quiet
	@$(CRATES) save

test-python: setup-dev build ## The Python tests alone (PYTEST='tests/api -k orders': some of them)
	@echo "── pytest"
	$(PY) -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

.PHONY: test-fast test-long
test-fast: setup-dev build ## The Python tests that start no servers, in about a minute
	$(PY) -m pytest -n $(WORKERS) --dist loadfile -m "not servers" $(PYTEST)

test-long: setup-dev build ## What takes hours: 10 million commands against the oracle, 200 rounds of killed servers, schemathesis
	cd rust_core && CIFT_SIM_COMMANDS=$(or $(COMMANDS),10000000) $(CARGO) test --locked --release -p cift-sim
	CIFT_FAULT_ROUNDS=$(or $(ROUNDS),200) $(PY) -m pytest tests/faults $(PYTEST)
	CIFT_SCHEMA_EXAMPLES=$(or $(EXAMPLES),100) $(PY) -m pytest tests/host/test_openapi.py $(PYTEST)

.PHONY: test-cluster test-smoke
test-cluster: setup-dev wheels ## Install the chart on the test cluster and check it there (root; KEEP=1 leaves it up)
	$(PY) -m tests.cluster $(if $(KEEP),--keep) $(PYTEST)

test-smoke: setup-dev wheels-plain ## The same in a few minutes: each part of a release is used once
	$(PY) -m tests.cluster --smoke $(if $(KEEP),--keep) $(PYTEST)

.PHONY: check
check: setup-dev build ## ruff, mypy --strict, import-linter, generated files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	cd clients/python && ../../$(VENV)/bin/lint-imports
	$(PY) -m functions generate --check

.PHONY: lint
lint: need-cargo check ## The same, cargo fmt and clippy
	cd rust_core && $(CARGO) fmt --all --check
	cd rust_core && $(CARGO) clippy --locked --workspace --all-targets --quiet -- -D warnings

.PHONY: format
format: setup-dev ## Format Python and Rust
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format .
	cd rust_core && $(CARGO) fmt --all

.PHONY: generate
generate: setup-dev build ## Write the derived files: chart, skaffold, OpenAPI, catalogue, settings, message types
	@$(PY) -m functions generate

.PHONY: dashboard dashboard-check screenshots
dashboard: ## Build the dashboard's files again (needs Node 20.19 or newer)
	@command -v npm >/dev/null || { echo "building the dashboard needs Node 20.19 or newer and finds no 'npm'; running the exchange does not"; exit 1; }
	cd dashboard && npm ci --no-audit --no-fund --silent && npm run --silent build

dashboard-check: dashboard ## The same, and fail if the committed files differ
	@git diff --exit-code --stat -- dashboard/dist && test -z "$$(git status --porcelain -- dashboard/dist)" || { echo "dashboard/dist is not what its sources build: commit it after 'make dashboard'"; exit 1; }

screenshots: setup-dev build ## Take the README's pictures of the dashboard again (needs Chromium; ten minutes)
	CIFT_REQUIRE_BROWSER=1 CIFT_SCREENSHOTS=docs/pictures $(PY) -m pytest -n 0 tests/dashboard/test_walk.py -k "axe or phone or operator"

.PHONY: bench
bench: setup-dev build ## Measure speed, each figure next to a baseline from the same run
	$(PY) -m bench

LOCK := $(VENV)/tools/bin/uv pip compile --quiet --generate-hashes --python-version 3.11 --no-annotate --no-header
.PHONY: lock
lock: need-python ## Resolve requirements/*.in again into the lock files
	@test -x $(VENV)/tools/bin/uv || { $(PYTHON) -m venv $(VENV)/tools && $(VENV)/tools/bin/pip install --quiet uv; }
	$(LOCK) requirements/machine.in -o requirements/machine.lock
	$(LOCK) -c requirements/machine.lock requirements/functions.in -o requirements/functions.lock
	$(LOCK) -c requirements/machine.lock requirements/polars.in -o requirements/polars.lock
	$(LOCK) -c requirements/machine.lock requirements/research.in -o requirements/research.lock
	$(LOCK) -c requirements/machine.lock requirements/chdb.in -o requirements/chdb.lock
	$(LOCK) -c requirements/chdb.lock requirements/clickhouse.in -o requirements/clickhouse.lock
	$(LOCK) -c requirements/machine.lock requirements/feeds.in -o requirements/feeds.lock
	$(LOCK) -c requirements/chdb.lock requirements/questdb.in -o requirements/questdb.lock
	$(LOCK) -c requirements/machine.lock -c requirements/chdb.lock requirements/dev.in -o requirements/dev.lock
	$(LOCK) -c requirements/dev.lock operators/requirements.in -o operators/requirements.lock
	$(LOCK) -c requirements/machine.lock k8s/servers/requirements.in -o k8s/servers/requirements.lock
	$(LOCK) --no-deps -c requirements/chdb.lock k8s/servers/analytics.in -o k8s/servers/analytics.lock
	$(LOCK) -c requirements/machine.lock k8s/gateway/requirements.in -o k8s/gateway/requirements.lock

.PHONY: wheels wheels-plain
wheels: build ## Fill .wheels/, from which the images of the cluster are built
	@$(PY) -m k8s.images.wheels

wheels-plain: build
	@$(PY) -m k8s.images.wheels --plain

.PHONY: images
images: wheels ## Build all images of the cluster into .images/cift.oci.tar (needs buildah)
	@$(PY) -m k8s.images

.PHONY: key
key: setup ## A new API key for the running exchange's first user (ADMIN=1: an administrator's)
	@$(PY) -m cift.run key $(if $(ADMIN),--admin)

.PHONY: backup restore
backup: setup ## Copy what is true of the running exchange into a new file: make backup TO=FILE
	@$(VENV)/bin/cift backup $(or $(TO),$(error make backup TO=FILE))

restore: setup ## Make a new data folder (CIFT_DATA) of a backup: make restore FROM=FILE
	@$(VENV)/bin/cift restore $(or $(FROM),$(error make restore FROM=FILE))

.PHONY: db-shell nats-shell valkey-shell clickhouse-shell questdb-shell
db-shell: setup ## SQL shell of the running exchange's PostgreSQL
	@exec $(PY) -m cift.run shell db

nats-shell: setup ## Print messages of the running exchange's NATS: make nats-shell SUBJECT='market.>'
	@exec $(PY) -m cift.run shell nats $(or $(SUBJECT),'events.>')

valkey-shell: setup ## Send commands to the running exchange's Valkey
	@exec $(PY) -m cift.run shell valkey

clickhouse-shell: setup ## SQL shell of the ClickHouse server that CIFT_CLICKHOUSE_URL names
	@exec $(PY) -m cift.run shell clickhouse

questdb-shell: setup ## SQL shell of the QuestDB that CIFT_QUESTDB_URL names
	@exec $(PY) -m cift.run shell questdb

.PHONY: clean
clean: ## Remove what was built (not .cift/, the exchange's data, and not the cache)
	rm -rf $(VENV) rust_core/target .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
