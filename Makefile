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
# Three processes of tests on two cores (many tests wait), a file in one of them, the longest files first (tests/conftest.py).
TESTS_AT_ONCE ?= 3
# Tests start some hundred processes; without this each compiles all modules where a machine asks for no bytecode.
COMPILED_ONCE := env -u PYTHONDONTWRITEBYTECODE

VERSION     := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REGISTRY    ?=
IMAGES      := api worker dashboard operator engine
# etcd and kube-apiserver, for the tests that ask a real API server.
KUBEBUILDER_ASSETS ?= $(HOME)/.cache/openpanel/api-server
API_SERVER := tests/operator/api_server
KEDA := tests/operator/keda
KEDA_PROGRAMS ?= $(HOME)/.cache/openpanel/keda
# Replaced where images are built or brought into a cluster by something else.
IMAGE_BUILD ?= docker build -t
IMAGE_LOAD  ?= kind load docker-image --name openpanel

# uv where it is there, plain pip where not; both refuse what does not match its hash.
define pip_install
	if command -v uv >/dev/null; then \
	  UV_COMPILE_BYTECODE=1 uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
endef

.DEFAULT_GOAL := help
.PHONY: help install up test api-server check e2e e2e-local format bench bench-operator keda images chart kind-up docs lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) $(WEB) ## set up .venv and build the front ends

up: install ## run everything on this machine until Ctrl-C
	$(BIN)/openpanel up $(ARGS)

test: install $(DEV) $(SDKS) $(if $(shell command -v go),api-server) ## run the tests (T=path runs only those)
	$(COMPILED_ONCE) KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) $(BIN)/pytest $(T) --ignore tests/e2e --numprocesses $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder $(ARGS)

api-server: $(KUBEBUILDER_ASSETS)/etcd $(KUBEBUILDER_ASSETS)/kube-apiserver ## build the API server that the operator's tests use (needs Go)

check: install $(DEV) ## ruff, mypy, import-linter, lock files, front-end types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m openpanel_operator.resources --check
	$(BIN)/python manifests/render.py --check
	npm --prefix images/dashboard/frontend run --silent check

format: $(DEV) ## format the code and repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

e2e: install $(DEV) $(SDKS) images ## install the chart in a cluster and try everything there (KUBECONFIG, or kind)
	test -n "$$KUBECONFIG" || $(MAKE) kind-up
	$(IMAGE_LOAD) $(foreach image,$(IMAGES),$(if $(REGISTRY),$(REGISTRY)/)openpanel-$(image):$(VERSION)) $(IMAGE_EXTRA)
	$(BIN)/pytest tests/e2e $(ARGS)

e2e-local: ## the same on whichever cluster this machine can have (tests/e2e/on_cluster.sh)
	tests/e2e/on_cluster.sh

kind-up: ## make the cluster of kind-config.yaml
	kind get clusters | grep -qx openpanel || kind create cluster --name openpanel --config kind-config.yaml

chart: $(DEV) ## pack the chart into dist/ and sign it (KEY=identity of a gpg key)
	@test -n "$(KEY)" || { echo "say whose key signs: make chart KEY=identity" >&2; exit 1; }
	$(BIN)/python charts/package.py --key "$(KEY)" $(ARGS)

images: install ## build the container images
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel
	for image in $(IMAGES); do \
	  file=images/$$image/Dockerfile; test "$$image" != operator || file=operator/Dockerfile; \
	  $(IMAGE_BUILD) $(if $(REGISTRY),$(REGISTRY)/)openpanel-$$image:$(VERSION) --file $$file . || exit 1; \
	done

bench: install $(DEV) ## print the figures as ratios against baselines of the same run
	$(BIN)/python -m benchmarks $(ARGS)

bench-operator: install $(DEV) api-server ## the operator's figures against an API server
	KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) $(BIN)/python -m benchmarks operator

keda: install $(DEV) api-server $(KEDA_PROGRAMS)/keda-operator $(KEDA_PROGRAMS)/keda-adapter ## try KEDA itself with the operator's objects (needs Go; builds for 20 minutes, once)
	KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) OPENPANEL_KEDA=$(KEDA_PROGRAMS) $(BIN)/pytest $(KEDA) $(ARGS)

docs: $(DEV) ## write the reference pages from the code
	$(BIN)/python -m openpanel_operator.resources
	$(BIN)/python manifests/render.py
	$(BIN)/python docs/generate.py

lock: $(DEV) ## compile the pinned requirement files anew from pyproject.toml
	$(COMPILE) --extra local --output-file requirements.txt pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	for image in api worker dashboard engine; do \
	  $(COMPILE) --extra $$image --constraint requirements.txt --output-file images/$$image/requirements.txt pyproject.toml || exit 1; \
	done
	$(COMPILE) --extra operator --constraint requirements-dev.txt --output-file operator/requirements.txt pyproject.toml

clean: ## remove what was built and installed here (data folders stay)
	rm -rf $(VENV) images/*/frontend/node_modules images/*/frontend/.built tests/sdk/node_modules
	rm -rf images/dashboard/openpanel_dashboard/static images/api/openpanel_api/static
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): requirements.txt pyproject.toml
	@echo "installing into $(VENV): a few minutes, once"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(call pip_install,requirements.txt)
	touch $@

$(DEV): requirements-dev.txt $(STAMP)
	$(call pip_install,requirements-dev.txt)
	touch $@

images/%/frontend/.built: $(WEB_SOURCES)
	@command -v npm >/dev/null || { echo "Node.js 20 or newer is needed (https://nodejs.org); then run make again" >&2; exit 1; }
	cd images/$*/frontend && npm ci --no-audit --no-fund --silent && npm run --silent build
	touch $@

$(SDKS): tests/sdk/package-lock.json
	cd tests/sdk && npm ci --no-audit --no-fund --silent
	touch $@

$(KEDA_PROGRAMS)/keda-%: $(KEDA)/go.mod
	mkdir -p $(@D)
	cd $(KEDA) && CGO_ENABLED=0 go build -p 1 -trimpath -ldflags="-s -w" -o $@ github.com/kedacore/keda/v2/cmd/$*
	touch $@

$(KUBEBUILDER_ASSETS)/etcd: $(API_SERVER)/etcd/go.mod
	mkdir -p $(@D)
	cd $(API_SERVER)/etcd && CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o $@ go.etcd.io/etcd/server/v3
	touch $@

$(KUBEBUILDER_ASSETS)/kube-apiserver: $(API_SERVER)/kubernetes/go.mod
	mkdir -p $(@D)
	version=$$(awk '$$1 == "require" && $$2 == "k8s.io/kubernetes" {print $$3}' $<); minor=$${version#v1.}; \
	flags="-X k8s.io/component-base/version.gitVersion=$$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$${minor%%.*}"; \
	cd $(API_SERVER)/kubernetes && CGO_ENABLED=0 go build -trimpath -ldflags="-s -w $$flags" -o $@ k8s.io/kubernetes/cmd/kube-apiserver
	touch $@
