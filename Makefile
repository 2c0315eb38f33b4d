# Every target sets up all it needs: on a fresh Debian 12, `make test` is the first command, not the third.

PYTHON ?= python3
SEEDS ?= 300
RUNS ?= 200
KILLS ?= 200
ROUNDS ?= 20
SEED ?= 0
JOBS ?= 6
FAULT ?= none
SECONDS ?= 600
EVIDENCE ?= 1000000
INCIDENTS ?= 10000
HARNESS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

REAL := openssl prometheus prometheus-alertmanager prometheus-node-exporter mariadb-server rabbitmq-server
NETS := iproute2 nftables etcd-server gcc libc6-dev
PEERS := prometheus iproute2 nftables openipmi ipmitool fence-agents gcc libc6-dev rabbitmq-server etcd-server
PROCESSES := tests/slice tests/contracts tests/demo tests/fuzz tests/bench tests/false_positives tests/heartbeat tests/stores tests/test_sessions.py tests/test_supervisor.py
SHORT := alerting cinder consumer elderly estate guests judging kills notifications processes proxy scenarios statuses
APART := tests/chaos tests/core tests/ironic tests/masakari tests/openstack tests/openstack_long tests/systemd tests/takeovers

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup lint format test test-processes test-others test-chaos test-ironic test-masakari test-openstack test-openstack-short test-openstack-long test-systemd demo demo-stories sim sim-why false-positives crashes crash-points takeovers chaos chaos-openstack mutants bench bench-heartbeat bench-restart soak fuzz docs pin clean

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

test: $(STAMP) ## Test all but the real OpenStack and systemd (SEEDS=300), and ask 100 % branch coverage of core
	tools/debian-packages $(PEERS)
	$(BIN)/pytest tests/core \
	  --cov=doctor_daemon.core --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100
	$(MAKE) --no-print-directory -j2 --output-sync=recurse test-processes test-others

# Two halves of `test` at once: those that start processes mostly wait for them. Each may be called alone.
test-processes: $(STAMP)
	tools/debian-packages $(PEERS)
	$(BIN)/pytest $(PROCESSES)

test-others: $(STAMP)
	tools/debian-packages $(PEERS)
	SIM_SEEDS=$(SEEDS) $(BIN)/pytest tests $(APART:%=--ignore=%) $(PROCESSES:%=--ignore=%)

test-openstack: $(STAMP) ## Test against a real Nova, Cinder, Keystone, Placement, Prometheus and Alertmanager
	tools/debian-packages $(REAL)
	$(BIN)/pytest tests/openstack

test-openstack-short: $(STAMP) ## What .ci/run has of it: an alert to servers elsewhere, kills of the daemon, storage
	tools/debian-packages $(REAL)
	$(BIN)/pytest $(SHORT:%=tests/openstack/test_%.py) \
	  tests/openstack/test_evacuation.py::test_h_all_twenty_servers_of_a_dead_host_come_to_be_elsewhere

test-openstack-long: $(STAMP) ## The longer stories of the same: returns, drills, reserves, decommissioning, groups, storage, maintenance, chaos (as root)
	tools/debian-packages $(REAL) $(NETS)
	$(BIN)/pytest tests/openstack_long

test-ironic: $(STAMP) ## Have a real Ironic cut a simulated machine, and see what its power state is worth
	$(BIN)/pytest tests/ironic

test-masakari: $(STAMP) ## Have Masakari's own host monitor and openstacksdk report to a source of type masakari
	$(BIN)/pytest tests/masakari

test-systemd: $(STAMP) ## Install the daemon by the book in a systemd of its own, and test the unit (as root)
	tools/debian-packages python3-venv sqlite3 systemd util-linux
	$(BIN)/pytest tests/systemd

test-chaos: $(STAMP) ## Play a little of what takeovers and chaos play at length (as root)
	tools/debian-packages $(NETS)
	$(BIN)/pytest tests/chaos tests/takeovers

demo: $(STAMP) ## Watch a host die, and its servers land elsewhere (FAULT=name, or list)
	$(BIN)/doctor-daemon demo --json --fault $(FAULT)

demo-stories: $(STAMP) ## Play every story of the demonstration (test plays a few of them)
	STORIES=all $(BIN)/pytest tests/demo

sim: $(STAMP) ## Simulate SEEDS=n worlds and judge them by what happened to the disks
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

sim-why: $(STAMP) ## Make a failing seed of the simulation as small as it gets, and tell it (SEED=n)
	$(BIN)/python -m tests.simulation --shrink $(SEED)

false-positives: $(STAMP) ## Have living hosts look dead in RUNS=n ways, in namespaces: none may be cut (JOBS=k side by side; as root)
	tools/debian-packages iproute2 nftables gcc libc6-dev
	$(BIN)/python -m tests.false_positives --runs $(RUNS) --jobs $(JOBS)

crashes: $(STAMP) ## Kill the daemon at every boundary of a save or a call (test draws CRASHES=6 of them)
	CRASHES=all $(BIN)/pytest tests/slice/test_crashes.py

crash-points: $(STAMP) ## The same in virtual time, also with a take-over and in every story (test draws CRASH_POINTS=6 of each)
	CRASH_POINTS=all $(BIN)/pytest tests/crash_points

takeovers: $(STAMP) ## Kill the daemon that leads KILLS=n times: another one goes on in time, and nothing is done twice
	tools/debian-packages etcd-server
	$(BIN)/pytest tests/takeovers
	$(BIN)/python -m tests.takeovers --kills $(KILLS)

chaos: $(STAMP) ## Kill, stop and cut off three daemons and three etcds while hosts die, ROUNDS=n from SEED=k on (as root)
	tools/debian-packages $(NETS)
	$(BIN)/pytest tests/chaos
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --seed $(SEED)

chaos-openstack: $(STAMP) ## The same before a real Nova, Keystone and Placement, and emulated BMCs, ROUNDS=n from SEED=k on (as root)
	tools/debian-packages $(REAL) $(NETS)
	$(BIN)/python -m tests.openstack_chaos --rounds $(ROUNDS) --seed $(SEED)

mutants: $(STAMP) ## Break every comparison and guard of core, permits, leadership and stores once: a test notices (AREA=name)
	tools/debian-packages $(PEERS)
	$(BIN)/python -m tests.mutants $(if $(AREA),--area $(AREA))

bench: $(STAMP) ## Measure the daemon beside a floor, and write benchmarks/results.json (QUICK=1)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)
	$(BIN)/python -m benchmarks.heartbeat $(if $(QUICK),--quick)
	tools/debian-packages iproute2 gcc libc6-dev etcd-server
	$(BIN)/python -m benchmarks.storm $(if $(QUICK),--quick)
	$(BIN)/python -m benchmarks.end_to_end $(if $(QUICK),--quick)

bench-heartbeat: $(STAMP) ## Measure only heartbeats: how many a core verifies, how soon a death is noticed (QUICK=1)
	$(BIN)/python -m benchmarks.heartbeat $(if $(QUICK),--quick)

bench-restart: $(STAMP) ## Measure only how soon a daemon with 100,000 incidents behind it is ready
	tools/debian-packages etcd-server
	$(BIN)/python -m benchmarks.restart

soak: $(STAMP) ## Have EVIDENCE=1000000 pieces and INCIDENTS=10000 go through one daemon, and see that it stays as large as it is
	$(BIN)/python -m benchmarks.soak --evidence $(EVIDENCE) --incidents $(INCIDENTS)

fuzz: $(STAMP) ## Fuzz every parser of bytes from outside for SECONDS=600 each (HARNESS=names)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(HARNESS)
	SURFACE_S=$(SECONDS) $(BIN)/pytest tests/fuzz/test_surface.py --timeout 0

docs: $(STAMP) ## Write the generated parts of the documentation anew
	$(BIN)/python -m tools.diagram
	$(BIN)/python -m doctor_daemon.config.reference > docs/configuration.md
	$(BIN)/python -m tools.openapi

pin: ## Write constraints.txt anew, with the newest releases
	tools/pin-dependencies $(PYTHON)

clean: ## Remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
