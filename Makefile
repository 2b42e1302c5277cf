# One command each. Everything is installed into .venv and .tools below this folder; nothing needs root.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
FAULT ?=
# where containers forbid it, every start of Python would compile pandas anew: a kernel would take three times as long
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test test-all browser lint bench range range-down lab setup schema lock clean

help: ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: setup ## the whole passage on the practice range (FAULT=errors breaks the new side on purpose)
	@$(BIN)/python -m sandbox demo $(if $(FAULT),--fault $(FAULT))

test: setup ## all tests but the heavy ones
	@$(BIN)/python -m pytest -q -m "not heavy" -n 3 --dist loadfile

test-all: setup ## all tests
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile

browser: setup ## Chromium for the tests in tests/browser; they fetch it themselves otherwise
	@$(BIN)/python tests/browser/chromium.py

lint: setup ## ruff, mypy, notebooks without outputs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb

bench-%: setup ## one benchmark, for instance bench-records; it prints a table and writes bench/out
	@$(BIN)/python -m bench.$*

range: setup ## start the practice range and leave it running, with load
	@$(BIN)/python -m sandbox up --load

range-down: ## end the practice range
	@$(BIN)/python -m sandbox down

lab: setup ## JupyterLab on the practice range with users, beginning in the control room
	@$(BIN)/python -m sandbox lab

schema: setup ## write parameters/schema.json anew
	@$(BIN)/python -m runbook_lib.parameters > parameters/schema.json

lock: setup ## resolve the dependencies anew
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-header \
		--extra sandbox --extra dev pyproject.toml -o requirements.lock

setup: .venv/installed
	@$(BIN)/python -m sandbox tools --quiet

.venv/installed: pyproject.toml requirements.lock
	@$(PYTHON) .ci/install.py
	@touch $@

clean: range-down ## remove what was installed and what ran; the records and the keys that prove them stay
	rm -rf .venv .tools
	@if [ -d .range ]; then find .range -mindepth 1 -maxdepth 1 ! -name keys -exec rm -rf {} +; fi
