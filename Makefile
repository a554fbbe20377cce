# Everything a person or CI does with a checkout. Needs Python 3.11 or newer with venv and pip, and nothing else.
# Another interpreter: make up PYTHON=/path/to/python3.12. More options for nod: make up ARGS="--port 8090".

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
ARGS ?=
PYTEST_ARGS ?=
# Many tests start processes: these shall not each compile the source anew.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
SYNC := $(BIN)/uv sync --quiet --locked --inexact --compile-bytecode

.DEFAULT_GOAL := help
.PHONY: help up test check bench faults lock clean
.DELETE_ON_ERROR:

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

up: $(VENV)/.runtime ## Install what is missing, start everything, print the address
	@exec $(BIN)/nod up $(ARGS)

test: $(VENV)/.dev ## Run the whole test suite
	@sh .ci/tools
	@$(BIN)/python -m compileall -q bots core runners storage
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(PYTEST_ARGS)

check: $(VENV)/.dev ## Formatter, linter, type checker, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure the run engine, print a table, write bench/latest.json (ARGS="--quick", ARGS="limit throughput")
	@$(BIN)/python -m bench $(ARGS)

faults: $(VENV)/.dev ## Break everything at length and check that nothing was lost or done twice (ARGS="--rounds 3", ARGS="redis")
	@$(BIN)/python -m tests.faults $(ARGS)

lock: $(BIN)/uv ## Resolve the dependencies anew, into uv.lock
	@$(BIN)/uv lock --upgrade

clean: ## Remove what was installed and every cache; the data in .nod stays
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make a second `make up` start at once.
$(VENV)/.runtime: pyproject.toml uv.lock $(BIN)/uv
	@echo "Installing Nod into $(VENV)"
	@$(SYNC) --no-dev
	@touch $@

$(VENV)/.dev: pyproject.toml uv.lock $(BIN)/uv
	@echo "Installing Nod and its development tools into $(VENV)"
	@$(SYNC)
	@touch $(VENV)/.runtime $@

$(BIN)/uv:
	@test -n "$(PYTHON)" || { printf '%s\n' "No usable Python was found." \
		"  Why: Nod needs Python 3.11 or newer with its venv module; none of python3, python3.11 … is one." \
		"  What to do: install it (Debian: python3 and python3-venv), or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9.17'
	@touch $@
