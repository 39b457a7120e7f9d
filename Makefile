# Two commands on a fresh machine with Python and make: `make demo` and `make test`.
PYTHON ?= python3
PYTHON_LOWEST ?= $(shell command -v python3.11 || command -v $(PYTHON))
VENV ?= .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
PYTEST := python -m pytest --numprocesses 2 --dist loadfile
OUT ?= demo-output
SMOKE := benchmarks/tables/smoke

.PHONY: demo test lowest check docs wheel bench-smoke clean

demo: $(VENV)/run.stamp
	$(BIN)/painprint demo $(OUT)

# The longest studies, and the coverage, are for LONG=1.
test: $(VENV)/dev.stamp
	$(BIN)/$(PYTEST) $(if $(LONG),--cov --cov-report=term,-m "not long") $(OPTIONS)

# The oldest versions that pyproject.toml allows, of which others may say that they are old.
lowest: $(LOWEST)/dev.stamp
	$(LOWEST)/bin/$(PYTEST) -m "not long" -W ignore::DeprecationWarning $(addprefix tests/test_,\
	  atlas.py bids.py cortex.py dense.py edges.py external.py group.py live.py live_folder.py live_probe.py load.py metrics.py \
	  pipeline.py rating_server.py rating_task.py residuals.py signature.py store.py summary.py words.py)

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file benchmarks/mypy.ini
	$(BIN)/lint-imports
	$(BIN)/shellcheck .ci/*
	$(BIN)/hadolint Dockerfile

docs: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

wheel: $(VENV)/dev.stamp
	rm -rf dist
	$(BIN)/python -m build

bench-smoke: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/decode_speed.py --sessions 5 --regions 60 --frames 500
	$(BIN)/python benchmarks/decoders.py tuning --people 1 --sessions 5 --out $(SMOKE)
	$(BIN)/python benchmarks/fuzz_readers.py --files 1200
	$(BIN)/python benchmarks/clock_faults.py --sizes 2 --repetitions 2 --clean 20 --out $(SMOKE)/clock.tsv
	$(BIN)/python benchmarks/kill_and_resume.py --each 150 --random 1 --only simulate run learn recalibrate "predict --out" --out $(SMOKE)/kills.tsv
	$(BIN)/python benchmarks/resources_told.py --only small --out $(SMOKE)
	$(BIN)/python benchmarks/dask_bytes.py --sessions 4 --regions 24 --run-s 240 --no-kills --out $(SMOKE)/dask.tsv
	$(BIN)/python benchmarks/cohort.py --people 3 --alone 2 --kills 1 --work $(SMOKE)/cohort --out $(SMOKE)/cohort
	$(BIN)/python benchmarks/null_calibration.py --people 1 --out $(SMOKE)/calibration.tsv
	$(BIN)/python benchmarks/prior_sharing.py --people 1 --shares 0 0.5 --sizes 2 3 --others 2 --sessions-of-others 3 --tested 2 --regions 24 --out $(SMOKE)
	$(BIN)/python benchmarks/prior_null.py --people 1 --out $(SMOKE)/prior_null.tsv
	$(BIN)/python benchmarks/confounder_tests.py --people 1 --out $(SMOKE)
	$(BIN)/python benchmarks/event_studies.py --people 1 --planted 1 --out $(SMOKE)/events.tsv
	$(BIN)/python benchmarks/block_intervals.py --people 1 --out $(SMOKE)/blocks.tsv
	$(BIN)/python benchmarks/evidence_study.py --seeds 1 --people 1 --sessions 6 --sizes 2 4 --out $(SMOKE)
	$(BIN)/python benchmarks/carrier_study.py --seeds 1 --sessions 5 --regions 24 --out $(SMOKE)
	$(BIN)/python benchmarks/dense_run.py --points 4000 --frames 300 --regions 40 --repeats 2 --out $(SMOKE)/dense.tsv
	$(BIN)/python benchmarks/predict_speed.py --regions 40 --sessions 10 --repeats 1
	$(BIN)/python benchmarks/range_study.py --people 1 --out $(SMOKE)
	$(BIN)/python benchmarks/coverage_study.py --people 2 --out $(SMOKE)
	$(BIN)/python benchmarks/plan_coverage.py --people 1 --out $(SMOKE)
	$(BIN)/python benchmarks/live_latency.py --regions 100 --volumes 500 --out $(SMOKE)/live_latency.tsv
	$(BIN)/python benchmarks/live_offline.py --people 1 --out $(SMOKE)
	$(BIN)/python benchmarks/live_offline.py --uncleaned --people 1 --out $(SMOKE)
	$(BIN)/python benchmarks/rating_kills.py --kills 3 --out $(SMOKE)/rating_kills.tsv
	! command -v chromium >/dev/null || $(BIN)/python benchmarks/rating_timing.py --seconds 10 --tr 0.46 --out $(SMOKE)/rating_timing.tsv
	! command -v chromium >/dev/null || $(BIN)/python benchmarks/page_size.py --sessions 4 --regions 40 --points 12 --out $(SMOKE)/page.tsv
	$(BIN)/python benchmarks/planted_areas.py --divisions 12 --areas 30 --frames 400 --seeds 400 --turns 20 --exact 700 --out $(SMOKE)/areas.tsv
	$(BIN)/python benchmarks/own_areas.py --divisions 10 --regions 32 --sessions 5 --seeds 200 --out $(SMOKE)/own.tsv
	$(BIN)/python benchmarks/stage_costs.py --sessions 5 --regions 40 --frames 500 --out $(SMOKE)/costs.tsv
	$(BIN)/python benchmarks/cohort_nulls.py --cohorts 2 --people 6 --jobs 1 --work $(SMOKE) --out $(SMOKE)/cohort_nulls.tsv
	$(BIN)/python benchmarks/cohort_group.py --people 2 --sessions 4 --regions 24 --run-s 120 --check --out $(SMOKE)/cohort_group.tsv
	$(BIN)/python benchmarks/multiverse_cost.py --sessions 5 --runs 1 --regions 24 --run-s 240 --small --out $(SMOKE)/multiverse.tsv
	$(BIN)/python benchmarks/simulator_ranges.py --seeds 2 --sessions 4 5 --out $(SMOKE)/ranges.tsv
	rm -r $(SMOKE)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/dev.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/run.stamp

$(VENV)/docs.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@

$(LOWEST)/dev.stamp: pyproject.toml
	$(PYTHON_LOWEST) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
	  --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) $(OUT) dist docs/_build docs/auto_gallery artefacts
