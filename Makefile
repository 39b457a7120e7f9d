# Two commands on a fresh machine with Python and make: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= demo-output

.PHONY: demo test check bench-smoke clean

demo: $(VENV)/run.stamp
	$(BIN)/painprint run examples/bids $(OUT) participant --task-id rating --rating-start 10 \
	  --exclude-network VIS --n-jobs 2
	@echo "Open $(OUT)/sub-01.html (one simulated participant)."

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --cov --cov-report=term

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-smoke: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/decode_speed.py --sessions 5 --regions 60 --frames 500

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/dev.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/run.stamp

clean:
	rm -rf $(VENV) $(OUT)
