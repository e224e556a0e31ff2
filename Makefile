# The two commands that matter: `make demo` and `make test`. Both install what they need.
.DEFAULT_GOAL := help

# Makes the environment, and is not used after that: the first of these that is 3.9 or newer.
# `make demo PYTHON3=/path/to/python3` overrides.
PYTHON3 := $(shell for program in python3 python3.13 python3.12 python3.11 python3.10 python3.9 python; \
  do $$program -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null && \
  echo $$program && break; done)
# Which Python, and so which TFX, suits this machine: 3.13 or 3.10. `make demo PY=3.12` overrides.
PY := $(if $(PYTHON3),$(shell $(PYTHON3) tools/install.py))
VENV := .venv-$(PY)
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
DEMO_DATA := runs/demo-data

# A process for each folder: TensorFlow keeps the memory of every graph that a test has made. Two at
# a time, the longest first.
LONGEST := $(patsubst %,tests/%/,end_to_end faults text kubeflow encoder)
TESTS := $(LONGEST) $(filter-out $(LONGEST) tests/engines/, \
  $(sort $(dir $(wildcard tests/*/test_*.py))))
# Counts the lines that run. Costs nothing from Python 3.12 on; before, half as much again as the tests.
COUNT := $(if $(filter 3.12 3.13,$(PY)),-m coverage run)
# Options of its report.
COVERED :=
# A network of its own, with no way out of it; where that is forbidden, this machine's.
ALONE := unshare --net sh -c 'ip link set lo up && exec "$$0" "$$@"'
# Flink, Spark and Beam's job servers for them, some 900 MB.
ENGINES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/user-representations/engines-2.59

.PHONY: help install demo test covered test-fast engines test-engines lint format docs lock licences audit clean $(TESTS)

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

install: $(INSTALLED)  ## make a virtual environment with the pinned packages, and .venv a link to it

demo: $(DEMO_DATA)/labels.csv  ## generate logs, run the whole pipeline on them, print a summary
	$(PYTHON) -m pipeline run configs/demo.yaml --output runs/demo

test: $(INSTALLED)  ## run all tests; from Python 3.12 on print what they cover
	@rm -f .coverage .coverage.*
	@echo "Two folders of tests at a time; each prints its results when it is done."
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target $(TESTS)
	@$(MAKE) --no-print-directory covered

covered:
	@$(if $(COUNT),$(PYTHON) -m coverage combine --quiet && $(PYTHON) -m coverage report $(COVERED), \
	  echo "What they cover is not counted with Python $(PY): it takes 3.12 or newer.")

$(TESTS): $(INSTALLED)
	$(PYTHON) $(COUNT) -m pytest $@

test-fast: $(INSTALLED)  ## run the tests that take seconds
	$(PYTHON) -m pytest -m "not slow"

engines: $(INSTALLED)
	@$(PYTHON) tools/engines/install.py $(ENGINES)

test-engines: $(INSTALLED)  ## run the pipeline on a real Flink and a real Spark, which it installs
	@$(PYTHON) tools/engines/install.py $(ENGINES); status=$$?; \
	alone() { $(ALONE) "$$@"; }; alone true 2> /dev/null || alone() { "$$@"; }; \
	case $$status in \
	  0) alone env ENGINES=$(ENGINES) $(PYTHON) -m pytest tests/engines ;; \
	  77) ;; \
	  *) exit $$status ;; \
	esac

lint: $(INSTALLED)  ## check style, formatting, types and who imports whom
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(INSTALLED)  ## format the code
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(INSTALLED)  ## make a site of the documentation, in docs/_build
	$(VENV)/bin/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build

lock: $(INSTALLED)  ## pin every package of requirements.in anew
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	  --override requirements.overrides requirements.in -o requirements.txt
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	  --constraint requirements.txt requirements-exports.in -o requirements-exports.txt
	(echo "# CUDA for the TensorFlow of requirements.txt, of its extra and-cuda. Made by make lock." && \
	  echo "tensorflow[and-cuda]" | $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 \
	  --no-annotate --no-header --constraint requirements.txt - | grep ^nvidia) \
	  > kubeflow/requirements-gpu.txt

licences: $(INSTALLED)  ## list the licences of all that is installed
	@$(PYTHON) tools/licences.py

audit: $(INSTALLED)  ## ask for known vulnerabilities of what is installed
	@$(PYTHON) tools/audit.py $(VENV)/bin/uv

clean:  ## remove the environments and all runs
	rm -rf .venv .venv-* .uv runs

$(DEMO_DATA)/labels.csv: | $(INSTALLED)
	$(PYTHON) -m pipeline generate $(DEMO_DATA)

# Byte code is made here, once: where Python may not write it, every process would compile TensorFlow.
$(INSTALLED): requirements.txt requirements-exports.txt requirements-experiments.txt
	@test -n "$(PY)" || { echo "No Python 3.9 or newer was found to begin with: install one, or name it" \
	  "(make PYTHON3=/path/to/python3)."; exit 1; }
	@$(PYTHON3) tools/install.py $(PY) $(VENV)
	@touch $@
