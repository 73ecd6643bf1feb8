# The two commands of the README. They need Python 3.10 or newer and a package index, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
TEXT ?=
# What make bench takes besides TEXT; python -m benchmarks --help says what they mean.
DIALS = TEXT POEMS TOKENIZERS ROWS REPEAT TOUCH GB CASES OUT

# Each process has one file of tests at a time. tests/conftest.py decides the number of processes and the order of files.
PARALLEL = -n auto --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-fast lint kernels bench docs map site vocab newest clean

demo: $(VENV)/installed
	@sh docs/demo.sh "$(BIN)" "$(TEXT)"

test: $(VENV)/tested
	@$(MAKE) --no-print-directory -j2 lint kernels
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

# Without the tests that need TensorFlow, Spark or a browser, or that take long.
test-fast: $(VENV)/tested
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not keras and not spark and not browser" $(ARGS)

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The kernels of the tests, compiled while the linters run on one core: otherwise each process would compile its own.
kernels: $(VENV)/tested
	@TOKEMB_CACHE_DIR="$${TOKEMB_CACHE_DIR:-$(CURDIR)/build/test_cache}" PYTHONPATH=$(CURDIR):$(CURDIR)/cli \
		$(BIN)/python -m tokemb_cli compile

# The comparisons with the peers, which the benchmark alone needs; writes benchmarks/RESULTS.md.
bench: $(VENV)/benched
	$(BIN)/python -m benchmarks $(foreach dial,$(DIALS),$(if $($(dial)),"$(dial)=$($(dial))"))

# docs/cli.md from --help; tests compare the two.
docs: $(VENV)/tested
	$(BIN)/python docs/make_cli.py

# The map of words in the README, docs/map.png, from the text of the guides: after they have changed much.
map: $(VENV)/tested
	$(BIN)/python docs/make_map.py

# The documentation site in build/site; index.html opens without a network.
site: $(VENV)/tested
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site

# The reference vocabularies, after a change that is meant to change them.
vocab: $(VENV)/tested
	PATH="$(BIN):$$PATH" $(BIN)/python vocab/make.py

# The fast tests with the newest versions of other libraries, including release candidates, regardless of the upper bounds,
# and the table of what works with tokenizers 1.0. It reports what breaks and never fails.
newest:
	$(PYTHON) -m venv build/newest
	build/newest/bin/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	-build/newest/bin/python -m pip install --quiet --disable-pip-version-check --pre --upgrade numba llvmlite "tokenizers<1"
	-build/newest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --pre --upgrade \
		--target build/tokenizers-1 "tokenizers>=1.0.0rc1"
	-build/newest/bin/python -m pytest -q -m "not slow and not keras and not spark and not browser" $(ARGS)
	-build/newest/bin/python -m pytest -q tests/test_compatibility.py

# What the test environment installs includes the package itself, so either of the two will do for the demo.
# Of KerasHub, the tests need two layers and none of its dependencies, one of which determines the version of TensorFlow.
$(VENV)/installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/tested: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps keras-hub regex
	@touch $@ $(VENV)/installed

$(VENV)/benched: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test,bench]"
	@touch $@ $(VENV)/tested $(VENV)/installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "tokemb needs Python 3.10 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
