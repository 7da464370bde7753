# The commands of Precision; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
NAME ?= rules
SHELL := /bin/bash

.PHONY: help demo test lint format bench up screenshots lock clean

help:
	@echo "make demo    load two real sample shops, compute everything, serve at http://127.0.0.1:8000/"
	@echo "             (make demo ARGS=--no-serve stops after the summary)"
	@echo "make test    install what the tests need and run them all"
	@echo "make lint    style, types and import order"
	@echo "make bench   one benchmark, like make bench NAME=rules"
	@echo "make up      serve without the sample shops"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Precision needs Python 3.11 or newer, but $(PYTHON) is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12 …" or 0)'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; install its venv module (Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp per lock: a changed lock is installed again, an unchanged one costs nothing.
$(VENV)/.%.stamp: %.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

demo: $(VENV)/.requirements-demo.stamp
	@$(BIN)/python -m demo $(ARGS)

up: $(VENV)/.requirements.stamp
	@$(BIN)/python manage.py up $(ARGS)

test: $(VENV)/.requirements-test.stamp
	@bash tests/install_tiers.sh
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

lint: $(VENV)/.requirements-test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy precision segments recommender demo benchmarks
	SECRET_KEY=lint DATABASE_URL=postgresql://nobody@127.0.0.1:1/none BROKER_URL=redis://127.0.0.1:1 \
		$(BIN)/python -W ignore manage.py spectacular --fail-on-warn --validate --file /dev/null

format: $(VENV)/.requirements-test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.requirements-test.stamp
	$(BIN)/python -m benchmarks $(NAME) $(ARGS)

# Locks are made by uv: one file for all platforms and Python versions, with hashes.
lock:
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes -q pyproject.toml \
		--custom-compile-command "make lock" --extra serve -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes -q pyproject.toml \
		--custom-compile-command "make lock" --extra serve --extra demo -c requirements.txt -o requirements-demo.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes -q pyproject.toml \
		--custom-compile-command "make lock" --extra serve --extra demo --extra test --extra lint \
		-c requirements-demo.txt -o requirements-test.txt

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
