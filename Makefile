# Needs Python 3.11 or newer, make and npm; everything else is fetched here, pinned and hash-checked.
# Nothing here asks a question.

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
PYTEST_ARGS ?=
# Lint's parts run side by side; each part's output stays together where this make can do that.
SYNC := $(if $(filter output-sync,$(.FEATURES)),-Otarget)

.DEFAULT_GOAL := help
.PHONY: help install engines run manage shopper test test-api test-browser test-faults test-stripe test-text openapi-diff simulate mutate kills lint bench clean-data reference \
	lint-format lint-ruff lint-mypy lint-imports lint-templates lint-docker

help: ## Print what each target does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: install ## Start the platform on this machine, play the journey, stay until Ctrl-C (ONCE=1: stop after it; PORT=8000)
	@$(BIN)/python manage.py run

test: engines ## Run every test against the local engines (PYTEST_ARGS=… for a part)
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

test-browser: engines ## Check every page of the admin and the API page in Chromium, with axe-core (BROWSER_PICTURES=folder keeps pictures)
	@$(BIN)/pytest -n $(WORKERS) -m proof $(PYTEST_ARGS) tests/proofs/browser

test-faults: engines ## Plant each fault of docs/simulation.md and see the simulation detect it (about 10 minutes)
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m proof tests/proofs/faults $(PYTEST_ARGS)

test-stripe: engines ## Hold every request to Stripe against its own mock server, which Go builds
	@$(BIN)/pytest -m proof -rs tests/proofs/stripe $(PYTEST_ARGS)

test-text: engines ## Send generated text through every field to history and back (ROUNDS=60 texts a field)
	@$(BIN)/pytest -n $(WORKERS) -m proof tests/proofs/text $(PYTEST_ARGS)

test-api: engines ## Test every endpoint against the OpenAPI document, with 2,000 generated requests of six callers (CASES=1: times so many)
	@CASES=$(or $(CASES),1) $(BIN)/pytest -n $(WORKERS) -m proof -rP --show-capture=stdout $(PYTEST_ARGS) tests/proofs/api

openapi-diff: install ## Compare the OpenAPI document with that of a revision, texts apart (BASE=main)
	@$(BIN)/python -m tests.proofs.openapi_diff --base $(or $(BASE),main)

simulate: engines ## Run N seeds of the simulation (N=100), from SEED on (SEED=1), in WORKERS processes
	@$(BIN)/python -m tests.simulation --count $(or $(N),100) --seed $(or $(SEED),1) --processes $(WORKERS)

mutate: engines ## Change the money code in one place at a time, and list the changes that no test notices (hours; WORKERS=2; MUTANTS="resale.domain.ledger*")
	@$(BIN)/python -m deploy.local.virtual_environment mutation
	@.venv-mutation/bin/python -m tests.mutation --processes $(WORKERS) $(MUTANTS)

lint: install ## Run every check of style, types, imports, templates and the image; print all failures
	@$(MAKE) --no-print-directory -k -j$(WORKERS) $(SYNC) \
		lint-mypy lint-templates lint-imports lint-ruff lint-format lint-docker

.PHONY: pipeline
pipeline: install ## Run the pipeline's stages that need no AWS, and print a table (STAGES="lint migrations test image upgrade"; PYTEST_ARGS=… for the tests)
	@$(BIN)/python -m deploy.release.pipeline $(STAGES)

kills: engines ## Run N orders through the whole platform while its processes are killed -9 (N=1000)
	@$(BIN)/python -m tests.e2e.soak --orders $(or $(N),1000)

.PHONY: image
image: install ## Build the image with buildah or docker, and its list of contents (IMAGE=localhost/resale:latest BASE=…)
	@sh docker/build.sh

.PHONY: test-image
test-image: engines ## Run every role from the image of `make image`: rights, process 1, health checks, draining under load
	@$(BIN)/pytest -m proof -rs tests/proofs/image $(PYTEST_ARGS)

.PHONY: rehearse
rehearse: engines ## Rehearse production under load: deploys, scale-in, a lost zone, no database for DATABASE_DOWN=60 s (IMAGE=…: in containers)
	@$(BIN)/python -m tests.rehearsal --database-down $(or $(DATABASE_DOWN),60) $(if $(IMAGE),--image $(IMAGE))

.PHONY: drill-restore drill-region
drill-restore: engines ## Break orders under load, restore the tenant to the moment before, print RPO and RTO (N=20 orders)
	@$(BIN)/python -m tests.drills.restore --orders $(or $(N),20)

drill-region: engines ## Move a tenant's writes to engines of another Region under load, print RPO and RTO (N=20 orders)
	@$(BIN)/python -m tests.drills.region --orders $(or $(N),20)

.PHONY: test-images
test-images: engines ## Send generated, broken and hostile photos through the whole platform (about 10 minutes)
	@$(BIN)/pytest -m proof tests/proofs/images $(PYTEST_ARGS)

bench: engines ## Measure the CPU time of requests, a naive view and workflow steps, a tenant beside a loud neighbour, and many tenants
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.neighbours
	@$(BIN)/python -m bench.neighbour_jobs
	@$(BIN)/python -m bench.tenants

reference: install ## Write docs/reference, the list of decisions and docs/simulation.md from the code they describe
	@$(BIN)/python manage.py reference
	@$(BIN)/python -m tests.simulation.page

.PHONY: lint-checkov
lint-checkov: install ## Check the templates with checkov, offline after its first run (half a minute; an environment of its own, 300 MB)
	@$(BIN)/python -m deploy.local.virtual_environment checkov
	@.venv-checkov/bin/checkov --config-file deploy/policies/checkov.yml

.PHONY: record-permissions
record-permissions: engines ## Run the tests that act as the platform, and record the AWS calls of each role (about 5 minutes; PYTEST_ARGS="tests/…" adds to the record)
	@$(BIN)/python -m tests.permissions $(PYTEST_ARGS)

clean-data: ## Delete var/: all local data, keys and logs (stop `make run` first)
	@$(PYTHON) -m deploy.local.clean_data

manage: install ## Run a command beside `make run`: make manage ARGS="reconcile --tenant northwind"
	@$(BIN)/python manage.py $(ARGS)

shopper: install ## Print a token of another shopper: make shopper TENANT=northwind NAME=robin
	@$(BIN)/python manage.py mint_shopper $(TENANT) $(NAME)

install: ## Create .venv with the locked tools, unless it is up to date
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not found. Install Python 3.11 or newer (Debian, Ubuntu:" \
		"sudo apt install python3 python3-venv), or name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …")'
	@$(PYTHON) -m deploy.local.virtual_environment

engines: install
	@$(BIN)/python -m deploy.local.engines.install

lint-format:
	@$(BIN)/ruff format --check --quiet . || { echo "ruff format: run $(BIN)/ruff format ."; exit 1; }

lint-ruff:
	@$(BIN)/ruff check --quiet .

lint-mypy:
	@$(BIN)/mypy

lint-imports:
	@$(BIN)/lint-imports

lint-templates:
	@$(BIN)/cfn-lint --non-zero-exit-code warning $$(find deploy -name '*.yaml')
	@$(BIN)/python -m deploy.policies

lint-docker:
	@$(BIN)/hadolint docker/Dockerfile
