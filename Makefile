# Two commands do everything, set-up included: `make demo` and `make test`. The others are their parts.
SHELL := /bin/bash
VENV ?= .lab/venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
AWS := .lab/aws/.ready
IMPORTER := .lab/importer/.ready
export PATH := $(abspath $(VENV))/bin:$(PATH)
# Ansible warns of nothing but what our own files cause.
export ANSIBLE_LOCALHOST_WARNING := false

.PHONY: help demo test lint docs sanity unit integration faults bench test-matrix release-check lab-up lab-down lab-status

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: lab-up ## Plant orphaned sessions on two real clusters and recover them
	@$(PYTHON) -m tests.lab.demo

test: lint docs unit lab-up integration sanity ## Run every check and test; sets up all it needs

lint: $(READY) ## Check the style of Python, YAML, roles, playbooks, docs and changelog
	ruff check .
	ruff format --check .
	mypy
	yamllint --strict .
	ansible-lint --offline
	@# Without a ceiling it takes the venv, which git ignores, for no part of the project, and finds no kubernetes.core.
	GIT_CEILING_DIRECTORIES=$(CURDIR)/.lab antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
	antsibull-changelog lint

docs: $(READY) ## Build the documentation as a site, build/docs/html/index.html
	@mkdir -p -m 755 build/docs/rst
	@# The ceiling as above.
	GIT_CEILING_DIRECTORIES=$(CURDIR)/.lab antsibull-docs --config-file docs/site/antsibull-docs.cfg collection --use-current \
	    --squash-hierarchy --fail-on-error --cleanup everything --dest-dir build/docs/rst devclusters.telepresence
	sphinx-build -q -E -W --keep-going -c docs/site build/docs/rst build/docs/html

unit: $(READY) $(AWS) ## Run the tests that need no cluster
	$(PYTHON) -m pytest tests/unit --numprocesses=2

integration: lab-up $(AWS) ## Run the tests on the two clusters of the lab
	@# They mostly wait for clients to be given up, so that more of them at once than there are cores save time.
	$(PYTHON) -m pytest tests/integration --verbose -m "not alone" --numprocesses=3 --dist=loadfile
	$(PYTHON) -m pytest tests/integration --verbose -m alone

faults: $(READY) ## Break every call of a recovery in every way (5 to 10 minutes)
	@$(PYTHON) -m tests.lab build
	@$(PYTHON) -m tests.faults

bench: lab-up ## Measure what runs cost, beside other ways (one to three hours): reports/bench.html
	@$(PYTHON) -m tests.bench

sanity: $(READY) ## Run ansible-test sanity
	tests/sanity/run.sh

test-matrix: $(READY) $(AWS) ## Run unit and sanity tests on the oldest and newest releases of what is needed (over an hour), or on CELLS of these
	@$(PYTHON) -m tests.matrix $(CELLS)

release-check: lab-up $(IMPORTER) ## Check that the last commit can be released: build, import, install, recover with it
	@$(PYTHON) -m tests.release

lab-up: $(READY) ## Build and start the lab, or repair it
	@$(PYTHON) -m tests.lab up

lab-down: $(READY) ## End the lab and remove what it left on the machine
	@$(PYTHON) -m tests.lab down

lab-status: $(READY) ## Show the parts of the lab and whether they are well
	@$(PYTHON) -m tests.lab status

$(READY): requirements/dev.txt requirements/venv.sh
	@requirements/venv.sh $(VENV) dev.txt
	@touch $@

$(AWS): requirements/aws.txt ee-requirements.txt requirements/venv.sh
	@requirements/venv.sh .lab/aws aws.txt
	@touch $@

$(IMPORTER): requirements/importer.txt requirements/venv.sh
	@requirements/venv.sh .lab/importer importer.txt
	@touch $@
