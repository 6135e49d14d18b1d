PYTHON ?= python3
# A Python for `make test-newer`; if empty, 3.13 or 3.12 is searched on PATH and in pyenv.
NEWER ?=
# `make constraints` pins this torch, since a newer one may lack a CPU build.
TORCH ?= $(shell sed -n 's/^torch==//p' constraints.txt)

FUZZ_SECONDS ?= 30

BIN := .venv/bin
STAMP := .venv/.complete
# Only errors, since pip's progress and warnings would hide important lines.
PIP_INSTALL := -m pip install -qq
# Jupyter requires this option to start as root, for example in a container.
JUPYTER_OPTIONS := $(shell [ "$$(id -u)" != 0 ] || echo --allow-root)
# Tests write thousands of small stores, each flushed to disk. In memory, if there is enough, that
# takes a third of the time.
SHARED_MEMORY := $(shell df --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 6000000 {print "/dev/shm"}')
ifneq ($(SHARED_MEMORY),)
export PYTEST_DEBUG_TEMPROOT ?= $(SHARED_MEMORY)
endif
# Tests start many processes, and each would compile the package again.
unexport PYTHONDONTWRITEBYTECODE
# On all cores, with one process per test file, since the tests of a file share stores.
PARALLEL := -n auto --dist loadfile

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The stamp is removed if the environment is broken, incomplete or was moved (its scripts contain
# its path), so that the next target that needs it recreates it. Help needs no environment.
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
ifneq ($(wildcard $(STAMP)),)
SOUND := $(shell grep -qxF '$(CURDIR)' $(STAMP) \
	&& test -x $(BIN)/ruff && test -x $(BIN)/mypy && test -x $(BIN)/pytest \
	&& $(BIN)/python -I -c 'from importlib.metadata import version; version("tuszstore")' 2>/dev/null \
	&& echo yes)
ifneq ($(SOUND),yes)
$(shell rm -f $(STAMP))
endif
endif
endif

.PHONY: help venv test test-slow test-all test-newer test-oldest test-typing lint types format
.PHONY: demo notebook docs wheel bench torture fuzz constraints clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

venv: $(STAMP) ## create .venv with every extra and the development tools (PYTHON=python3.11 selects another Python)
	@echo ".venv is ready"

$(STAMP): pyproject.toml constraints.txt setup.py $(wildcard tuszstore/read/kernel/*)
	@v=$$($(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || v=; \
	case "$$v" in \
	3.1[1-9].*|3.[2-9][0-9].*) ;; \
	'') echo "'$(PYTHON)' does not run. tuszstore needs Python 3.11 or newer; name one: make venv PYTHON=/path/to/python3.11" >&2; exit 1 ;; \
	*) echo "'$(PYTHON)' is Python $$v. tuszstore needs 3.11 or newer; name one: make venv PYTHON=/path/to/python3.11" >&2; exit 1 ;; \
	esac; \
	set -e; \
	if [ -f $@ ]; then \
		echo "==> updating .venv"; \
		rm -f $@; \
	else \
		echo "==> making .venv with Python $$v (one to two minutes)"; \
		rm -rf .venv; \
		$(PYTHON) -m venv .venv; \
	fi; \
	pins=$$($(BIN)/python -c 'import sys; print("-c constraints.txt" if sys.version_info[:2] == (3, 11) else "")'); \
	[ -n "$$pins" ] || echo "    constraints.txt is for Python 3.11: installing the newest releases instead"; \
	$(BIN)/python $(PIP_INSTALL) --upgrade $$pins 'pip>=25.1'; \
	$(BIN)/python $(PIP_INSTALL) $$pins -e '.[all]' --group dev; \
	$(BIN)/python -c 'import tuszstore.read._kernel' 2>/dev/null \
		|| echo "    no C compiler here: windows are read with NumPy, at half the speed"; \
	echo '$(CURDIR)' > $@

test: lint types ## run lint, types and all tests except the slow ones
	@echo "==> tests"
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow'

test-slow: $(STAMP) ## run the slow tests
	@echo "==> slow tests"
	$(BIN)/python -m pytest $(PARALLEL) -m slow

test-all: test test-slow ## run lint, types and all tests

lint: $(STAMP) ## check style and formatting with ruff, and imports between modules
	@echo "==> lint"
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

types: $(STAMP) ## check types with mypy
	@echo "==> types"
	$(BIN)/mypy

# Not part of `make test`, since findings depend on the duration.
fuzz: $(STAMP) ## fuzz all parsers of untrusted bytes, FUZZ_SECONDS each; the kernel under sanitizers
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt --group fuzz
	$(BIN)/python -m fuzz $(FUZZ_SECONDS)

format: $(STAMP) ## format the code and apply ruff's fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

demo: $(STAMP) ## write a synthetic corpus to ./demo, build it, train for a few steps, predict and score
	$(BIN)/tuszstore demo demo
	$(BIN)/python examples/train.py demo/stores/train.zarr
	$(BIN)/tuszstore score demo/stores/val.predictions --threshold-from demo/stores/train.predictions \
		--smooth 5 --merge-gap 5 --min-duration 5

notebook: $(STAMP) ## open a notebook on the demo store in JupyterLab; creates ./demo if necessary
	@test -e demo/stores/train.zarr || $(BIN)/tuszstore demo demo
	$(BIN)/jupyter lab $(JUPYTER_OPTIONS) notebooks/explore.ipynb

bench: $(STAMP) ## run the benchmarks (SIZE=smoke, small or large)
	$(BIN)/python -m benchmarks --size $(or $(SIZE),small)

torture: $(STAMP) ## kill builds, make calls fail, replace files under loaders, and check that nothing is lost
	$(BIN)/python -m tests.torture

# No constraints and no reuse: the environment is recreated each time, to test the releases that a
# user gets today. zarrs and tensorstore are installed last, and only if they are compatible with
# the newest zarr and numpy; otherwise the tests that need them are skipped.
test-newer: ## run all tests except the slow ones on Python 3.13 or 3.12 with the newest dependencies (NEWER=... selects a Python)
	@for v in 3.13 3.12; do \
		for p in $(or $(NEWER),"python$$v" "$$(pyenv root 2>/dev/null)/versions/$$v".*[0-9]/bin/python); do \
			found=$$("$$p" -c 'import ensurepip, sys; print(sys.executable)' 2>/dev/null) && break 2; \
			found=; \
		done; \
	done; \
	if [ -z "$$found" ]; then \
		[ -z '$(NEWER)' ] || { echo "'$(NEWER)' does not run" >&2; exit 1; }; \
		echo "==> no Python 3.13 or 3.12 found: tests on a newer Python are skipped"; \
		exit 0; \
	fi; \
	set -e; \
	echo "==> making .venv-newer with $$("$$found" --version) and the newest dependencies"; \
	rm -rf .venv-newer; \
	"$$found" -m venv .venv-newer; \
	py=.venv-newer/bin/python; \
	$$py $(PIP_INSTALL) --upgrade pip; \
	$$py $(PIP_INSTALL) -e '.[remote,view]' --group dev; \
	$$py -m pip freeze | grep -E '^(numpy|zarr)==' > .venv-newer/newest.txt; \
	for p in zarrs tensorstore; do \
		$$py $(PIP_INSTALL) --only-binary :all: -c .venv-newer/newest.txt $$p \
			|| echo "    $$p cannot be installed: skipped"; \
	done; \
	echo "==> tests on $$($$py --version)"; \
	$$py -m pytest $(PARALLEL) -m 'not slow'

# All lower bounds of pyproject.toml at once, except those of packages only for tests.
test-oldest: ## run all tests except the slow ones with the oldest permitted dependencies (needs Python 3.11)
	@echo "==> making .venv-oldest with the oldest dependencies"
	@set -e; \
	rm -rf .venv-oldest; \
	$(PYTHON) -m venv .venv-oldest; \
	py=.venv-oldest/bin/python; \
	$$py $(PIP_INSTALL) --upgrade pip uv; \
	echo 'pyparsing<3.3' > .venv-oldest/older.txt; \
	.venv-oldest/bin/uv pip compile -q --python $$py --resolution lowest-direct -c .venv-oldest/older.txt \
		pyproject.toml --extra browse --extra remote --extra view -o .venv-oldest/oldest.txt; \
	$$py $(PIP_INSTALL) -c .venv-oldest/oldest.txt -e '.[browse,remote,view]' --group test; \
	$$py -m pytest $(PARALLEL) -m 'not slow'

test-typing: $(STAMP) ## check with mypy and pyright that the package's types work in a project that uses it
	$(BIN)/python -m pytest tests/test_typing.py

docs: $(STAMP) ## build the documentation site in ./site; a warning or a broken link is an error
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt --group docs
	@$(BIN)/python -m pytest -q tests/test_docs_hooks.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Tested in another folder, without this repository's settings, so that only the installed package
# is found.
wheel: $(STAMP) ## build an sdist and a wheel in ./dist, and run the self-test on the wheel in a clean environment
	@set -e; \
	rm -rf dist .venv-wheel; \
	$(BIN)/python $(PIP_INSTALL) build; \
	$(BIN)/python -m build --outdir dist .; \
	$(PYTHON) -m venv .venv-wheel; \
	.venv-wheel/bin/python $(PIP_INSTALL) dist/*.whl pytest; \
	cd .venv-wheel; \
	bin/python -m pytest -p no:cacheprovider -c /dev/null --rootdir . --pyargs tuszstore.testing

# One resolution of all packages with torch pinned. Suffixes such as "+cpu" are removed, since they
# name one build.
constraints: ## update constraints.txt to today's releases (needs Python 3.11; TORCH=... selects the version of torch)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "constraints.txt is for Python 3.11; name one: make constraints PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "==> resolving in .venv-constraints (one to two minutes)"
	@set -e; \
	rm -rf .venv-constraints; \
	$(PYTHON) -m venv .venv-constraints; \
	py=.venv-constraints/bin/python; \
	$$py $(PIP_INSTALL) --upgrade pip; \
	$$py $(PIP_INSTALL) 'torch==$(TORCH)' -e '.[all,train]' --group dev --group docs --group fuzz; \
	$$py -m pip freeze --all --exclude-editable > .venv-constraints/frozen.txt; \
	{ sed -n '/^#/p' constraints.txt; sed 's/+[a-z0-9.]*$$//' .venv-constraints/frozen.txt; } > .venv-constraints/new.txt; \
	mv .venv-constraints/new.txt constraints.txt; \
	rm -rf .venv-constraints

clean: ## remove environments and caches; stores and ./demo are kept
	rm -rf .venv .venv-newer .venv-oldest .venv-wheel .venv-constraints .venv-rivals .venv-rivals-newer build dist site *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis tuszstore/read/*.so
	find $(wildcard tuszstore tests benchmarks) -type d -name __pycache__ -prune -exec rm -rf {} +
