"""How a multiverse is computed: runs are read in each way, and specifications decoded and kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from painprint.apps.depends_on import describe_inputs
from painprint.apps.participant_inputs import ParticipantInputs, find_participant
from painprint.apps.plan_file import PlanFile
from painprint.apps.reader import Reader
from painprint.apps.study import Study
from painprint.decode.kept_products import KeptProducts
from painprint.evidence.multiverse import score_specification
from painprint.evidence.specifications import Specification, Specifications
from painprint.evidence.stage import StageResult
from painprint.files.inputs import InputHashes
from painprint.progress import Progress
from painprint.results.multiverse import MultiverseFiles
from painprint.results.steps import load_stage_result, save_stage_result
from painprint.settings import CLEANING, PREPARED_WITH, VARIED, Settings
from painprint.store.files import content_key

OF_MODELS = ("decoder", "train_bins", "features", "min_stretch_frames")
"""Options of models, with which runs are not read."""
FOUND_WITH = tuple(name for name in VARIED if name not in (*PREPARED_WITH, *OF_MODELS))
"""Options with which files are found and read."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One way in which runs are read, and the specifications that read them so.

    Attributes
    ----------
    title : str
        Name of the stage in which they are read.
    study : Study
        With the settings of the first of them.
    inputs : ParticipantInputs
        What was found; runs are not read yet.
    specifications : list of Specification
        In an order in which successive ones have much in common.
    """

    title: str
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
    for i, ones in enumerate(together.values(), start=1):
        number = f" ({i} of {len(together)} ways)" if len(together) > 1 else ""
        folders = plan.folders_of(ones[0].combination) or study.derivatives
        of_these = replace(study, derivatives=folders, settings=ones[0].settings)
        inputs = find_participant(of_these, participant, hashes)
        ones.sort(key=lambda one: (_prepared_with(one.settings, inputs), one.number))
        readings.append(Reading(f"reading the runs{number}", of_these, inputs, ones))
    return readings


def _prepared_with(settings: Settings, inputs: ParticipantInputs) -> str:
    """What prepared runs depend on, as text that can be sorted; a prior is that of a model."""
    names = PREPARED_WITH if inputs.prior is None else (*PREPARED_WITH, *OF_MODELS)
    return content_key({name: getattr(settings, name) for name in names})


def each_specification(readings: Sequence[Reading]) -> Iterator[tuple[Reading, Specification]]:
    """Every specification, with the way in which it reads the runs."""
    for reading in readings:
        for one in reading.specifications:
            yield reading, one


def specification_key(reading: Reading, one: Specification) -> str:
    """Everything on which the numbers of a specification depend."""
    study = replace(reading.study, settings=one.settings)
    return content_key(describe_inputs(study, reading.inputs, None))


def specification_title(one: Specification, planned: Specifications) -> str:
    """Name of the stage in which a specification is decoded."""
    default = " (the default)" if one.is_default else ""
    return f"specification {one.number} of {len(planned.listed)}{default}"


def compute(
    reading: Reading,
    files: MultiverseFiles,
    keys: Mapping[int, str],
    planned: Specifications,
    progress: Progress,
) -> dict[int, dict[str, Any]]:
    """Numbers of the specifications that read the runs in one way, by their number."""
    rows: dict[int, dict[str, Any]] = {}
    for one in reading.specifications:
        before = load_stage_result(files.step(keys[one.number]), keys[one.number])
        if before is not None:
            rows[one.number] = dict(before.numbers)
            progress.skip(specification_title(one, planned), "was done before")
    missing = [one for one in reading.specifications if one.number not in rows]
    if not missing:
        progress.skip(reading.title)
        return rows
    reader = _reader_beside(reading, files)
    with progress.stage(reading.title) as on_step:
        reader.write_regions()
        runs = reader.runs(on_step)
    inputs = replace(reading.inputs, reader=reader)
    products, prepared, prepared_with = KeptProducts(), None, ""
    for one in missing:
        with progress.stage(specification_title(one, planned)):
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
