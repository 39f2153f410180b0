# Needs Python 3.11, make and a C library. Everything else is brought into this folder.
PYTHON ?= python3.11
UV := .tools/bin/uv
VENV := .venv/bin
# Compiled once: a process that compiles TensorFlow or Airflow itself starts three times slower.
SYNC := $(UV) sync --locked --inexact --quiet --compile-bytecode --extra airflow --extra cpu
unexport PYTHONDONTWRITEBYTECODE

# Trust the machine's own authorities too, such as those of a company's proxy.
CERTIFICATES := $(wildcard /etc/ssl/certs/ca-certificates.crt)
ifneq ($(CERTIFICATES),)
export SSL_CERT_FILE ?= $(CERTIFICATES)
export NODE_EXTRA_CA_CERTS ?= $(CERTIFICATES)
endif

WEB := plugins/hotspots_ui/web

.DEFAULT_GOAL := help
.PHONY: help setup page page-types run test lint fmt fast docs fuzz soak soak-weeks compose-test ui bench bench-gpu bench-lake bench-data bench-weeks bench-page bench-backfill bench-cities corruptions sbom audit crash-matrix clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@echo "Setting up: fetching uv into .tools"
	@$(PYTHON) -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check 'uv>=0.8'

.venv/.run: uv.lock pyproject.toml | $(UV)
	@echo "Setting up: installing the locked packages into .venv (about 2.4 GB, once)"
	@$(SYNC) && touch $@

.venv/.test: uv.lock pyproject.toml | $(UV)
	@echo "Setting up: installing the locked packages and test tools into .venv"
	@$(SYNC) --extra test --extra docs && touch $@ .venv/.run

.venv/.page: $(addprefix $(WEB)/,package-lock.json vite.config.js index.html) $(wildcard $(WEB)/src/*) | .venv/.run
	@bash scripts/page.sh $(WEB) $@

setup: .venv/.run .venv/.page ## Install what running needs

page: .venv/.page ## Build the Hotspots page

page-types: .venv/.test .venv/.page ## Write the types of the API's answers for the page, after a change of them
	@PATH="$(CURDIR)/$(VENV):$$PATH" $(VENV)/python -W ignore scripts/page_types.py

run: .venv/.run .venv/.page ## Forecast a week through Airflow on a simulated city (LIVE=1: the real one)
	@LIVE=$(LIVE) bash scripts/run.sh

ui: .venv/.run .venv/.page ## Start Airflow with its UI; prints address and login
	@LIVE=$(LIVE) bash scripts/ui.sh

test: .venv/.test .venv/.page ## Run every check and test
	@bash scripts/test.sh

fast: .venv/.test ## Run the fast tests only
	@$(VENV)/python -m pytest -m "not slow" --no-cov --numprocesses=2 --dist=loadfile --no-loadscope-reorder

fuzz: .venv/.test ## Give every client a million spoiled answers (ANSWERS=..., SEED=...)
	@for client in legacy nibrs daily forecast; do echo $$client; \
	$(VENV)/python -m tests.fuzz $$client --answers $(or $(ANSWERS),1000000) --seed $(or $(SEED),$$RANDOM) \
	|| exit 1; done

soak: .venv/.test ## Run simulated weeks for an hour, every fifth request of which fails (MINUTES=...)
	@$(VENV)/python -m tests.soak --minutes $(or $(MINUTES),60)

soak-weeks: .venv/.test ## Backfill ten simulated years, revised and with faults, each week twice (WEEKS=520)
	@$(VENV)/python -W ignore -m tests.soak_weeks --weeks $(or $(WEEKS),520)

corruptions: .venv/.test ## Spoil a small home a thousand times, and look whether verify finds each (COUNT=..., SEED=...)
	@$(VENV)/python -W ignore -m tests.corruptions --count $(or $(COUNT),1000) --seed $(or $(SEED),1)

crash-matrix: .venv/.test ## Kill every writer, and fill its disk, at many of its system calls (POINTS=16, SEED=1)
	@$(VENV)/python -W ignore -m tests.crash_matrix --points $(or $(POINTS),16) --seed $(or $(SEED),1)

compose-test: .venv/.test ## Build and run docker-compose.yml on the container engine at hand, and test it
	@bash scripts/compose-test.sh

lint: .venv/.test .venv/.page ## Check style and types
	@bash scripts/lint.sh

fmt: .venv/.test .venv/.page ## Put style right, where that can be done without asking
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format . && cd $(WEB) && PATH="$(CURDIR)/$(VENV):$$PATH" npx eslint --fix .

docs: .venv/.test ## Build the documentation with reference pages made from the code, in var/site
	@$(VENV)/mkdocs build --quiet && echo "Open var/site/index.html"

bench: .venv/.run ## Time training, forecast and gradient step on this machine (WEEKS=104)
	@$(VENV)/python -m scripts.bench $(WEEKS)

bench-gpu: | $(UV) ## Time training on this machine's GPU, beside its CPU (WEEKS=104)
	@UV_PROJECT_ENVIRONMENT=.venv-gpu $(UV) run --locked --no-dev --extra airflow --extra gpu python -W ignore -m scripts.bench_gpu $(WEEKS)

bench-lake: .venv/.test ## Time what a week asks of its lake, on disk and in object storage
	@$(VENV)/python -W ignore -m scripts.bench_lake

bench-data: .venv/.test ## Time gridding beside pandas, DuckDB and geopandas, a week's steps, and how cost grows
	@$(SYNC) --extra test --extra bench && OMP_NUM_THREADS=1 $(VENV)/python -W ignore -m scripts.bench_data

bench-weeks: .venv/.test ## Time `hotspots backfill` over 200 weeks in one process (WEEKS=200)
	@$(VENV)/python -W ignore -m scripts.bench_weeks $(WEEKS)

bench-page: .venv/.test .venv/.page ## Time the Hotspots page and its API with five years of weeks stored
	@$(VENV)/python -W ignore -m scripts.bench_page

bench-backfill: .venv/.test ## Backfill twelve weeks through the scheduler, twice, and time them
	@BACKFILL_WEEKS=12 $(VENV)/python -m pytest --no-cov -s -q tests/e2e/test_backfill.py

bench-cities: .venv/.test ## Forecast a hundred cities through the scheduler with stub training, and time them
	@CITIES=$${CITIES:-100} $(VENV)/python -m pytest --no-cov -s -q tests/e2e/test_many_cities.py

sbom: .venv/.test .venv/.page ## Write what the software is made of (CycloneDX), and every licence, into var/supply
	@bash scripts/sbom.sh "$(CURDIR)/$(UV)" var/supply

audit: .venv/.run .venv/.page ## Ask the databases of known weaknesses about every locked package
	@bash scripts/audit.sh "$(CURDIR)/$(UV)"

clean: ## Remove what was set up and written (.tools, .venv, .venv-gpu, var, the built page)
	@rm -rf .tools .venv .venv-gpu var $(WEB)/node_modules $(WEB)/dist
