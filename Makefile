# Every target sets up all it needs: on a fresh Debian 12, `make test` is the first command, not the third.

PYTHON ?= python3
SEEDS ?= 300
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup lint format test test-openstack sim crashes mutants docs pin clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the pinned dependencies

$(STAMP): pyproject.toml constraints.txt tools/make-venv
	tools/make-venv $(PYTHON) $(VENV)
	touch $@

lint: $(STAMP) ## Check style, types and the direction of dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Format the code and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

test: $(STAMP) ## Test all but the real OpenStack (SEEDS=300), and ask 100 % branch coverage of core
	SIM_SEEDS=$(SEEDS) $(BIN)/pytest tests --ignore=tests/openstack \
	  --cov=doctor_daemon.core --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

test-openstack: $(STAMP) ## Test against a real Nova, Keystone, Placement, Prometheus and Alertmanager
	tools/debian-packages openssl prometheus prometheus-alertmanager prometheus-node-exporter mariadb-server rabbitmq-server
	$(BIN)/pytest tests/openstack

sim: $(STAMP) ## Simulate SEEDS=n worlds and judge them by what happened to the disks
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

crashes: $(STAMP) ## Kill the daemon at every boundary of a save or a call (test draws CRASHES=6 of them)
	CRASHES=all $(BIN)/pytest tests/slice/test_crashes.py

mutants: $(STAMP) ## Break every comparison and guard of core once, and see that a test notices
	$(BIN)/python -m tests.mutants

docs: $(STAMP) ## Write the generated parts of the documentation anew
	$(BIN)/python -m tools.diagram
	$(BIN)/python -m doctor_daemon.config.reference > docs/configuration.md

pin: ## Write constraints.txt anew, with the newest releases
	tools/pin-dependencies $(PYTHON)

clean: ## Remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
