"""A multiverse: every declared combination of choices is decoded, and all are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.apps.arguments import OtherSignatures, UsageError
from painprint.apps.multiverse_steps import (
    compute,
    each_specification,
    find_readings,
    specification_key,
    specification_title,
)
from painprint.apps.pages import write_multiverse_page, write_page_unless_made
from painprint.apps.plan_file import PlanFile
from painprint.apps.study import Study, log
from painprint.errors import DerivativesError
from painprint.evidence.multiverse import COLUMNS, summarise
from painprint.evidence.specifications import Specifications, specify
from painprint.files.inputs import InputHashes
from painprint.option_fields import list_options
from painprint.progress import Progress
from painprint.results.earlier import settle
from painprint.results.multiverse import (
    MultiverseFiles,
    describe_plan,
    earlier_multiverses,
    write_multiverse,
)
from painprint.results.provenance import changed_options, versions
from painprint.results.record import find_record
from painprint.results.steps import is_finished, remove
from painprint.results.write import write_dataset_description
from painprint.settings import EVIDENCE, QUALITY, Settings
from painprint.store.files import content_key

NOT_USED = tuple(
    name
    for group in (EVIDENCE, QUALITY)
    for name in list_options(Settings, group=group)
    if name != "n_bootstraps"
)
"""Options of stages of evidence and of quality ratings."""
WRITING = "writing the results and the page"


def check_multiverse(signatures: OtherSignatures) -> None:
    """Check that no option was given that a multiverse does not use.

    Raises
    ------
    UsageError
        Naming it.
    """
    if signatures.external:
        raise UsageError(
            "--external is for `painprint run`: external signatures are no part of a multiverse."
        )


def run_multiverse(
    study: Study, plan: PlanFile, participant: str, *, progress: Progress | None = None
) -> None:
    """Decode one participant with every specification; finished ones are not repeated.

    Raises
    ------
    DerivativesError
        If no specification can be decoded, another process is working on the participant, an input
        changes meanwhile, or there are other results that would be replaced.
    """
    progress = progress or Progress(f"sub-{participant}")
    default, hashes = Settings(), InputHashes()
    used = replace(study.settings, **{name: getattr(default, name) for name in NOT_USED})
    study = replace(study, settings=used)
    planned = specify(plan.plan, study.settings)
    readings = find_readings(study, plan, planned.listed, participant, hashes)
    default_reading = next(r for r, one in each_specification(readings) if one.is_default)
    inventory = default_reading.inputs.inventory
    files = MultiverseFiles.of(study.out_dir, inventory, plan.plan)
    keys = {
        one.number: specification_key(reading, one) for reading, one in each_specification(readings)
    }
    described = describe_plan(plan.plan, planned.n_left_out)
    key = content_key({"plan": described, "specifications": [keys[n] for n in sorted(keys)]})
    with readings[0].inputs.reader.lock.hold():
        record = find_record(files.record) or {}
        if is_finished(record, key, files.folder):
            log.info("sub-%s: finished before, with the same plan and inputs.", participant)
        else:
            earlier = settle(earlier_multiverses(files, key, described), study.existing)
            titles = []
            for reading in readings:
                titles.append(reading.title)
                titles += [specification_title(one, planned) for one in reading.specifications]
            progress.plan(*titles, WRITING)
            rows: dict[int, dict[str, Any]] = {}
            for reading in readings:
                rows |= compute(reading, files, keys, planned, progress)
            with progress.stage(WRITING, logged=False):
                table = _table(rows, planned, plan)
                content = {
                    "key": key,
                    "participant": participant,
                    "simulated": inventory.simulated,
                    "plan": described,
                    **_summary(table, rows, planned, plan, participant),
                    "settings": {
                        name: getattr(study.settings, name)
                        for name in ("leave_out", "n_bootstraps", "random_seed")
                    },
                    "n_readings": len(readings),
                    "versions": versions(),
                    "command": _command(study.settings, participant),
                }
                write_dataset_description(study.out_dir, simulated=inventory.simulated)
                for one in earlier:
                    one.remove()
                write_multiverse(files, table, content, [one.name for one in plan.plan.choices])
        remove([files.step(key) for key in keys.values()])
        write_page_unless_made(files, files.record, write_multiverse_page)


def _table(
    rows: Mapping[int, Mapping[str, Any]], planned: Specifications, plan: PlanFile
) -> pd.DataFrame:
    """One row for each specification, in the order of the plan."""
    listed = []
    for one in planned.listed:
        alternatives = zip(plan.plan.choices, one.combination, strict=True)
        listed.append(
            {
                "specification": one.number,
                "default": "yes" if one.is_default else "no",
                **{choice.name: choice.labels[i] for choice, i in alternatives},
                **rows[one.number],
            }
        )
    names = [choice.name for choice in plan.plan.choices]
    first, *rest = COLUMNS
    columns = [first, rest[0], *names, *rest[1:]]
    return pd.DataFrame(listed).reindex(columns=columns)


def _summary(
    table: pd.DataFrame,
    rows: Mapping[int, Mapping[str, Any]],
    planned: Specifications,
    plan: PlanFile,
    participant: str,
) -> dict[str, Any]:
    """What all specifications say together."""
    scales = {str(row["scale"]) for row in rows.values() if "scale" in row}
    if not scales:
        raise DerivativesError(
            f"sub-{participant}: none of the specifications can be decoded; of the first: "
            f"{table['not_done'].iloc[0]}"
        )
    if len(scales) > 1:
        raise DerivativesError(
            f"sub-{participant}: some specifications predict ratings of events, others of minutes, "
            "which cannot be compared. Remove choices of the rating that differ in this."
        )
    return {
        "n_combinations": plan.plan.n_combinations,
        "n_specifications": len(table),
        "n_left_out": sum(planned.n_left_out),
        "scale": scales.pop(),
        **summarise(table, plan.plan.choices, [one.combination for one in planned.listed]),
    }


def _command(settings: Settings, participant: str) -> str:
    """The command that repeats a multiverse, with placeholders for its folders."""
    atlas = Path(settings.atlas).name if settings.atlas else None
    settings = replace(settings, participant_label=(participant,), atlas=atlas)
    words = ["painprint multiverse <plan> <bids> <out> participant --derivatives <derivatives>"]
    return " ".join([*words, *changed_options(settings)])
