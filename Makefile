# make run [PROFILE=quick|full] [A2_MIRROR=...]   execute the notebook (default: the drawn sample, no network)
# make figures writeup submission [PROFILE=...]   draw, build and check what is handed in (default here: full)
# make unpack                                     put a figures.zip from Colab in its place
# make test                                       lint and tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN_PROFILE := $(or $(PROFILE),sample)
PAPER_PROFILE := $(or $(PROFILE),full)

.PHONY: run figures writeup submission unpack test lint readme colab clean
.DELETE_ON_ERROR:

run: $(VENV)/run.installed
	$(BIN)/python scripts/run_notebook.py $(RUN_PROFILE)

figures: $(VENV)/run.installed
	$(BIN)/python scripts/make_figures.py $(PAPER_PROFILE)

writeup: figures
	$(BIN)/python scripts/build_writeup.py $(PAPER_PROFILE)

submission: $(VENV)/dev.installed .venv-markus/installed
	$(BIN)/python scripts/make_submission.py $(PAPER_PROFILE)

unpack: $(VENV)/run.installed
	$(BIN)/python scripts/unpack_figures.py

test: $(VENV)/dev.installed .venv-markus/installed lint
	$(BIN)/python -m pytest

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The README's tables of results, from figures/results.json.
readme: $(VENV)/run.installed
	$(BIN)/python scripts/update_readme.py

# Colab's versions of everything, in an environment of their own; not part of `make test`.
colab: .venv-colab/installed
	.venv-colab/bin/python scripts/run_notebook.py sample

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.installed: requirements-dev.txt $(VENV)/run.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

.venv-colab/installed: requirements-colab.txt
	$(PYTHON) -m venv .venv-colab
	.venv-colab/bin/pip install --quiet --disable-pip-version-check -r requirements-colab.txt
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
