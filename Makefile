# `make demo` and `make test` set up what they need on a fresh Debian or Ubuntu machine (Python >= 3.11, git, root or sudo).
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export UV_SYSTEM_CERTS := 1
# For tests that share nothing: one process a core, each taking from the others what they have not begun.
PARALLEL := -n logical --dist worksteal
# What measures time in a browser runs alone.
TIMED := $(addprefix tests/browser/,jupyterlab/test_speed.py jupyterlab/test_busy.py view/test_cost.py view/test_fold.py)

.PHONY: help setup browser frontend demo test check lint types layers unit notebooks bench stress mutants conformance wheel clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing: apt packages, .venv, Node.js; build the front end where a source of it changed
	@.ci/setup

browser: ## setup, and Chromium for the browser tests
	@.ci/setup test

frontend: setup ## type-check the front end and build it anew
	@cd labextension && npx --no-install tsc --noEmit && jlpm run build:prod
	@du -bh floe_jupyter/static/widget.js floe_jupyter/labextension/static | cat

demo: setup ## run the CO2 notebook and save its picture in build/demo
	@$(PYTHON) notebooks/run_demo.py build/demo

test: browser check unit notebooks ## everything: style, types, layers, all tests, all notebooks

check: lint types layers ## style, types and layers, in seconds

lint: setup
	@.venv/bin/ruff check floe_jupyter runtimes tests notebooks
	@.venv/bin/ruff format --check --quiet floe_jupyter runtimes tests
	@cd labextension && npx --no-install prettier --check --log-level warn src

types: setup
	@.venv/bin/mypy floe_jupyter
	@cd labextension && npx --no-install tsc --noEmit

layers: setup
	@.venv/bin/lint-imports --no-cache

unit: setup
	@rm -f .coverage .coverage.*
	@$(PYTHON) -m pytest tests/core $(PARALLEL) --cov=floe_jupyter.core --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100 -q
	@$(PYTHON) -m pytest tests --ignore=tests/core --ignore=tests/browser -n logical --dist loadfile --max-worker-restart 0 -q
	@$(PYTHON) -m pytest tests/browser -n logical --dist loadfile --max-worker-restart 0 -q $(addprefix --ignore=,$(TIMED))
	@$(PYTHON) -m pytest $(TIMED) -q

notebooks: setup
	@$(PYTHON) -m pytest -p nbval --nbval --nbval-sanitize-with notebooks/nbval-sanitize.cfg notebooks -q

bench: setup ## figures, baselines measured in the same run, ratios
	@$(PYTHON) -m tests.benchmarks

stress: setup ## the long proofs: a million mutated frames, 60 s of back pressure, 100,000 simulator seeds
	@FLOE_SEEDS=100000 $(PYTHON) -m pytest tests/core/simulation/test_simulator.py $(PARALLEL) -q
	@FLOE_FUZZ=1000000 FLOE_LONG=1 $(PYTHON) -m pytest tests -q -m slow --timeout 1200

mutants: setup ## faults put into the program on purpose, one at a time: the tests must notice each (nightly)
	@$(PYTHON) -m tests.mutants

conformance: setup ## the kit for runtimes: make conformance LANG=python
	@FLOE_LANG=$(if $(filter $(notdir $(wildcard runtimes/*)),$(LANG)),$(LANG),) $(PYTHON) -m pytest tests/conformance -q

wheel: setup ## build the wheel into dist/
	@$(PYTHON) -m build --wheel --no-isolation -o dist .

clean: ## remove what was built
	@rm -rf build dist .coverage* .pytest_cache .mypy_cache .ruff_cache
