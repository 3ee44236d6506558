# Each target works alone on a machine with Python 3.11 to 3.13 and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: quickstart test check install clean

quickstart: install  ## Pages to dataset on the sample pages: no key, no server, no model download.
	$(BIN)/fret run quickstart

# A file's tests stay together, for they share what is slow to make; the order is that of tests/conftest.py.
test: install  ## All tests, on this machine alone.
	$(BIN)/pytest --numprocesses auto --dist loadscope --no-loadscope-reorder

check: install  ## Lint, format and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

install: $(VENV)/.installed

# pip before 25 does not match extras that packages name with a dash; upgrade it first. torch comes first
# and by its pin, so that no other package pulls a larger build of it.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[offline,dev]'
	touch $@

clean:
	rm -rf $(VENV) data/runs
