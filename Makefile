# The two commands are `make demo` and `make test`. Both make .venv first and install with constraints.txt.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
SHELL := /bin/bash
export PATH := $(abspath $(BIN)):$(PATH)
export OMP_NUM_THREADS := 1

.PHONY: demo test test-slow test-browser verify bench map statistics speed images lint build check-build clean

demo: $(VENV)/installed  ## grade a sample class end to end, from stub notebooks to feedback
	atlas demo

test: $(VENV)/installed lint check-build  ## everything that must hold before a commit, in under 10 minutes
	python -m pytest -q -m "not slow and not browser and not alone" -n 2 --dist loadfile --max-worker-restart 0
	python -m pytest -q -m "alone and not slow"

test-slow: $(VENV)/installed  ## the slower proofs
	python -m pytest -q -m slow --durations 12 --timeout 1800 -n 2 --dist loadfile --max-worker-restart 0

test-browser: $(VENV)/installed  ## JupyterLab and nbgrader in Chromium, as students and staff use them
	python -m pytest -q -m browser tests/autograder/test_browser.py

verify: $(VENV)/installed  ## test the tests: right answers, wrong answers, mutants; writes the rate into README.md
	atlas verify --record

bench: $(VENV)/installed  ## the same class graded by atlas and by stock nbgrader, in turn; writes the ratio into README.md
	python -m autograder.benchmark --record

map: $(VENV)/installed  ## run every row of the map, and write docs/map.md and docs/coverage.md
	atlas map --record > /dev/null

statistics: $(VENV)/installed  ## run every statistical case a thousand times, and write docs/statistical_cases.md
	python -m autograder.false_alarms

speed: $(VENV)/installed  ## judge every timed exercise 200 times beside a busy loop, and write docs/speed.md
	python -m autograder.speed_proof

images: $(VENV)/installed  ## docs/images, from the running programs
	python docs/images/make.py

lint: $(VENV)/installed
	ruff check .
	ruff format --check .
	mypy

build: $(VENV)/installed  ## rebuild assignments/ from source/ and solutions/
	atlas build

check-build: $(VENV)/installed
	atlas build --check

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

clean:  ## remove what grading and building made; never source, solutions or tests
	rm -rf build demo .pytest_cache .mypy_cache .ruff_cache
