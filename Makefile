# `make help` lists the targets. A fresh machine needs Python >= 3.11, make and a network connection.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
ENGINE := .venv-snakemake

# Idle OpenMP threads that spin slow a shared machine down many times over.
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help setup book chapters lab test cluster lint format sync report pages slurm clean distclean repository

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

# The stamp makes the second call instant: the environment is renewed only when what it is made from has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python >= 3.11 is needed, $$($(PYTHON) --version) was found: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "this Python cannot create environments: install its venv module (Debian: apt-get install python3-venv)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[book,dev]'
	@touch $@

setup: $(STAMP) ## create the environment in .venv

chapters: $(STAMP) ## execute the chapters that changed, on all cores
	$(BIN)/python tools/run_notebooks.py

book: chapters ## execute the chapters, render the book; the last line is the path of index.html
	$(BIN)/python tools/assemble.py
	$(BIN)/python tools/render.py

# One process per core; each begins with its share of the files in order, and takes over what another has not begun.
test: lint ## lint, then the tests on all cores
	$(BIN)/python -m pytest -n logical --dist worksteal --ignore=tests/pages --ignore=tests/cluster

lab: $(STAMP) ## open the chapters in JupyterLab
	$(BIN)/jupyter lab notebooks

lint: $(STAMP) ## ruff, its format, and codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

slurm: $(STAMP) cluster ## run campaigns on a SLURM of one node that the tests start, as root on Debian
	$(BIN)/python -m pytest tests/cluster

pages: $(STAMP) ## test the pages of the built book in headless Chromium
	$(BIN)/python -m pytest tests/pages

format: $(STAMP) ## format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sync: $(STAMP) ## write each chapter's .ipynb, the README's table of chapters and diagrams from their sources
	$(BIN)/python tools/sync.py
	$(BIN)/python tools/readme.py
	$(BIN)/python tools/diagrams.py

cluster: $(ENGINE)/.stamp ## create the environment of the engine that runs campaigns on clusters, in .venv-snakemake

$(ENGINE)/.stamp: constraints-cluster.txt
	$(PYTHON) -m venv $(ENGINE)
	$(ENGINE)/bin/python -m pip install --quiet --disable-pip-version-check -r constraints-cluster.txt
	@touch $@

report: $(STAMP) ## write what pages and README show of the records
	$(BIN)/python -m ltdd_utils.report
	$(BIN)/python tools/front.py

repository: $(STAMP) ## set the repository's address everywhere: make repository URL=https://github.com/OWNER/NAME
	$(BIN)/python tools/set_repository.py "$(URL)"

clean: ## remove what was built
	rm -rf _build .pytest_cache .ruff_cache

distclean: clean ## remove the environment too
	rm -rf $(VENV) $(ENGINE)
