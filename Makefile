# make run [PROFILE=quick|full] [A2_MIRROR=...]   execute the notebook (default: the drawn sample)
# make unpack writeup submission [PROFILE=...]    figures.zip from Colab to the two files to hand in;
#                                                 needs python3 and LaTeX alone (default: full)
# make figures readme [PROFILE=...]               figures and tables again; README's tables
# make format check                               for who edits: ruff's fixes and format; lint and fast tests
# make test                                       lint and all tests
# make latex                                      the command that installs LaTeX on Debian
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN_PROFILE := $(or $(PROFILE),sample)
PAPER_PROFILE := $(or $(PROFILE),full)
NEW_ENOUGH := import sys; sys.version_info >= (3, 10) or sys.exit( \
	'Python %d.%d is too old: make ... PYTHON=python3.10, or newer' % sys.version_info[:2])
VERSION := import sys; sys.version_info >= (3, 10) and print('%d.%d' % sys.version_info[:2])
PIP := python -m pip install --quiet --disable-pip-version-check

# What python reads before a script can; scripts/cells.py has the rest.
unexport PYTHONOPTIMIZE PYTHONSAFEPATH
.PHONY: help run figures writeup submission unpack test check format lint readme latex colab clean
.PHONY: new-enough
.DELETE_ON_ERROR:

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

run: $(VENV)/run.installed
	$(BIN)/python scripts/run_notebook.py $(RUN_PROFILE)

figures: $(VENV)/run.installed
	$(BIN)/python scripts/make_figures.py $(PAPER_PROFILE)

new-enough:
	@$(PYTHON) -c "$(NEW_ENOUGH)"

unpack: new-enough
	$(PYTHON) scripts/unpack_figures.py

writeup: new-enough
	$(PYTHON) scripts/build_writeup.py $(PAPER_PROFILE)

submission: new-enough
	$(PYTHON) scripts/make_submission.py $(PAPER_PROFILE)

test: $(VENV)/dev.installed lint
	$(BIN)/python -m pytest

check: $(VENV)/dev.installed lint
	$(BIN)/python -m pytest -m "not slow"

# The notebook's lines are short enough for paper.
format: $(VENV)/dev.installed
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format --exclude "*.ipynb" .
	$(BIN)/ruff format --line-length 76 a2-cnn.ipynb

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --exclude "*.ipynb" .
	$(BIN)/ruff format --check --line-length 76 a2-cnn.ipynb

# The README's tables of results, from figures/results.json.
readme: new-enough
	$(PYTHON) scripts/tables.py

latex:
	@echo "apt-get update && apt-get install -y --no-install-recommends $$(sed 's/ .*//' scripts/latex.txt | xargs)"

# Colab's versions of everything, in an environment of their own; not part of `make test`.
colab: .venv-colab/installed
	.venv-colab/bin/python scripts/run_notebook.py sample

# An environment without pip (a stopped start) is made anew, and one of another Python than asked for.
FOUND := $(shell $(BIN)/python -c "import pip; $(VERSION)" 2>/dev/null)
ifeq ($(origin PYTHON),file)
WANTED := $(FOUND)
else
WANTED := $(shell $(PYTHON) -c "$(VERSION)")
endif
ifneq ($(FOUND),$(or $(WANTED),none))
.PHONY: $(VENV)/bin/python
endif
$(VENV)/bin/python:
	@$(PYTHON) -c "$(NEW_ENOUGH)"
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/run.installed: requirements.txt $(VENV)/bin/python
	$(BIN)/$(PIP) -r requirements.txt
	touch $@

$(VENV)/dev.installed: requirements-dev.txt $(VENV)/run.installed
	$(BIN)/$(PIP) -r requirements-dev.txt
	touch $@

.venv-colab/installed: requirements-colab.txt
	@$(PYTHON) -c "$(NEW_ENOUGH)"
	$(PYTHON) -m venv .venv-colab
	.venv-colab/bin/$(PIP) -r requirements-colab.txt
	touch $@

clean:
	rm -rf build
