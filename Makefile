# The two commands: `make run` and `make test`. The rest are one-liners around `taxi` and the linters.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint mutants bench serve clean

run: .venv/installed
	$(BIN)/taxi run

test: lint
	$(BIN)/pytest -n auto --dist loadgroup

lint: .venv/installed-dev
	$(BIN)/ruff check scripts tests/python
	$(BIN)/ruff format --check scripts tests/python
	$(BIN)/mypy
	$(BIN)/taxi dictionary --check
	$(BIN)/taxi deps
	$(BIN)/sqlfluff lint models tests analyses snapshots

mutants: .venv/installed-dev
	$(BIN)/python scripts/mutants.py

bench: .venv/installed
	$(BIN)/taxi bench

serve: .venv/installed
	$(BIN)/taxi serve

clean:
	rm -rf .venv .venv-bigquery* target dbt_packages logs site artifacts

# uv installs in seconds; where it cannot reach the package index that pip is set up for, pip does the same.
define install
	$(BIN)/uv pip install --quiet --compile-bytecode --system-certs --python $(BIN)/python --constraints constraints.txt --editable $(1) \
	|| $(BIN)/pip install --quiet --constraint constraints.txt --editable $(1)
	touch $@
endef

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; say which with: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt uv

.venv/installed: .venv/bin/uv pyproject.toml constraints.txt
	$(call install,.)

.venv/installed-dev: .venv/bin/uv pyproject.toml constraints.txt
	$(call install,".[dev]")
