# Everything runs from .venv; `make setup` builds it from the hashed lock with uv, which is in that lock too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
ARGS ?=
JOBS ?= 3
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench faults lock clean

help: ## say what can be made (ARGS="..." is handed on by demo, test, bench and faults)
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

setup: $(STAMP) ## make the virtual environment from the lock

demo: $(STAMP) ## play two stores' returns and serve them on this machine (ARGS=--exit ends after the story)
	@$(BIN)/rma demo $(ARGS)

test: $(STAMP) ## run every test, quick ones first, on SQLite and on a real PostgreSQL (JOBS=3 at a time)
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP) ## lint, format, types, rings, migrations against models, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/rma db check
	$(BIN)/mkdocs build --strict --quiet

bench: $(STAMP) ## measure the life cycle of a return against the database's own limit
	@$(BIN)/python -m benchmarks $(ARGS)

faults: $(STAMP) ## kill, crash and fill the disk under 1,000 lives on each database (ARGS="--cycles 100"); writes its report
	@nice $(BIN)/python -m tests.faults $(ARGS)

lock: $(STAMP) ## resolve the lock anew (hashes, no index address)
	$(BIN)/uv pip compile --quiet --all-extras --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --universal pyproject.toml -o requirements.lock

clean: ## remove the environment and everything that was made
	rm -rf $(VENV) build dist site var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, a minute or so) ..."
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/# via/p' requirements.lock > $(VENV)/uv.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q rma # where Python may not write bytecode, every start would compile it all again
	@touch $(STAMP)
