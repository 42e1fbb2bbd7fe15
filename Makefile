# Every command of this project. `make help` lists them.
# Needs make and a POSIX shell; what else is missing the commands install or name.

SHELL := /bin/sh
.DEFAULT_GOAL := help
CLUSTER := cluster/bootstrap
UV := cluster/bootstrap uv
PYTHON = $(CURDIR)/.venv/bin/python
MINUTES ?= 10
FLOORS := $(wildcard tests/contract tests/integration tests/e2e)

help: ## List all targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Bring up a cluster if none is named, install Chronos, run one example and show its log.
	@$(CLUSTER) up

down: ## Remove all that `make up` made; what it built stays cached.
	@$(CLUSTER) down

status: ## Tell which cluster it is, what runs there, and whether the API answers.
	@$(CLUSTER) status

env: ## Print exports for a shell: eval "$(make -s env)".
	@$(CLUSTER) env

test: lint programs unit ## Run every test; brings a cluster up, and down again if this run started it.
	@CHRONOS_TEST_PYTHON="$(PYTHON)" $(CLUSTER) test $(FLOORS)

e2e: sync ## Run the end-to-end tests only.
	@CHRONOS_TEST_PYTHON="$(PYTHON)" $(CLUSTER) test tests/e2e

chaos: sync ## Kill the operator at random for MINUTES (10), then prove what became of every second.
	@eval "$$($(CLUSTER) env)" && PYTHONPATH=tests $(PYTHON) -m chaos --minutes $(MINUTES)

unit: sync ## Run the unit tests, which need no cluster and take seconds.
	@PATH="$$($(CLUSTER) programs-path):$$PATH" $(PYTHON) -m pytest tests/unit

lint: sync ## Check style, types, layers, and that generated files are what their sources say.
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(PYTHON) -m chronos_crds --check
	@$(PYTHON) charts/table.py --check

fmt: sync ## Format the code, and mend what the linter can mend by itself.
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

generate: sync ## Write the CRDs anew from the models.
	@$(PYTHON) -m chronos_crds

programs: ## Build kubectl and helm into the cache; the chart's unit tests render with them.
	@$(CLUSTER) programs

image: ## Build Chronos' image into the cache, without a cluster.
	@$(CLUSTER) image

clean-cache: ## Remove the built programs and images; the next `make up` builds them again.
	@$(CLUSTER) clean-cache

sync: ## Install what the tests and checks need into .venv, from uv.lock.
	@$(UV) sync --quiet --frozen

.PHONY: help up down status env test e2e chaos unit lint fmt generate programs image clean-cache sync
