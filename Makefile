.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo sandbox run check test test-long chaos schema bench screenshots wheel lock format \
	clean

PYTHON ?= python3
BIN := .venv/bin
WEB := schema.graphql $(wildcard web/.npmrc web/*.json web/*.ts) \
	$(shell find web/graphiql web/page -type f -not -path 'web/page/gql/*')
# The first of PATH is what `make setup` installed: the programs of the locks, Node among them.
LOCKED := PATH="$(CURDIR)/$(BIN):$$PATH"
INSTALLED := $(BIN)/gateway
BUILT := gateway/static/page/index.html

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) $(BUILT)  ## Install everything locked, build the pages

demo: setup  ## Serve with demo data, an embedded PostgreSQL and the Stripe sandbox
	$(BIN)/gateway demo

sandbox: setup  ## Serve the Stripe sandbox on port 12111
	$(BIN)/python -m sandbox --port 12111 --webhook-url http://127.0.0.1:8000/webhooks/stripe --webhook-secret whsec_sandbox

run: setup  ## Serve with the settings of the environment
	$(BIN)/gateway serve

check: setup  ## Lint, types, floors, the printed schema and its changes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gateway schema print | diff schema.graphql -
	$(BIN)/gateway schema check
	$(LOCKED) npm --prefix web run check

test: check  ## Run everything that CI runs
	$(LOCKED) $(BIN)/pytest -n auto --dist loadfile

test-long: check  ## The same with many more examples and rows
	$(LOCKED) TEST_PROFILE=long $(BIN)/pytest -n auto --dist loadfile

chaos: setup  ## Kill, lose and double, and count the credits: SEED=1 RUNS=1
	$(BIN)/python -m tests.chaos --seed $(or $(SEED),1) --runs $(or $(RUNS),1)

schema: setup  ## Write schema.graphql from the code
	$(BIN)/gateway schema print > schema.graphql

bench: setup  ## Measure what the decisions were made by, side by side
	$(LOCKED) $(BIN)/python -m benchmarks

screenshots: setup  ## Take the pictures of the page in docs/ anew
	$(LOCKED) $(BIN)/python -m tests.page.screenshots

wheel: setup  ## Build the wheel in dist/, with the pages in it
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist .

lock: $(INSTALLED)  ## Refresh the locked dependencies
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --group dev -o requirements-dev.txt

format: setup  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

clean:  ## Remove what setup made
	rm -rf .venv dist gateway/static web/page/gql web/node_modules tests/clients/node_modules

$(INSTALLED): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

$(BUILT): $(INSTALLED) $(WEB)
	$(LOCKED) npm --prefix web ci --no-audit --no-fund
	$(LOCKED) npm --prefix web run build
	@touch $@
