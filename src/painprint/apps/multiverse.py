"""A multiverse: every declared combination of choices is decoded, and all are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.apps.arguments import OtherSignatures, UsageError
from painprint.apps.depends_on import describe_inputs
from painprint.apps.pages import write_multiverse_page_unless_made
from painprint.apps.participant_inputs import ParticipantInputs, find_participant
from painprint.apps.plan_file import PlanFile
from painprint.apps.reader import Reader
from painprint.apps.study import Study, log
from painprint.decode.kept_products import KeptProducts
from painprint.errors import DerivativesError
from painprint.evidence.multiverse import COLUMNS, score_specification, summarise
from painprint.evidence.specifications import Specification, Specifications, specify
from painprint.evidence.stage import StageResult
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
from painprint.results.steps import is_finished, load_stage_result, remove, save_stage_result
from painprint.results.write import write_dataset_description
from painprint.settings import CLEANING, EVIDENCE, PREPARED_WITH, QUALITY, VARIED, Settings
from painprint.store.files import content_key

OF_MODELS = ("decoder", "train_bins", "features", "min_stretch_frames")
"""Options of models, with which runs are not read."""
FOUND_WITH = tuple(name for name in VARIED if name not in (*PREPARED_WITH, *OF_MODELS))
"""Options with which files are found and read."""
NOT_USED = tuple(
    name
    for group in (EVIDENCE, QUALITY)
    for name in list_options(Settings, group=group)
    if name != "n_bootstraps"
)
"""Options of stages of evidence and of quality ratings."""
READING = "reading the runs"
WRITING = "writing the results and the page"


@dataclass(frozen=True, eq=False)
class Reading:
    """One way in which runs are read, and the specifications that read them so.

    Attributes
    ----------
    study : Study
        With the settings of the first of them.
    inputs : ParticipantInputs
        What was found; runs are not read yet.
    specifications : list of Specification
        In an order in which successive ones have much in common.
    """

    study: Study
    inputs: ParticipantInputs
    specifications: list[Specification]


def find_readings(
    study: Study,
    plan: PlanFile,
    specifications: Sequence[Specification],
    participant: str,
    hashes: InputHashes,
) -> list[Reading]:
    """The different ways in which a plan reads the runs; nothing is written.

    Raises
    ------
    DerivativesError
        If the inputs of one cannot be found.
    """
    together: dict[str, list[Specification]] = {}
    for one in specifications:
        read_with = {name: getattr(one.settings, name) for name in FOUND_WITH}
        named = [str(folder) for folder in plan.folders_of(one.combination)]
        together.setdefault(content_key({"folders": named, **read_with}), []).append(one)
    readings = []
    for ones in together.values():
        folders = plan.folders_of(ones[0].combination) or study.derivatives
        of_these = replace(study, derivatives=folders, settings=ones[0].settings)
        inputs = find_participant(of_these, participant, hashes)
        ones.sort(key=lambda one: (_prepared_with(one.settings, inputs), one.number))
        readings.append(Reading(of_these, inputs, ones))
    return readings


def _prepared_with(settings: Settings, inputs: ParticipantInputs) -> str:
    """What prepared runs depend on, as text that can be sorted; a prior is that of a model."""
    names = PREPARED_WITH if inputs.prior is None else (*PREPARED_WITH, *OF_MODELS)
    return content_key({name: getattr(settings, name) for name in names})


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
    inventory = _reading_of_default(readings).inputs.inventory
    files = MultiverseFiles.of(study.out_dir, inventory, plan.plan)
    keys = {one.number: _key(reading, one) for reading, one in _each(readings)}
    described, titles = describe_plan(plan.plan, planned.n_left_out), list[str]()
    key = content_key({"plan": described, "specifications": [keys[n] for n in sorted(keys)]})
    with readings[0].inputs.reader.lock.hold():
        record = find_record(files.record) or {}
        if is_finished(record, key, files.folder):
            log.info("sub-%s: finished before, with the same plan and inputs.", participant)
        else:
            earlier = settle(earlier_multiverses(files, key, described), study.existing)
            ways = _name_readings(len(readings))
            for way, reading in zip(ways, readings, strict=True):
                titles += [way, *(_title(one, planned) for one in reading.specifications)]
            progress.plan(*titles, WRITING)
            rows: dict[int, dict[str, Any]] = {}
            for way, reading in zip(ways, readings, strict=True):
                rows |= _compute(reading, files, keys, planned, (way, progress))
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
                names = [choice.name for choice in plan.plan.choices]
                write_multiverse(files, table, content, names)
        remove([files.step(key) for key in keys.values()])
        write_multiverse_page_unless_made(files)


def _name_readings(n: int) -> list[str]:
    """Names of the stages in which runs are read."""
    return [READING] if n == 1 else [f"{READING} ({i + 1} of {n} ways)" for i in range(n)]


def _each(readings: Sequence[Reading]) -> Iterator[tuple[Reading, Specification]]:
    for reading in readings:
        for one in reading.specifications:
            yield reading, one


def _reading_of_default(readings: Sequence[Reading]) -> Reading:
    return next(reading for reading, one in _each(readings) if one.is_default)


def _key(reading: Reading, one: Specification) -> str:
    """Everything on which the numbers of a specification depend."""
    study = replace(reading.study, settings=one.settings)
    return content_key(describe_inputs(study, reading.inputs, None))


def _title(one: Specification, planned: Specifications) -> str:
    default = " (the default)" if one.is_default else ""
    return f"specification {one.number} of {len(planned.listed)}{default}"


def _compute(
    reading: Reading,
    files: MultiverseFiles,
    keys: Mapping[int, str],
    planned: Specifications,
    told: tuple[str, Progress],
) -> dict[int, dict[str, Any]]:
    """Numbers of the specifications that read the runs in one way, by their number."""
    way, progress = told
    rows: dict[int, dict[str, Any]] = {}
    for one in reading.specifications:
        before = load_stage_result(files.step(keys[one.number]), keys[one.number])
        if before is not None:
            rows[one.number] = dict(before.numbers)
            progress.skip(_title(one, planned), "was done before")
    missing = [one for one in reading.specifications if one.number not in rows]
    if not missing:
        progress.skip(way)
        return rows
    reader = _reader_beside(reading, files)
    with progress.stage(way) as on_step:
        reader.write_regions()
        runs = reader.runs(on_step)
    inputs = replace(reading.inputs, reader=reader)
    products, prepared, prepared_with = KeptProducts(), None, ""
    for one in missing:
        with progress.stage(_title(one, planned)):
            try:
                if prepared_with != (wanted := _prepared_with(one.settings, inputs)):
                    prepared, prepared_with = None, ""
                    prepared, prepared_with = inputs.prepare(one.settings, runs), wanted
                assert prepared is not None
                numbers = score_specification(
                    prepared,
                    one.settings,
                    products=products,
                    n_excluded=len(reader.excluded),
                    n_jobs=reading.study.n_jobs,
                )
            except ValueError as error:
                numbers = {"not_done": str(error).partition("\n")[0]}
            reader.hashes.check()
            key = keys[one.number]
            save_stage_result(files.step(key), StageResult({}, numbers), key)
        rows[one.number] = numbers
    return rows


def _reader_beside(reading: Reading, files: MultiverseFiles) -> Reader:
    """Reader whose regional time series of dense BOLD lie beside those of a study."""
    cleaning = {name: getattr(reading.study.settings, name) for name in (*CLEANING, "tr_s")}
    key = content_key({"cleaning": cleaning, "atlas": reading.inputs.inventory.atlas})
    study = replace(reading.study, out_dir=files.work(key))
    return study.reader(reading.inputs.inventory, reading.inputs.reader.hashes)


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
    """What all specifications say together.

    Raises
    ------
    DerivativesError
        If none could be decoded.
    """
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
