# make run [PROFILE=quick|full] [A2_MIRROR=...]   execute the notebook (default: the drawn sample)
# make unpack writeup submission [PROFILE=...]    figures.zip from Colab to the two files to hand in;
#                                                 needs python3 and LaTeX alone (default: full)
# make figures markus readme [PROFILE=...]        draw again; import as MarkUs does; README's tables
# make check                                      lint and fast tests, for who edits
# make test                                       lint and all tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN_PROFILE := $(or $(PROFILE),sample)
PAPER_PROFILE := $(or $(PROFILE),full)
NEW_ENOUGH := import sys; sys.version_info >= (3, 10) or sys.exit( \
	'Python %d.%d is too old: make ... PYTHON=python3.10, or newer' % sys.version_info[:2])
SAME_PYTHON := import sys; sys.exit(sys.argv[1] != '%d.%d' % sys.version_info[:2])
PIP := pip install --quiet --disable-pip-version-check

.PHONY: run figures writeup submission markus unpack test check lint readme colab oldest clean
.DELETE_ON_ERROR:

run: $(VENV)/run.installed
	$(BIN)/python scripts/run_notebook.py $(RUN_PROFILE)

figures: $(VENV)/run.installed
	$(BIN)/python scripts/make_figures.py $(PAPER_PROFILE)

unpack:
	$(PYTHON) scripts/unpack_figures.py

writeup:
	$(PYTHON) scripts/build_writeup.py $(PAPER_PROFILE)

# With text and fonts of the PDF too, where `make test` has installed what reads them.
submission:
	$(or $(wildcard $(BIN)/python),$(PYTHON)) scripts/make_submission.py $(PAPER_PROFILE)

markus: $(VENV)/dev.installed .venv-markus/installed
	$(BIN)/python scripts/make_submission.py $(PAPER_PROFILE) --markus

test: $(VENV)/dev.installed .venv-markus/installed lint
	$(BIN)/python -m pytest

check: $(VENV)/dev.installed lint
	$(BIN)/python -m pytest -n 0 tests/test_notebook.py tests/test_models.py tests/test_colours.py

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --exclude "*.ipynb" .
	$(BIN)/ruff format --check --line-length 88 a2-cnn.ipynb

# The README's tables of results, from figures/results.json.
readme:
	$(PYTHON) scripts/update_readme.py

# Colab's versions of everything, in an environment of their own; not part of `make test`.
colab: .venv-colab/installed
	.venv-colab/bin/python scripts/run_notebook.py sample

# The oldest versions that requirements.txt allows still import the definitions; not part of `make test`.
oldest: requirements.txt
	$(PYTHON) -c "$(NEW_ENOUGH)"
	$(PYTHON) -m venv --clear .venv-oldest
	mkdir -p build
	sed 's/>=\([0-9.]*\)/~=\1.0/; /jupyter>/d' requirements.txt > build/oldest.txt
	.venv-oldest/bin/$(PIP) -r build/oldest.txt
	cd scripts && ../.venv-oldest/bin/python -c "import cells; cells.import_notebook('sample')"

# An environment of another Python than $(PYTHON) is made anew.
ifneq ($(shell test -x $(BIN)/python && $(BIN)/python -c "$(SAME_PYTHON)" \
	$$($(PYTHON) -c "import sys; print('%d.%d' % sys.version_info[:2])") || echo new),)
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

# MarkUs pins old versions, so its helper gets an environment of its own, which borrows torch from ours.
.venv-markus/installed: $(VENV)/run.installed
	$(PYTHON) -m venv .venv-markus
	.venv-markus/bin/$(PIP) \
		markus-autotest-helpers-notebook==0.1.0 ipython==7.24.0 nbformat==5.1.3 "pytest<8"
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> "$$(.venv-markus/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/ours.pth"
	touch $@

clean:
	rm -rf build
