# `make study` and `make test` do everything on a fresh machine with Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
CLUSTER := .venv/cluster/ready

.PHONY: study test lint clean

study: $(READY)
	@if [ -e runs/digits/study.yaml ]; then $(BIN)/study resume runs/digits; else $(BIN)/study run digits; fi

test: $(READY) $(CLUSTER) lint
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

# What `study[cluster]` adds, in an environment on top of the other: with it Ray starts a dashboard's processes each time.
$(CLUSTER): $(READY)
	$(BIN)/python -m venv --without-pip .venv/cluster
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])" \
		> $$(.venv/cluster/bin/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")/base.pth
	.venv/cluster/bin/python -m pip install --quiet --constraint constraints.txt "ray[default]>=2.60"
	@touch $@

clean:
	rm -rf .venv
