# One word a task; each makes what it needs. `make demo` and `make test` are all a newcomer needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraints constraints.txt

.PHONY: demo test lint bench docs clean constraints

$(VENV)/.uv:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Dure needs Python 3.11 or later; set PYTHON=python3.12 or the like")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	touch $@

$(VENV)/.demo: $(VENV)/.uv pyproject.toml constraints.txt
	$(UV) --editable '.[docking]'
	touch $@

$(VENV)/.dev: $(VENV)/.uv pyproject.toml constraints.txt
	$(UV) --editable '.[dev]'
	touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	$(BIN)/dure init demo-hub --if-missing
	$(BIN)/dure --hub demo-hub fetch moleculeace dockstring
	$(BIN)/dure --hub demo-hub run drug/jak2

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto tests

lint: $(VENV)/.dev
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev
	$(BIN)/python bench/all.py

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

# Pins every dependency anew; commit the result together with what needed it.
constraints: $(VENV)/.uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-header --no-annotate --quiet -o constraints.txt

clean:
	rm -rf $(VENV) site demo-hub
