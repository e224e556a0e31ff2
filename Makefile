# The two commands that matter: `make demo` and `make test`. Both install what they need.
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
DEMO_DATA := runs/demo-data

# A process for each folder: TensorFlow keeps the memory of every graph that a test has made. Two at
# a time, the longest first.
TESTS := tests/end_to_end/ $(filter-out tests/end_to_end/,$(sort $(dir $(wildcard tests/*/test_*.py))))

.PHONY: help install demo test test-fast lint format docs lock clean $(TESTS)

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

install: $(INSTALLED)  ## make .venv with the pinned packages

demo: $(DEMO_DATA)/labels.csv  ## generate logs, run the whole pipeline on them, print a summary
	$(PYTHON) -m pipeline run configs/demo.yaml --output runs/demo

test: $(INSTALLED)  ## run all tests, print what they cover
	@rm -f .coverage .coverage.*
	@echo "Two folders of tests at a time; each prints its results when it is done."
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target $(TESTS)
	@$(PYTHON) -m coverage combine --quiet
	@$(PYTHON) -m coverage report

$(TESTS): $(INSTALLED)
	$(PYTHON) -m coverage run -m pytest $@

test-fast: $(INSTALLED)  ## run the tests that take seconds
	$(PYTHON) -m pytest -m "not slow"

lint: $(INSTALLED)  ## check style, formatting, types and who imports whom
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: $(INSTALLED)  ## format the code
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: $(INSTALLED)  ## make a site of the documentation, in docs/_build
	.venv/bin/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build

lock: $(INSTALLED)  ## pin every package of requirements.in anew
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	  --override requirements.overrides requirements.in -o requirements.txt

clean:  ## remove the environment and all runs
	rm -rf .venv runs

$(DEMO_DATA)/labels.csv: | $(INSTALLED)
	$(PYTHON) -m pipeline generate $(DEMO_DATA)

# Byte code is made here, once: where Python may not write it, every process would compile TensorFlow.
$(INSTALLED): requirements.txt .python-version
	@python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' || { \
	  echo "Python 3.10 is needed (see .python-version); python3 is $$(python3 --version 2>&1)."; exit 1; }
	rm -rf .venv
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet "$$(grep '^uv==' requirements.txt)"
	VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/uv pip sync --quiet --compile-bytecode requirements.txt
	touch $@
