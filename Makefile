# One line per target; `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev
WEB    := images/dashboard/frontend/.built images/api/frontend/.built
WEB_SOURCES := $(shell find images/*/frontend images/dashboard/openpanel_dashboard/templates -type f \
  -not -path '*/node_modules/*' -not -name .built)
SDKS   := tests/sdk/node_modules/.package-lock.json
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
T      ?= tests
ARGS   ?=

# uv where it is there, plain pip where not; both refuse what does not match its hash.
define pip_install
	if command -v uv >/dev/null; then \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
endef

.DEFAULT_GOAL := help
.PHONY: help install up test check format bench docs lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) $(WEB) ## set up .venv and build the front ends

up: install ## run everything on this machine until Ctrl-C
	$(BIN)/openpanel up $(ARGS)

test: install $(DEV) $(SDKS) ## run the tests (T=path runs only those)
	$(BIN)/pytest $(T) $(ARGS)

check: install $(DEV) ## ruff, mypy, import-linter, lock files, front-end types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	npm --prefix images/dashboard/frontend run --silent check

format: $(DEV) ## format the code and repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install $(DEV) ## print the figures as ratios against baselines of the same run
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV) ## write the reference pages from the code
	$(BIN)/python docs/generate.py

lock: $(DEV) ## compile the pinned requirement files anew from pyproject.toml
	$(COMPILE) --extra local --output-file requirements.txt pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

clean: ## remove what was built and installed here (data folders stay)
	rm -rf $(VENV) images/*/frontend/node_modules images/*/frontend/.built tests/sdk/node_modules
	rm -rf images/dashboard/openpanel_dashboard/static images/api/openpanel_api/static
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(call pip_install,requirements.txt)
	touch $@

$(DEV): requirements-dev.txt $(STAMP)
	$(call pip_install,requirements-dev.txt)
	touch $@

images/%/frontend/.built: $(WEB_SOURCES)
	cd images/$*/frontend && npm ci --no-audit --no-fund --silent && npm run --silent build
	touch $@

$(SDKS): tests/sdk/package-lock.json
	cd tests/sdk && npm ci --no-audit --no-fund --silent
	touch $@
