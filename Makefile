# Governance Metrics Warehouse. `make help` explains every target.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
UV_VERSION := 0.13.9

# Trust what the machine trusts, so that an office's own certificate authority works.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false)
# Python may be told not to keep what it compiles (images do so): then each process would compile all libraries again.
export UV_COMPILE_BYTECODE := 1
export GX_ANALYTICS_ENABLED := false
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up -----------------------------------------------------------------------------------------------------------

$(VENV)/bin/uv:
	@python3 -c 'import sys; assert sys.version_info[:2] == (3, 11), f"expected Python 3.11, found {sys.version.split()[0]}"'
	python3 -m venv $(VENV) || (echo "python3 -m venv failed: on Debian install it with: apt-get install python3-venv" && false)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: requirements.lock pyproject.toml $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --require-hashes -r requirements.lock
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --require-hashes -r requirements-test.lock
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed ## Set up .venv with everything the warehouse needs (other targets do it by themselves)

# --- run --------------------------------------------------------------------------------------------------------------

SAMPLES := $(or $(GMW_HOME),$(CURDIR)/var)/samples
GENERATOR := $(shell find samples -name '*.py' -o -path '*/published_figures/*.csv') $(wildcard dbt_project/seeds/process_catalogue.csv dbt_project/seeds/kind.csv)

# The demonstration district stands in where nobody says where files arrive.
COMPARE := $(if $(GMW_DROP_FOLDER),,$(PYTHON) -m samples.compare "$(SAMPLES)")
run run-direct up: export GMW_DROP_FOLDER := $(or $(GMW_DROP_FOLDER),$(SAMPLES)/raw)
run run-direct up: $(if $(GMW_DROP_FOLDER),,$(SAMPLES)/.made)

$(SAMPLES)/.made: $(VENV)/.installed $(GENERATOR)
	$(PYTHON) -m samples.make_samples "$(SAMPLES)"
	@touch "$@"

.PHONY: samples
samples: $(SAMPLES)/.made ## Write the raw files of the demonstration district (the run targets do it by themselves)

.PHONY: local-secret
local-secret: $(VENV)/.installed
	@$(VENV)/bin/gmw secret create --if-missing

.PHONY: run
run: $(VENV)/.installed local-secret ## Run the demonstration district through Airflow: from raw files to workbook, then stop
	$(VENV)/bin/gmw airflow run
	$(COMPARE)

.PHONY: run-direct
run-direct: $(VENV)/.installed local-secret ## The same without Airflow, in one process
	$(VENV)/bin/gmw run
	$(COMPARE)

.PHONY: up
up: $(VENV)/.installed local-secret ## Keep Airflow running for use in a browser; prints address and login; Ctrl-C stops it
	$(VENV)/bin/gmw airflow up

# A cluster of its own; the Thrift server that dbt talks to answers on GMW_SPARK_PORT (default 10000).
.venv-spark/.installed: requirements-spark.lock $(VENV)/bin/uv
	@command -v java >/dev/null || (echo "Spark needs Java 17: on Debian install it with: apt-get install openjdk-17-jre-headless" && false)
	$(VENV)/bin/uv venv --quiet --allow-existing --python 3.11 .venv-spark
	$(VENV)/bin/uv pip install --quiet --python .venv-spark/bin/python --require-hashes -r requirements-spark.lock
	@touch $@

.PHONY: spark
spark: $(VENV)/.installed .venv-spark/.installed ## Run a Spark cluster on this machine (docs/scaling.md); Ctrl-C stops it
	$(PYTHON) -m distributed.cluster

.PHONY: spark-build
spark-build: $(VENV)/.installed ## Build what was loaded on the cluster that runs (after a run; docs/scaling.md)
	$(PYTHON) -m distributed.build

.PHONY: status
status: $(VENV)/.installed ## Show sources, batches, quarantine, last gates and the current version
	$(VENV)/bin/gmw status

.PHONY: docs
docs: $(VENV)/.installed ## Write dbt's documentation of all models as one offline page (after a run)
	$(VENV)/bin/gmw docs

# --- test -------------------------------------------------------------------------------------------------------------

# Two processes share the files of tests; more would need more cores, and memory.
TEST_PROCESSES ?= 2

.PHONY: test
test: $(VENV)/.installed-test ## Run all tests, the real scheduler included
	$(VENV)/bin/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --durations 40

# Real servers and programs that tests start; without one of them, its tests are skipped and say so.
TEST_PROGRAMS := chromium docker-compose libreoffice-calc mariadb-server openssh-client openssh-server postgresql strace

.PHONY: test-programs
test-programs: ## Install the Debian packages that some tests need (as root)
	@missing=$$(for name in $(TEST_PROGRAMS); do dpkg -s $$name >/dev/null 2>&1 || echo $$name; done); \
	if [ -n "$$missing" ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi

.PHONY: test-unit
test-unit: $(VENV)/.installed-test ## Run only the tests that take seconds
	$(VENV)/bin/pytest tests/unit tests/dags

.PHONY: bench
bench: $(VENV)/.installed-test ## Measure the product beside DuckDB by hand, dlt with dbt, and pandas; writes its part of docs/performance.md (GMW_BENCH_SCALE)
	$(PYTHON) -m bench.whole --scale $(or $(GMW_BENCH_SCALE),1) --write

.PHONY: bench-curve
bench-curve: $(VENV)/.installed-test ## Measure how the cost grows from a tenth to four times the benchmark's data; writes its part of docs/performance.md
	$(PYTHON) -m bench.curve --write

.PHONY: bench-load
bench-load: $(VENV)/.installed-test ## Measure loading beside a bare DuckDB; writes the table of docs/performance.md
	$(PYTHON) -m bench.load --write

.PHONY: bench-gates
bench-gates: $(VENV)/.installed-test ## Measure what share of a run the gates take; writes its table of docs/performance.md
	$(PYTHON) -m bench.gates --write

.PHONY: bench-export
bench-export: $(VENV)/.installed-test ## Measure the exports of 200 communities over 24 months; writes its table of docs/performance.md
	$(PYTHON) -m bench.exports --write

.PHONY: bench-airflow
bench-airflow: $(VENV)/.installed-test ## Measure Airflow with 300 declared sources, parsing and ingest; writes its table of docs/performance.md
	$(PYTHON) -m bench.airflow_scale --write

.PHONY: spark-test
spark-test: $(VENV)/.installed-test .venv-spark/.installed ## Build what was loaded on Spark and compare every KPI value with DuckDB's (after a run)
	$(PYTHON) -m distributed.comparison

.PHONY: mutations
mutations: $(VENV)/.installed-test ## Break the demonstration district in every way that the gates are for; writes the table of docs/testing.md
	$(PYTHON) -m tests.mutation.table --write $(GMW_MUTATIONS_HOME)

.PHONY: crash
crash: $(VENV)/.installed-test ## Kill the pipeline at 210 random points of all steps; every time the result is that of a quiet run (GMW_CRASH_SEED)
	$(PYTHON) -m tests.crash.lives --points 210 --seed $${GMW_CRASH_SEED:-$$RANDOM}

.PHONY: fuzz
fuzz: $(VENV)/.installed-test ## Read generated and damaged files for ten minutes (GMW_FUZZ_SECONDS), other ones each time (GMW_FUZZ_SEED)
	GMW_FUZZ_SECONDS=$${GMW_FUZZ_SECONDS:-600} GMW_FUZZ_SEED=$${GMW_FUZZ_SEED:-$$RANDOM} $(VENV)/bin/pytest tests/unit/test_fuzz_files.py

# --- upkeep -----------------------------------------------------------------------------------------------------------

.PHONY: lock
lock: $(VENV)/bin/uv ## Pin the newest allowed versions again in requirements*.lock
	$(VENV)/bin/uv pip compile requirements.in --output-file requirements.lock --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --python-version 3.11 --upgrade --quiet
	$(VENV)/bin/uv pip compile requirements-test.in --output-file requirements-test.lock --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --python-version 3.11 --upgrade --quiet

.PHONY: clean
clean: ## Remove the state in var/: landed originals, warehouse, publications, exports, backups, and the secret of the person keys
	@read -r -p "Remove var/ with all landed files, backups and the person-key secret? [y/N] " answer && [ "$$answer" = y ]
	rm -rf var
