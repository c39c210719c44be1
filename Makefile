# `make study` and `make test` do everything on a fresh machine with Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: study test lint clean

study: $(READY)
	@if [ -e runs/digits/study.yaml ]; then $(BIN)/study resume runs/digits; else $(BIN)/study run digits; fi

test: $(READY) lint
	$(BIN)/pytest $(PYTEST)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,onnx,hub]"
	@touch $@

clean:
	rm -rf .venv
