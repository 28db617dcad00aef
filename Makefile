# The four commands of the project. Each prepares what it needs once and starts at once after.
#
#   make app      the web app, at http://127.0.0.1:7860 (HOST=... PORT=... change that)
#   make test     every test (ARGS="-k tiles" is handed to pytest)
#   make check    format, lint, types, import walls
#   make bench    every benchmark that needs no argument, for hours

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

# The OpenVINO provider has wheels for 64-bit x86 only.
ifeq ($(shell uname -s -m),Linux x86_64)
APP_EXTRAS := [openvino]
endif
DEVELOPMENT_EXTRAS := [train,test,openvino]

# Those that can be started, not what they share; samples are of a model that one has to name.
BENCHMARKS = $(filter-out samples,$(basename $(notdir \
    $(shell grep -l '^if __name__ ==' benchmarks/*.py 2>/dev/null))))

.PHONY: help app test check format bench clean

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

app: $(VENV)/app.stamp
	@$(BIN)/pixstack serve --host $(HOST) --port $(PORT) $(ARGS)

test: $(VENV)/development.stamp
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/development.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/development.stamp
	@$(BIN)/ruff check --fix --select I .
	@$(BIN)/ruff format .

# A benchmark that cannot run here, such as one for a GPU, says so and exits with 2; the others
# go on, and so they do after one that failed. None writes into the checkout.
bench: $(VENV)/development.stamp
	@status=0; for name in $(BENCHMARKS); do \
	    echo "== python -m benchmarks.$$name"; \
	    $(BIN)/python -m benchmarks.$$name || [ $$? -eq 2 ] || status=1; \
	done; exit $$status

clean:
	rm -rf $(VENV) build dist *.egg-info

# A stamp is written only after its installation succeeded, and is older than the files it
# depends on as soon as those change.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Pixstack needs Python 3.11 or newer; choose one with PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) \
	    || { rm -rf $(VENV); echo "no virtual environment: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/app.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing what serves the models (once, under 1 GB) ..."
	@$(INSTALL) -e ".$(APP_EXTRAS)"
	@touch $@

$(VENV)/development.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing what training and the tests need (once, about 2.5 GB) ..."
	@$(INSTALL) -e ".$(DEVELOPMENT_EXTRAS)"
	@touch $@
