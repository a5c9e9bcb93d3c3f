# `make run` and `make test` set up .venv themselves: with uv where it is on PATH, else
# with venv and pip. PYTHON=python3.12 picks the interpreter.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A worker keeps what it has traced: it gets tests that stand side by side, and only
# who has run out of them takes some from another.
PYTEST := $(BIN)/pytest --numprocesses=logical --maxprocesses=8 --dist=worksteal

# To byte-compile all that is installed takes longer than to install it, so the first
# command keeps the byte-code of what it imports: 2 of 4 CPU-seconds of each later one.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-slow test-all lint docs lock clean

run: $(READY)
	$(BIN)/photonflow run cpo-vs-pluggable

test: $(READY)
	$(PYTEST) -m "not slow"

test-slow: $(READY)
	$(PYTEST) -m slow

test-all: $(READY)
	$(PYTEST)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# Into site/, which opens from the disk: nothing in it is fetched from anywhere.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# No index is written into the lock, so it installs from whichever one a machine uses.
lock:
	uv pip compile --quiet --universal --no-emit-index-url --no-header \
	  --generate-hashes --extra test --extra docs pyproject.toml \
	  --output-file requirements.lock

$(READY): requirements.lock pyproject.toml
	@echo "setting up $(VENV), about a minute" >&2
	@if command -v uv >/dev/null && $(WITH_UV); then :; else $(WITH_PIP); fi
	@$(BIN)/photonflow show cpo-vs-pluggable >/dev/null  # keeps the byte-code it imports
	@touch $@

define WITH_UV
	{ test -x $(BIN)/python || uv venv --quiet $(addprefix --python ,$(PYTHON)) $(VENV); } \
	&& uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock \
	&& uv pip install --quiet --python $(BIN)/python --no-deps -e .
endef

# A .venv without pip was made by uv, or broke off halfway.
define WITH_PIP
	set -e; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  for python in $(or $(PYTHON),python3 python3.11 python3.12 python3.13) none; do \
	    $$python -c $(USABLE) 2>/dev/null && break; \
	  done; \
	  if test $$python = none; then \
	    echo "make: no usable Python: install Python 3.11 to 3.13 with its venv module" \
	      "(python3-venv on Debian and Ubuntu), or uv, or pass PYTHON=..." >&2; \
	    exit 1; \
	  fi; \
	  $$python -m venv --clear $(VENV); \
	fi; \
	pip="$(BIN)/python -m pip --quiet --disable-pip-version-check --no-input"; \
	$$pip install --no-compile --use-pep517 --require-hashes -r requirements.lock; \
	$$pip install --no-compile --no-deps -e .
endef

USABLE := "import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))"

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache build dist site
	find photonflow tests -name __pycache__ -prune -exec rm -rf {} +
