# The two commands: `make run` and `make test`. The rest are one-liners around `taxi`, the linters and pytest.
# `make` without a target lists them.
PYTHON ?= python3
BIN := .venv/bin

# A file shares its builds; pytest 9.2 broke the groups of xdist 3.8.
PYTEST := $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --durations=15 --durations-min=10

.PHONY: help run check test test-all lint lint-python lint-sql docs real-files mutants bench serve clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

run: .venv/installed ## install, write sample data, build, test, write the site
	$(BIN)/taxi run

check: lint ## before each commit: linters, types, dictionary, quick tests (no build, server or browser)
	$(PYTEST) -m "not build and not full"

test: lint docs real-files ## what a change can break: linters, the manual, quick tests, builds on DuckDB, dashboard
	$(PYTEST) -m "not full"

ORCHESTRATORS := .venv-airflow/installed .venv-dagster/installed .venv-prefect/installed
STREAMING := .venv-streaming-spark/installed .venv-streaming-flink/installed

test-all: real-files $(ORCHESTRATORS) $(STREAMING) ## the rest, after `make test`: every engine, fault, page, order; the bench; mutants of changed rules
	$(PYTEST) -m full
	$(BIN)/python scripts/mutants.py --changed

lint: lint-python lint-sql ## formatter, linters, types, dictionary, SQL

lint-python: .venv/installed-dev
	$(BIN)/ruff check scripts tests/python orchestration analyses
	$(BIN)/ruff format --check scripts tests/python orchestration analyses
	$(BIN)/mypy

lint-sql: .venv/installed-dev
	$(BIN)/taxi dictionary --check
	$(BIN)/taxi deps
	$(BIN)/sqlfluff lint models tests analyses snapshots

docs: .venv-docs/installed ## build the manual; a broken link fails
	.venv-docs/bin/zensical build --strict

real-files: .venv/installed-dev ## fetch the real files that tests read; without a network those tests are skipped
	@$(BIN)/python tests/python/real_files.py

mutants: .venv/installed-dev ## break each rule once; a test must fail
	$(BIN)/python scripts/mutants.py

bench: .venv/installed ## measure builds
	$(BIN)/taxi bench

serve: .venv/installed ## show the site
	$(BIN)/taxi serve

clean: ## remove what was installed and built
	rm -rf .venv .venv-bigquery* .venv-spark* .venv-docs .venv-infra* $(dir $(ORCHESTRATORS) $(STREAMING)) target dbt_packages logs site artifacts

# uv installs in seconds; where it cannot reach the package index that pip is set up for, pip does the same.
define install
	@echo "Installing dbt, DuckDB and what they need into .venv (about 1.1 GB, one to three minutes)"
	$(BIN)/uv pip install --quiet --compile-bytecode --system-certs --python $(BIN)/python --constraints constraints.txt --editable $(1) \
	|| $(BIN)/pip install --quiet --constraint constraints.txt --editable $(1)
	touch $@
endef

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit("Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; say which with: make PYTHON=python3.13 ...") if not (3, 11) <= v < (3, 14) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt uv

.venv/installed: .venv/bin/uv pyproject.toml constraints.txt
	$(call install,.)

.venv/installed-dev: .venv/bin/uv pyproject.toml constraints.txt
	$(call install,".[dev]")

# Linters of the Dockerfile and of Terraform: of the tests alone.
.venv-infra/installed: constraints-infra.txt
	$(PYTHON) -m venv .venv-infra
	$(BIN)/uv pip install --quiet --system-certs --python .venv-infra/bin/python --requirement constraints-infra.txt \
	|| .venv-infra/bin/pip install --quiet --requirement constraints-infra.txt
	touch $@

# An environment of its own: zensical and dbt-core ask for different versions of pathspec.
.venv-docs/installed: constraints-docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install --quiet --requirement constraints-docs.txt
	touch $@

# An engine of streams in an environment of its own; it needs Java 17.
$(STREAMING): .venv-streaming-%/installed: streaming/%/constraints.txt | .venv/bin/uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-streaming-$*
	$(BIN)/uv pip install --quiet --compile-bytecode --system-certs --python .venv-streaming-$*/bin/python --requirement $< \
	|| { $(PYTHON) -m venv --clear .venv-streaming-$* && .venv-streaming-$*/bin/pip install --quiet --requirement $<; }
	touch $@

# An orchestrator in an environment of its own: it starts `taxi`, and imports nothing of the project.
.venv-%/installed: orchestration/%/constraints.txt | .venv/bin/uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-$*
	$(BIN)/uv pip install --quiet --compile-bytecode --system-certs --python .venv-$*/bin/python --requirement $< \
	|| { $(PYTHON) -m venv --clear .venv-$* && .venv-$*/bin/pip install --quiet --requirement $<; }
	touch $@
