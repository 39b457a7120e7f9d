"""Dry run of a multiverse: what would be computed, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from painprint.apps.dry_run import describe_inventory
from painprint.apps.multiverse_steps import Reading, find_readings
from painprint.apps.plan_file import PlanFile
from painprint.apps.resources import (
    Size,
    calibrate,
    describe_total,
    expected_seconds,
    memory_by_part,
)
from painprint.apps.sizes import size_from_headers, size_of_runs
from painprint.apps.study import Study
from painprint.bins import PARTS_OF_A_MINUTE
from painprint.evidence.specifications import Specifications, specify
from painprint.evidence.stages import STAGES
from painprint.files.inputs import InputHashes
from painprint.settings import Settings
from painprint.wording import plural

OF_SPECIFICATIONS = 2
"""Decodings of a specification: with ratings as they are, and permuted."""


def describe_multiverse(study: Study, plan: PlanFile, participant: str) -> str:
    """Specifications, data of each way to read the runs, and resources needed (--dry-run).

    Raises
    ------
    DerivativesError
        If inputs cannot be found.
    ValueError
        If the plan has impossible combinations, or the data do not suffice.
    """
    planned = specify(plan.plan, study.settings)
    readings = find_readings(study, plan, planned.listed, participant, InputHashes())
    lines, seconds, memory, slowness = [*_describe_plan(plan, planned)], 0.0, 0.0, calibrate()
    for i, reading in enumerate(readings):
        without = replace(reading.study.settings, skip=tuple(STAGES))
        of_this = replace(reading.study, settings=without)
        lines.append(
            f"  reading {i + 1} of {len(readings)}, for "
            f"{plural(len(reading.specifications), 'specification')}:"
        )
        text, _ = describe_inventory(of_this, participant)
        lines += [f"  {line}" for line in text.splitlines()]
        size = _size(reading)
        if size is None:
            continue
        for one in reading.specifications:
            settings = replace(one.settings, skip=tuple(STAGES))
            of_one = _size_with(size, without, settings)
            parts = expected_seconds(of_one, settings, slowness)
            seconds += OF_SPECIFICATIONS * parts["decoding"]
            memory = max(memory, *memory_by_part(of_one, settings).values())
        seconds += expected_seconds(size, without, slowness)["cleaning"]
    total = describe_total(memory, seconds, study.n_jobs)
    return "\n".join([*lines, f"  {plural(len(planned.listed), 'specification')}: {total}"])


def _describe_plan(plan: PlanFile, planned: Specifications) -> Iterator[str]:
    """Lines on the choices, and on the combinations that are left out."""
    for choice in plan.plan.choices:
        yield f"choice {choice.name}: {', '.join(choice.labels)} (the first is the default)"
    for rule, n in zip(plan.plan.left_out, planned.n_left_out, strict=True):
        yield f"left out: {plural(n, 'combination')}: {rule.because}"


def _size(reading: Reading) -> Size | None:
    """Size of a study of the first specification; None if nothing can be used."""
    reader, inventory = reading.inputs.reader, reading.inputs.inventory
    if inventory.image is not None:
        return size_from_headers(reading.study, reader)
    runs = reader.runs()
    prepared = reading.inputs.prepare(reading.study.settings, runs)
    return size_of_runs(reading.study, inventory, runs, prepared)


def _size_with(size: Size, first: Settings, settings: Settings) -> Size:
    """Size of another specification of the same runs."""
    rows = size.n_rows
    if not size.of_events:
        rows = size.n_tested * PARTS_OF_A_MINUTE.get(settings.rules.train_bins, 1)
    return replace(
        size,
        n_rows=rows,
        n_lags=len(settings.lag_s),
        n_features=2 if settings.features == "both" else 1,
        copies=size.copies * len(settings.lag_s) / len(first.lag_s),
    )
