# Every target installs what it needs by itself; quick when nothing changed.
PYTHON ?= python3
PY := .venv/bin/python
UV := .venv/bin/uv
INSTALLED := .venv/.installed

# torch's threads spin while they wait for each other, which halves the speed of a machine that others use, too
export OMP_WAIT_POLICY ?= PASSIVE

# a worker for each core, each with servers of its own and up to 2.5 GB; a file's tests stay together
PYTEST := -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

.PHONY: help install demo test test-quick lint up wheel-check bench ablation compare train-gpu drill-build drill-inbox drill-web clean
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(INSTALLED) ## create .venv and install

$(INSTALLED): requirements.txt requirements-fast.txt requirements-psd.txt requirements-postgres.txt requirements-stack.txt requirements-dev.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Irodori needs Python 3.11 or later; call: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "no virtual environment could be made; on Debian: apt-get install python3-venv"; exit 1; }
	@test -x $(UV) || $(PY) -m pip install --quiet uv
	$(UV) pip install --quiet --python .venv --constraint constraints.txt --requirement requirements-dev.txt --editable .
	@$(PY) -c 'import cv2' 2>/dev/null || $(MAKE) --no-print-directory headless
	@touch $@

# opencv-python needs libGL and glib, which servers and containers lack
.PHONY: headless
headless:
	@echo "this machine lacks libGL: taking opencv-python-headless, which does without it"
	@version=$$($(PY) -c 'from importlib.metadata import version; print(version("opencv-python"))') && \
		$(UV) pip uninstall --quiet --python .venv opencv-python && \
		$(UV) pip install --quiet --python .venv "opencv-python-headless==$$version" && \
		$(PY) -c 'import cv2'

demo: install ## the whole chain on real drawings, offline, some minutes on two cores
	@$(PY) -m demo

test: install ## run the tests, on all cores
	@$(PY) $(PYTEST)

test-quick: install ## those tests that take seconds, for daily work
	@$(PY) $(PYTEST) -m "not slow"

lint: install ## ruff and mypy
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy cyclegan flows imaging irodori scraping storage tasks benchmarks demo deploy drills tests

up: install ## server with UI, S3, pools, deployments, schedules, workers; Ctrl-C stops all
	@exec $(PY) -m deploy.up

wheel-check: install ## build the wheel and use it as somebody who has nothing else
	@$(PY) -m deploy.wheel_check

bench: install ## every benchmark of speed or choice; each is also: python -m benchmarks.NAME
	@for file in benchmarks/[a-z]*.py; do \
		name=$$(basename $$file .py); \
		case $$name in harness|trapped_ball|recipes|variants|trainings|published|ablation|compare) ;; *) $(PY) -m benchmarks.$$name || exit 1;; esac; done

ablation: install ## what each part of the training is worth: an hour or two on two cores
	@$(PY) -m benchmarks.ablation

compare: install ## what each method gives in the same time: hours on two cores
	@$(PY) -m benchmarks.compare

train-gpu: install ## train the default preset on the demo's drawings at 256 px on a GPU; ARGS=--rehearse tries it on the CPU
	@$(PY) -m demo.train_gpu $(ARGS)

drill-build: install ## kill build-dataset again and again; nothing may be lost
	@$(PY) -m drills.build

drill-inbox: install ## kill colorize-inbox again and again; nothing may be lost
	@$(PY) -m drills.inbox

drill-web: install ## kill the web page and its painters again and again; nothing may be lost
	@$(PY) -m drills.web

clean: ## remove the environment and what runs left, not your data
	rm -rf .venv .run build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
