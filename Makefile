# Hookflash. `make` alone lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test kernels check format generate interop conformance soak soak-media bench dtmf docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("error: Hookflash needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=python3.12, for example") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[speech]" --group test --group lint --group docs
	@touch $@

demo: $(STAMP) ## one whole call, end to end: a phone, the server, an Azure app; prints the timeline
	$(BIN)/hookflash demo

test: $(STAMP) ## every test that needs no extra system package
	$(BIN)/python tools/run_tests.py

kernels: $(STAMP) ## the kernels' tests without the compiler, with their coverage gate; some minutes
	$(BIN)/python tools/run_tests.py --kernels

interop: $(STAMP) ## tests against SIPp, baresip, linphone, Chromium and the JavaScript SDK (apt-get install sip-tester baresip linphone-cli chromium nodejs npm)
	$(BIN)/python -m pytest -m interop -ra

conformance: $(STAMP) ## every operation, by the SDKs of Python, JavaScript and Java (needs node, npm, maven, a JDK)
	@test -d conformance/javascript/node_modules || npm install --prefix conformance/javascript --no-save --silent
	$(BIN)/python conformance/run.py --keep build/conformance
	$(BIN)/python tools/parity.py --check --record build/conformance

soak: $(STAMP) ## long runs of our own: chaos, fuzzing
	$(BIN)/python -m pytest -m slow -ra

soak-media: $(STAMP) ## calls come and go on a media worker, in real time; SECS=3600 says for how long
	@$(BIN)/python -m bench.soak --secs $(or $(SECS),3600)

check: $(STAMP) ## format, lint, types, import contracts, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config .importlinter
	$(BIN)/python tools/config_reference.py --check
	$(BIN)/python tools/diagrams.py --check
	$(BIN)/python tools/error_reference.py --check
	$(BIN)/python tools/version_reference.py --check
	$(BIN)/python tools/plane_columns.py --check
	$(BIN)/python tools/parity.py --check

format: $(STAMP) ## format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(STAMP) ## write the generated pages anew
	$(BIN)/python tools/config_reference.py
	$(BIN)/python tools/diagrams.py
	$(BIN)/python tools/error_reference.py
	$(BIN)/python tools/version_reference.py
	$(BIN)/python tools/plane_columns.py
	$(BIN)/python tools/parity.py

bench: $(STAMP) ## every figure, one JSON line each
	@$(BIN)/python -m bench

dtmf: $(STAMP) ## the accept and reject table of in-band DTMF detection; some minutes
	@$(BIN)/python -m bench.dtmf

docs: $(STAMP) ## build the documentation into site/
	$(BIN)/mkdocs build --strict

clean: ## remove what the other targets made
	rm -rf $(VENV) site dist build .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .hookflash
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
