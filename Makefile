# Every task of the project. `make` alone lists them.
# Needs: Python 3.11 or newer, Node 20.19 or newer, and the two package registries.

PYTHON ?= python3
VENV := .venv/bin
CLIPS ?=
AUDIO ?=
PYTEST_ARGS ?=
TEST_WORKERS ?= 2
PLAN_ARGS ?=
ALIAS ?= local
ARGS ?= --help
JOBS ?= 200
SCHEDULES ?= 2000
SEED ?= 1
TIMES ?= 20
LOCK_ARGS ?=
LOCK = $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(LOCK_ARGS)

.DEFAULT_GOAL := help
.PHONY: help install demo studio plan up replay timeline preflight seed smoke monitoring orphans user migrate \
	test slow rules fuzz check bench chaos burst lock audit licences types format clean

help:  ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: .venv/installed functions/venv/installed node_modules/installed web/node_modules/installed  ## install everything (the other tasks do it by themselves)

.venv/installed: requirements-dev.txt functions/requirements.txt
	@$(PYTHON) localdev/requirements_check.py
	@test -x $(VENV)/python || $(PYTHON) -m venv .venv
	@echo "Installing the development packages ..."
	@$(VENV)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# What is deployed, and nothing else: firebase-tools runs the functions from here, as production would.
functions/venv/installed: functions/requirements.txt | .venv/installed
	@test -x functions/venv/bin/python || $(PYTHON) -m venv functions/venv
	@echo "Installing the functions' packages ..."
	@functions/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r functions/requirements.txt
	@touch $@

node_modules/installed: package.json package-lock.json | .venv/installed
	@echo "Installing firebase-tools ..."
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

web/node_modules/installed: web/package.json web/package-lock.json | .venv/installed
	@echo "Installing the page's packages ..."
	@npm ci --prefix web --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

demo: install  ## from words to a final video, on local parts (CLIPS="a.mp4 b.mp4" AUDIO=music.m4a composes your own)
	@$(VENV)/python -m localdev.demo $(if $(CLIPS),--clips $(CLIPS)) $(if $(AUDIO),--audio $(AUDIO))

studio: install  ## the pipeline in a browser: a page on the local stack (prints its URL)
	@$(VENV)/python -m localdev.studio

plan: install  ## what composing CLIPS="a.mp4 b.mp4" would copy and encode, and why (PLAN_ARGS="--crossfade-seconds 0")
	@PYTHONPATH=functions $(VENV)/python -m localdev.composition_plan $(CLIPS) $(if $(AUDIO),--audio $(AUDIO)) $(PLAN_ARGS)

up: install  ## start the local stack and leave it running (DEBUG=1: functions accept a debugger)
	@$(VENV)/python -m localdev.stack $(if $(DEBUG),--debug)

replay: install  ## run an exported job again on the local stack and tell its timeline (JOB=file.json)
	@PYTHONPATH=functions $(VENV)/python -m localdev.replay $(JOB) $(REPLAY_ARGS)

timeline: install  ## what a job did, when, and what it cost (ALIAS=staging JOB=image_generation_jobs/ID, or JOB=file.json)
	@PYTHONPATH=functions $(VENV)/python -m operations.timeline --alias $(ALIAS) $(JOB) $(TIMELINE_ARGS)

preflight: install  ## what would make a deploy fail, found before it (ALIAS=staging)
	@PYTHONPATH=functions $(VENV)/python -m operations.preflight --alias $(ALIAS) $(PREFLIGHT_ARGS)

seed: install  ## put a user with storyboards, clips and videos into a deployment (ALIAS=staging)
	@PYTHONPATH=functions $(VENV)/python -m operations.staging.seed --alias $(ALIAS) $(SEED_ARGS)

smoke: install  ## one tiny job of each kind on a deployment, waited for (ALIAS=staging); costs some cents
	@PYTHONPATH=functions $(VENV)/python -m operations.staging.smoke_test --alias $(ALIAS) $(SMOKE_ARGS)

monitoring: install  ## log-based metrics, alerts and the dashboard of a deployment, by gcloud (ALIAS=staging)
	@PYTHONPATH=functions $(VENV)/python -m operations.monitoring --alias $(ALIAS) $(MONITORING_ARGS)

orphans: install  ## files that no document names: listed, or with ORPHANS_ARGS=--delete deleted (ALIAS=staging)
	@PYTHONPATH=functions $(VENV)/python -m operations.orphans --alias $(ALIAS) $(ORPHANS_ARGS)

user: install  ## all that one user has: export it, or delete it (ALIAS=staging ARGS="export UID")
	@PYTHONPATH=functions $(VENV)/python -m operations.user_data --alias $(ALIAS) $(ARGS)

migrate: install  ## metadata of clips from files to Firestore (ARGS="verify --user U"; docs/migration.md)
	@PYTHONPATH=functions $(VENV)/python -m migration $(ARGS)

slow: install  ## the few tests that take a minute and more each: kills, floods, ten thousand objects
	@$(VENV)/python -m pytest -m slow --numprocesses $(TEST_WORKERS) --dist loadfile $(PYTEST_ARGS)

test: install  ## run all tests but those of make slow, file by file in two processes (PYTEST_ARGS="tests/domain -x", TEST_WORKERS=0 for one)
	@$(VENV)/python -m pytest -m "not slow" --numprocesses $(TEST_WORKERS) --dist loadfile $(PYTEST_ARGS)

rules: install  ## the security rules, case by case, on the Firestore emulator (make test runs them, too)
	@$(VENV)/python -m pytest tests/rules

fuzz: install  ## for minutes: odd jobs, webhooks, names and files, new ones each time (TIMES=100: as many times make test's)
	@FUZZ=$(TIMES) $(VENV)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile tests/fuzz $(PYTEST_ARGS)

check: install  ## lint, types, import contracts; of the page, too
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@PYTHONPATH=functions:. $(VENV)/lint-imports
	@npm --prefix web run --silent check

bench: install  ## measure the targets into build/bench.json
	@PYTHONPATH=functions:. $(VENV)/python -m localdev.bench

chaos: install  ## thousands of simulated schedules, then 200 jobs while processes are killed and services fail
	@PYTHONPATH=functions $(VENV)/python -m tests.simulation --schedules $(SCHEDULES) --seed $(SEED)
	@PYTHONPATH=functions $(VENV)/python -m localdev.chaos --jobs $(JOBS) --seed $(SEED)

burst: install  ## ten thousand jobs at once, simulated on the real queue and limits: backlog, fairness, nothing lost (BURST_ARGS)
	@PYTHONPATH=functions $(VENV)/python -m tests.simulation.burst $(BURST_ARGS)

# Versions that stand in the lock files stay, unless a requirements*.in names others; LOCK_ARGS=--upgrade renews the rest.
lock: install  ## work out requirements.txt, with hashes, after a change of a requirements*.in (LOCK_ARGS=--upgrade)
	@$(LOCK) --output-file functions/requirements.txt functions/requirements.in
	@$(LOCK) --output-file requirements-dev.txt requirements-dev.in

audit: install  ## known vulnerabilities of all packages; asks databases on the internet
	@$(VENV)/python -m localdev.audit

licences: install  ## list the licences of what is deployed in docs/licences.md
	@$(VENV)/python -m localdev.licences

types: install  ## write the TypeScript definitions of all documents, from the Python models
	@PYTHONPATH=functions $(VENV)/python -m localdev.typescript

format: install  ## format the code
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .
	@npm --prefix web run --silent format

clean:  ## remove what was installed and made; kept/ stays (exports of users, reports of orphans, a migration's state)
	rm -rf .venv functions/venv node_modules web/node_modules web/dist build
