# Five verbs; each is one line below. `make` alone prints them.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA_DIR ?= .steersman
NODES ?= 1
PROTOS := $(wildcard src/steersman/wire/*/*.proto)

.PHONY: help install up check test bench fix packages

help:           ## print this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(STAMP) packages      ## virtual environment, Python packages and (as root) the Debian packages it needs

up: install     ## install, start a cluster on this machine and deploy the demo application
	@$(BIN)/steersman up --data-dir $(DATA_DIR) --nodes $(NODES) --demo

check: $(STAMP) ## lint, formatting, types, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

test: install   ## every test; as root with the real parts; ends by saying what was skipped and why
	@.ci/packages dnsutils etcd-server etcd-client && $(BIN)/pytest

bench: install  ## measure, beside the reference figures
	@.ci/packages wrk && $(BIN)/python -m bench

fix: $(STAMP)   ## format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

packages: $(STAMP)
	@$(BIN)/steersman preflight --install --quiet

$(STAMP): pyproject.toml constraints.txt hatch_build.py $(PROTOS)
	@.ci/venv $(VENV)
	@touch $@
