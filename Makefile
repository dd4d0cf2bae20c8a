# `make` alone lists the targets. Everything runs from .venv, which `make install` fills from the locks.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install tools tools-deploy demo test test-unit test-bench test-peers test-deploy chaos mutants soak peers lint fmt lock docs says clean java

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with the locked dependencies and the command .venv/bin/events-fanout.

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or later is needed: make install PYTHON=python3.12' >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

AXE := .cache/axe/node_modules/axe-core/axe.min.js

tools: $(AXE) ## Install what the tests of the page and of the alerts need: Chromium, its driver, promtool, axe-core.
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null && command -v promtool >/dev/null || \
		if [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
				apt-get install -y -qq --no-install-recommends chromium chromium-driver prometheus; \
		else \
			echo 'chromium, chromedriver or promtool is missing, and only root can install packages. Either' \
				'"sudo make tools" (Debian), or install them another way and put them on the PATH.' >&2; exit 1; \
		fi

# npm compares what it gets with the hash in the lock.
$(AXE): tests/browser/axe/package.json tests/browser/axe/package-lock.json
	@command -v npm >/dev/null || { echo 'axe-core comes from npm, which is not on the PATH: install Node.js.' >&2; exit 1; }
	mkdir -p .cache/axe
	cp $^ .cache/axe
	npm ci --prefix .cache/axe --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

MANIFESTS := .cache/manifests/.installed

tools-deploy: $(MANIFESTS) $(STAMP) ## Install what the tests of deploy/ need: linters, etcd, promtool, an API server built from source (Go; minutes, once).
	@command -v etcd >/dev/null && command -v promtool >/dev/null || \
		if [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
				apt-get install -y -qq --no-install-recommends etcd-server prometheus; \
		else \
			echo 'etcd or promtool is missing, and only root can install packages. Either "sudo make tools-deploy" (Debian),' \
				'or install them another way and put them on the PATH.' >&2; exit 1; \
		fi
	@command -v go >/dev/null || { echo 'the API server is built with Go, which is not on the PATH: install Go 1.24 or later.' >&2; exit 1; }
	$(BIN)/python -m tests.deploy.apiserver build
	$(BIN)/python -m tests.deploy.image fetch

$(MANIFESTS): requirements/manifests.txt
	$(PYTHON) -m venv .cache/manifests
	.cache/manifests/bin/python -m pip install --quiet --require-hashes --requirement requirements/manifests.txt
	@touch $@

demo: $(STAMP) ## Show the whole program at work on a mock Kafka: needs nothing but Python.
	$(BIN)/events-fanout demo

test: $(STAMP) java ## Run the tests of the program, on a real Apache Kafka too: needs Java 17 and Maven.
	$(BIN)/python -m bench fetch
	$(BIN)/pytest --numprocesses 2 --dist loadfile \
		--ignore tests/chaos --ignore tests/deploy --ignore tests/measurements --ignore tests/peers
	$(BIN)/pytest --numprocesses 2 --dist load --maxschedchunk 1 tests/chaos

test-unit: $(STAMP) ## Run the tests that need no Kafka and no processes: seconds.
	$(BIN)/pytest tests/unit

test-bench: $(STAMP) java ## Run every measurement in its quick form.
	$(BIN)/python -m bench fetch
	$(BIN)/pytest --numprocesses 2 --dist loadfile tests/measurements

test-deploy: $(STAMP) tools-deploy java ## Prove the image and the manifests, on a real API server and a real Kafka: needs Go, Java and Maven.
	$(BIN)/python -m bench fetch
	$(BIN)/pytest tests/deploy

test-peers: $(STAMP) java ## Build the programs that we are compared with, and see that they deliver: needs Go and gcc besides.
	$(BIN)/pytest tests/peers

RUNS ?= 200
JOBS ?= 2
chaos: $(STAMP) java ## Fault runs with a verdict, RUNS=200 of them, JOBS=2 at a time: an hour and a half.
	$(BIN)/python -m bench chaos --runs $(RUNS) --jobs $(JOBS)

mutants: $(STAMP) ## Break the program in some twenty places, and see that a test fails each time: half a minute.
	$(BIN)/python -m tests.mutants

soak: $(STAMP) java ## Half an hour under load: memory, open files and threads must not grow.
	$(BIN)/python -m bench soak

peers: $(STAMP) ## Build the programs that `python -m bench compare` compares with: needs Go, gcc, Java and Maven.
	$(BIN)/python -m bench peers

lint: $(STAMP) ## Check style, format and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict fanout bench tests

fmt: $(STAMP) ## Format the code, and repair what ruff can repair.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# No address of a registry and no path gets into the locks: they hold names, versions and hashes.
UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(LOCK_FLAGS)

lock: $(STAMP) ## Write requirements/*.txt from pyproject.toml; LOCK_FLAGS=--upgrade takes newer versions.
	$(UV_COMPILE) pyproject.toml --output-file requirements/run.txt
	$(UV_COMPILE) pyproject.toml --extra kubernetes --constraint requirements/run.txt --output-file requirements/image.txt
	$(UV_COMPILE) pyproject.toml --extra kubernetes --group dev --constraint requirements/image.txt --output-file requirements/dev.txt
	$(UV_COMPILE) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	$(UV_COMPILE) --group manifests --output-file requirements/manifests.txt
	$(UV_COMPILE) bench/peers/aiokafka_loop/requirements.in --output-file bench/peers/aiokafka_loop/requirements.txt

docs: $(STAMP) ## Write docs/settings.md, docs/metrics.md and the dashboard from the code, and the PrometheusRule from the rules.
	$(BIN)/python -m fanout.config.reference > docs/settings.md
	$(BIN)/python -m fanout.metrics.reference > docs/metrics.md
	$(BIN)/python -m fanout.metrics.dashboard > deploy/components/monitoring/dashboard.json
	$(BIN)/python -m tests.monitoring.prometheus_rule > deploy/components/monitoring/prometheus-rule.yaml

says: $(STAMP) java ## Make happen what can happen, on a real Kafka, and write what is said to docs/what-it-says.md.
	$(BIN)/python -m bench fetch
	WHAT_IT_SAYS=tests/status/recorded $(BIN)/pytest --numprocesses 2 --dist loadfile tests/status
	$(BIN)/python -m tests.status.page > docs/what-it-says.md

clean: ## Remove .venv and every cache.
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

java:
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo \
		'make test starts a real Apache Kafka and needs Java 17 or later and Maven (java, mvn) on the PATH;' \
		'make test-unit and make demo need neither.' >&2; exit 1; }
	@version=$$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'); [ "$${version:-0}" -ge 17 ] || { echo \
		"make test needs Java 17 or later; the java on the PATH is version $${version:-unknown}." >&2; exit 1; }
