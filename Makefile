# Two commands on a fresh machine with Python and make: `make demo` and `make test`.
PYTHON ?= python3
PYTHON_LOWEST ?= $(shell command -v python3.11 || command -v $(PYTHON))
VENV ?= .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
PYTEST := python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Two processes at a time have a core each.
test lowest bench-smoke: export OPENBLAS_NUM_THREADS = 1
OUT ?= demo-output
SMOKE := benchmarks/tables/smoke

.PHONY: demo test lowest check docs wheel package container bench-smoke clean

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

# What is published: the wheel in a new environment, and the image.
package: wheel
	.ci/wheel

container:
	$(if $(filter-out 0,$(shell id -u)),sudo) .ci/container

# A smaller run of each benchmark: every rule named smoke-BENCHMARK. `--jobs 2` runs two at a time.
SMOKES := $(shell sed -n 's/^\(smoke-[a-z_]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))
BENCHMARK = $(BIN)/python benchmarks/$(@:smoke-%=%).py
.PHONY: $(SMOKES)
$(SMOKES): $(VENV)/dev.stamp
bench-smoke: $(SMOKES)
	rm -r $(SMOKE)

smoke-decode_speed:
	$(BENCHMARK) --sessions 5 --regions 60 --frames 500
smoke-decoders:
	$(BENCHMARK) tuning --people 1 --sessions 5 --out $(SMOKE)
smoke-fuzz_readers:
	$(BENCHMARK) --files 1200
smoke-clock_faults:
	$(BENCHMARK) --sizes 2 --repetitions 2 --clean 20 --out $(SMOKE)/clock.tsv
smoke-kill_and_resume:
	$(BENCHMARK) --each 150 --random 1 --only simulate run learn recalibrate "predict --out" --out $(SMOKE)/kills.tsv
smoke-resources_told:
	$(BENCHMARK) --only small --out $(SMOKE)
smoke-dask_bytes:
	$(BENCHMARK) --sessions 4 --regions 24 --run-s 240 --no-kills --out $(SMOKE)/dask.tsv
smoke-cohort:
	$(BENCHMARK) --people 3 --alone 2 --kills 1 --work $(SMOKE)/cohort --out $(SMOKE)/cohort
smoke-null_calibration:
	$(BENCHMARK) --people 1 --out $(SMOKE)/calibration.tsv
smoke-prior_sharing:
	$(BENCHMARK) --people 1 --shares 0 0.5 --sizes 2 3 --others 2 --sessions-of-others 3 --tested 2 --regions 24 --out $(SMOKE)
smoke-prior_null:
	$(BENCHMARK) --people 1 --out $(SMOKE)/prior_null.tsv
smoke-confounder_tests:
	$(BENCHMARK) --people 1 --out $(SMOKE)
smoke-event_studies:
	$(BENCHMARK) --people 1 --planted 1 --out $(SMOKE)/events.tsv
smoke-block_intervals:
	$(BENCHMARK) --people 1 --out $(SMOKE)/blocks.tsv
smoke-evidence_study:
	$(BENCHMARK) --seeds 1 --people 1 --sessions 6 --sizes 2 4 --out $(SMOKE)
smoke-carrier_study:
	$(BENCHMARK) --seeds 1 --sessions 5 --regions 24 --out $(SMOKE)
smoke-dense_run:
	$(BENCHMARK) --points 4000 --frames 300 --regions 40 --repeats 2 --out $(SMOKE)/dense.tsv
smoke-predict_speed:
	$(BENCHMARK) --regions 40 --sessions 10 --repeats 1
smoke-range_study:
	$(BENCHMARK) --people 1 --out $(SMOKE)
smoke-coverage_study:
	$(BENCHMARK) --people 2 --out $(SMOKE)
smoke-plan_coverage:
	$(BENCHMARK) --people 1 --out $(SMOKE)
smoke-live_latency:
	$(BENCHMARK) --regions 100 --volumes 500 --out $(SMOKE)/live_latency.tsv
smoke-live_offline:
	$(BENCHMARK) --people 1 --out $(SMOKE)
	$(BENCHMARK) --uncleaned --people 1 --out $(SMOKE)
smoke-rating_kills:
	$(BENCHMARK) --kills 3 --out $(SMOKE)/rating_kills.tsv
smoke-rating_timing:
	! command -v chromium >/dev/null || $(BENCHMARK) --seconds 10 --tr 0.46 --out $(SMOKE)/rating_timing.tsv
smoke-page_size:
	! command -v chromium >/dev/null || $(BENCHMARK) --sessions 4 --regions 40 --points 12 --out $(SMOKE)/page.tsv
smoke-planted_areas:
	$(BENCHMARK) --divisions 12 --areas 30 --frames 400 --seeds 400 --turns 20 --exact 700 --out $(SMOKE)/areas.tsv
smoke-own_areas:
	$(BENCHMARK) --divisions 10 --regions 32 --sessions 5 --seeds 200 --out $(SMOKE)/own.tsv
smoke-stage_costs:
	$(BENCHMARK) --sessions 5 --regions 40 --frames 500 --out $(SMOKE)/costs.tsv
smoke-cohort_nulls:
	$(BENCHMARK) --cohorts 2 --people 6 --jobs 1 --work $(SMOKE) --out $(SMOKE)/cohort_nulls.tsv
smoke-cohort_group:
	$(BENCHMARK) --people 2 --sessions 4 --regions 24 --run-s 120 --check --out $(SMOKE)/cohort_group.tsv
smoke-multiverse_cost:
	$(BENCHMARK) --sessions 5 --runs 1 --regions 24 --run-s 240 --small --out $(SMOKE)/multiverse.tsv
smoke-simulator_ranges:
	$(BENCHMARK) --seeds 2 --sessions 4 5 --out $(SMOKE)/ranges.tsv

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
