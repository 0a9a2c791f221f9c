# make run [PROFILE=full] [A2_MIRROR=...]   execute the notebook (default: the drawn sample, no network)
# make writeup [PROFILE=sample]             build a2-writeup.pdf from figures/ (default here: full)
# make submission                           check the two files to hand in, and put them into build/submission/
# make test                                 the tests
PYTHON ?= python3
VENV ?= .venv
PROFILE ?= sample
BIN := $(VENV)/bin

.PHONY: run writeup submission test lint readme clean
.DELETE_ON_ERROR:

run: $(VENV)/run.installed
	$(BIN)/python scripts/run_notebook.py $(PROFILE)

# Unlike `make run`, these two mean the committed full run unless told otherwise.
writeup: $(VENV)/run.installed
	$(BIN)/python scripts/build_writeup.py $(if $(filter command line environment,$(origin PROFILE)),$(PROFILE),full)

submission: $(VENV)/dev.installed .venv-markus/installed
	$(BIN)/python scripts/make_submission.py $(if $(filter command line environment,$(origin PROFILE)),$(PROFILE),full)

test: $(VENV)/dev.installed .venv-markus/installed lint
	$(BIN)/python -m pytest

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The README's table of results, from figures/results.json.
readme: $(VENV)/run.installed
	$(BIN)/python scripts/update_readme.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.installed: requirements-dev.txt $(VENV)/run.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# MarkUs pins old versions, so its helper gets an environment of its own, which borrows torch from ours.
.venv-markus/installed: $(VENV)/run.installed
	$(PYTHON) -m venv .venv-markus
	.venv-markus/bin/pip install --quiet --disable-pip-version-check \
		markus-autotest-helpers-notebook==0.1.0 ipython==7.24.0 nbformat==5.1.3 "pytest<8"
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> "$$(.venv-markus/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/ours.pth"
	touch $@

clean:
	rm -rf build
