# What people run. Needs only python3 (3.11 or 3.12) with pip, and make; everything else goes into directories of this checkout:
#   .tools        uv, the installer, at the version of pyproject.toml
#   .venv         the operator's command, dbt and the local cloud (and the checks, after `make test`)
#   .venv-lambda  what the Lambdas import, and nothing else
#   .venv-glue    what Glue jobs run on here: Sail and Spark's client
#   .venv-spark   real Spark and a Java, for `make test` and the benchmark
#   .venv-checkov checkov, which wants other versions of the AWS SDK, for `make test`
#   .xtage        the data of the local cloud

SHELL := /bin/sh
.DEFAULT_GOAL := help
# One thing after the other, whatever `--jobs` says; only `make test` runs its checks side by side.
ifneq ($(MAKECMDGOALS),checks)
.NOTPARALLEL:
endif
.DELETE_ON_ERROR:

UV_VERSION := $(shell sed -n 's/.*"uv==\([0-9.]*\)".*/\1/p' pyproject.toml)
SEED := 7
RECORDS := 1000

# The first Python of the right version: a machine whose python3 is newer may still have python3.12.
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && command -v $$name && break; done)
endif

# What uv compares with the Python an environment was made from: with a shim of pyenv, or the python of another environment,
# it would find them different and make the environment anew, under a running local cloud too.
BASE_PYTHON = $(shell "$(PYTHON)" -c 'import sys; print(sys._base_executable)' 2>/dev/null)

# Only the Python that is there: uv must not download one.
export UV_PYTHON_DOWNLOADS := never
# An activated environment of somebody else must not become the target.
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

UV := .tools/bin/uv
UV_STAMP := .tools/uv-$(UV_VERSION)
SYNC := $(UV) sync --frozen --inexact --python "$(BASE_PYTHON)"
SYNC_ONLY = UV_PROJECT_ENVIRONMENT=.venv-$(1) $(UV) sync --frozen --python "$(BASE_PYTHON)" --only-group $(1) --no-install-project
HOME_DIR := $(or $(XTAGE_HOME),.xtage)
SAMPLES := $(HOME_DIR)/samples
FEED_FILES := sales_data.csv transactions.csv products.csv customer_data.json exchange_rates.json orders.json
# The longest first: so no worker is left alone with one at the end.
TESTS := $(wildcard tests/end_to_end tests/redshift tests/dbt tests/infra tests/integration tests/glue tests/unit)
# Each has servers of its own; tests/conftest.py says what stays together.
WORKERS := 3
# What one check prints stands together; make before 4.0 cannot do that.
WHOLE_OUTPUTS := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
say = @printf '\n== %s\n'

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-11s %s\n", $$1, $$2 }'

.PHONY: demo
demo: install ## installs, starts the local cloud, runs six sample feeds through the pipeline, leaves it running
	$(say) "Starting the local cloud"
	@.venv/bin/xtage up
	$(say) "Making sample feeds: $(RECORDS) records each, seed $(SEED), clean and dirty as in life"
	@.venv/bin/python -m samples --seed $(SEED) --records $(RECORDS) --out $(SAMPLES)
	$(say) "Dropping them into the raw bucket"
	@.venv/bin/xtage drop $(FEED_FILES:%=$(SAMPLES)/%)
	$(say) "Running the pipeline"
	@.venv/bin/xtage run
	$(say) "Where to look"
	@.venv/bin/xtage status
	$(say) "What to try next"
	@printf '%s\n' \
		'  .venv/bin/xtage sql "select * from marts.unified_sales limit 5"' \
		'  .venv/bin/xtage sql "select * from marts.row_accounting"' \
		'  .venv/bin/dbt build              rebuilds and tests the models' \
		'  .venv/bin/xtage drop FILE        adds a file; the pipeline starts by itself' \
		'  .venv/bin/xtage down             stops everything, keeps the data'

.PHONY: install
install: .venv/.installed .venv-lambda/.installed .venv-glue/.installed ## makes the environments from the lock; does nothing when they are current

.PHONY: install-dev
install-dev: install .venv/.installed-dev .venv-spark/.installed .venv-checkov/.installed ## installs what the checks need too

.PHONY: test
test: install-dev ## installs, then every check and every test
	@$(MAKE) --no-print-directory --jobs 2 $(WHOLE_OUTPUTS) checks
	$(say) "pytest: $(TESTS)"
	.venv/bin/pytest --numprocesses $(WORKERS) --no-loadscope-reorder $(TESTS)

# The quick ones first.
.PHONY: checks check-lock check-style check-types check-openings check-templates
checks: check-lock check-style check-types check-openings check-templates

check-lock:
	$(say) "uv: the lock says what pyproject.toml asks for"
	$(UV) lock --check --offline

check-style:
	$(say) "ruff: lint and format"
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

check-types:
	$(say) "mypy: types, strict"
	.venv/bin/mypy

check-templates:
	$(say) "cfn-lint: CloudFormation templates"
	.venv/bin/cfn-lint infra/cloudformation/*.yaml

check-openings:
	$(say) "checkov: what the templates leave open"
	.venv-checkov/bin/checkov --config-file infra/checkov/config.yaml

.PHONY: soak
soak: install-dev ## the long versions of the tests that have one
	$(say) "pytest: the tests marked soak, in their long versions"
	XTAGE_SOAK=1 .venv/bin/pytest -m soak -rP --timeout 7200 $(TESTS)

.PHONY: clean
clean: ## stops the local cloud and removes everything that make made, the local cloud's data too
	@if [ -x .venv/bin/xtage ]; then .venv/bin/xtage down; fi
	@# By name: the home may be a directory that holds other things too.
	rm -rf $(addprefix $(HOME_DIR)/,postgres postgres.new postgres.lock aws aws.lock redshift redshift.lock logs samples api-key)
	@rmdir $(HOME_DIR) 2>/dev/null || true
	rm -rf .tools .venv .venv-lambda .venv-glue .venv-spark .venv-checkov target logs .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: check-python
check-python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "make: no Python 3.11 or 3.12 found. Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null || { \
		echo "make: $(PYTHON) is not Python 3.11 or 3.12. Name one that is: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }

# Into a directory of its own: works where pip is externally managed and where venv or ensurepip is missing.
$(UV_STAMP): | check-python
	$(say) "Installing uv $(UV_VERSION) into .tools"
	@"$(PYTHON)" -m pip --version >/dev/null 2>&1 || { \
		echo "make: $(PYTHON) has no pip. Install it (Debian and Ubuntu: apt-get install python3-pip) and run make again." >&2; exit 1; }
	@rm -rf .tools
	@"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --target .tools "uv==$(UV_VERSION)"
	@touch $@

.venv/.installed: uv.lock pyproject.toml $(UV_STAMP) | check-python
	$(say) "Installing the locked environment into .venv"
	@$(SYNC)
	@touch $@

.venv/.installed-dev: .venv/.installed
	$(say) "Adding the checks, and what the loaders import, to .venv"
	@$(SYNC) --group dev --group lambda
	@touch $@

# Without --inexact: what is not declared must not be there.
.venv-lambda/.installed: uv.lock pyproject.toml $(UV_STAMP) | check-python
	$(say) "Installing the Lambdas' environment into .venv-lambda"
	@$(call SYNC_ONLY,lambda)
	@touch $@

.venv-glue/.installed: uv.lock pyproject.toml $(UV_STAMP) | check-python
	$(say) "Installing the Glue jobs' environment into .venv-glue"
	@$(call SYNC_ONLY,glue)
	@touch $@

.venv-spark/.installed: uv.lock pyproject.toml $(UV_STAMP) | check-python
	$(say) "Installing Spark and a Java into .venv-spark"
	@$(call SYNC_ONLY,spark)
	@touch $@

# Of its own: it pins another boto3 than ministack does. The requirements are locked beside it, with hashes.
.venv-checkov/.installed: infra/checkov/requirements.txt $(UV_STAMP) | check-python
	$(say) "Installing checkov into .venv-checkov"
	@$(UV) venv --quiet --clear --python "$(BASE_PYTHON)" .venv-checkov
	@$(UV) pip install --quiet --require-hashes --python .venv-checkov/bin/python --requirements infra/checkov/requirements.txt
	@touch $@
