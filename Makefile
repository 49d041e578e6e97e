# Siamese Lab. `make app` starts the dashboard, `make test` runs the tests; both set themselves up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: app test test-fast lint browser starter bench clean help

help:
	@echo "make app     install what the dashboard needs and start it on localhost:$(PORT)"
	@echo "make test    install what the tests need as well and run them"
	@echo "make starter train the small model that ships (needs Omniglot, see docs)"
	@echo "make lint    format check, lint, types"

$(VENV)/.app: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Siamese Lab needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "No virtual environment could be made; on Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt requirements-extras.txt $(VENV)/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

app: $(VENV)/.app
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

browser: $(VENV)/.dev
	@$(BIN)/python tests/browser/install.py

test: $(VENV)/.dev browser lint
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow and not browser"
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "slow and not browser"
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m browser

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow and not browser"

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy siamese_core

starter: $(VENV)/.app
	$(BIN)/python -m siamese_core.make_starter

bench: $(VENV)/.app
	$(BIN)/python -m siamese_core bench

clean:
	rm -rf $(VENV)
