.DEFAULT_GOAL := help
.PHONY: help setup demo run check test test-long schema bench lock format clean

PYTHON ?= python3
BIN := .venv/bin

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .stamps/python  ## Install everything locked, build GraphiQL

.stamps/python: requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@mkdir -p .stamps && touch $@

run: setup  ## Serve with the settings of the environment
	$(BIN)/gateway serve

demo: setup  ## Serve with demo data on an embedded PostgreSQL
	$(BIN)/gateway demo

lock:  ## Refresh the locked dependencies
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --group dev -o requirements-dev.txt

format:  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .
