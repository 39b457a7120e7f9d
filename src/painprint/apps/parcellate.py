"""Individual parcellation: find and gather resting runs, parcellate, test, name, write."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from painprint.apps.pages import announce_page, count_failed, write_page_unless_made
from painprint.atlas.surfaces import name_density
from painprint.bold.nuisance import Cleaner
from painprint.cortex.boundary_map import Kernels
from painprint.cortex.naming import Namer
from painprint.parcellate.individual_file import (
    HALVES,
    AreaFiles,
    find_area_results,
    read_area_results,
    write_atlas_dataset,
    write_results,
)
from painprint.parcellate.metrics import (
    about_areas,
    about_scans,
    about_subcortical,
    area_provenance,
    compare_with_reference,
    count_networks,
)
from painprint.parcellate.scans import drop_silent_vertices, gather_runs
from painprint.parcellate.stages import STAGES, CachedSteps, compare_homogeneity, parcellate_cortex
from painprint.parcellate.study import AreaStudy, ParticipantInputs, find_inputs
from painprint.parcellate.tables import AreaOutputs, area_table
from painprint.progress import Progress
from painprint.results.earlier import Earlier, settle
from painprint.results.provenance import compare_with
from painprint.results.record import find_key, find_record, record_pages, state_of
from painprint.results.steps import is_finished, remove
from painprint.results.write import write_dataset_description
from painprint.store.lock import lock

log = logging.getLogger("painprint")

CLEANING, WRITING = "cleaning of the resting runs", "writing the results and the page"
"""Stages of the work beside those that are cached."""


def parcellate_participant(
    study: AreaStudy, participant: str, *, progress: Progress | None = None
) -> None:
    """Parcellate one participant and write every output; finished steps are not repeated.

    Raises
    ------
    DerivativesError
        If the participant cannot be parcellated, or is being parcellated by another process.
    """
    progress = progress or Progress(f"sub-{participant}")
    inputs = find_inputs(study, participant)
    files = inputs.files
    with lock(study.out_dir, f"sub-{participant}"):
        path = files.path("metrics", ".json")
        if is_finished(find_record(path) or {}, inputs.key, files.folder):
            log.info("sub-%s: parcellated before, with the same inputs and settings.", participant)
        else:
            settle(_earlier_results(files, inputs), study.existing)
            _plan(progress, study)
            _parcellate(study, inputs, progress)
        with progress.stage(WRITING, logged=False):
            _finish(study, inputs)


def _plan(progress: Progress, study: AreaStudy) -> None:
    """Name the stages of a parcellation."""
    settings, without = study.settings, set()
    if not settings.n_checked or settings.exact:
        without.add("check")
    if study.maps.reference_atlas is None:
        without.add("rotated_reference")
    titles = [title for name, title in STAGES.items() if name not in without]
    progress.plan(CLEANING, *titles, WRITING)


def _finish(study: AreaStudy, inputs: ParticipantInputs) -> None:
    """Write the atlas as a dataset for XCP-D, and the page."""
    participant, files = inputs.runs.participant, inputs.files
    remove([files.stage(name) for name in STAGES])
    if not write_atlas_dataset(files, name_density(inputs.cortical.n_vertices)):
        log.warning(
            "sub-%s: the atlas was not copied to a dataset for XCP-D, as the names of the BOLD "
            "do not say its space (such as space-fsLR).",
            participant,
        )
    write_page_unless_made(files, files.path("metrics", ".json"), write_parcellation_page)


def write_parcellation_page(files: AreaFiles, *, pdf: bool = False) -> None:
    """Write the page and figures from the output files; nothing is recomputed.

    Raises
    ------
    DerivativesError
        If a file is missing or corrupted.
    """
    from painprint.report.parcellation import write_parcellation_report

    written = announce_page(f"sub-{files.participant}")
    write_parcellation_report(read_area_results(files), pdf=pdf)
    pages = [files.page, *files.figures()]
    record_pages(files.path("metrics", ".json"), pages, files.out_dir)
    written(files.page)


def write_parcellation_pages(out_dir: Path, *, pdf: bool = False) -> tuple[int, int]:
    """Write the pages of all finished parcellations again.

    Returns
    -------
    n_found, n_failed : int
        Number of parcellations, and of pages that could not be written; the log names these.
    """
    parcellations = find_area_results(out_dir)
    pages = [
        (f"sub-{files.participant}", partial(write_parcellation_page, files, pdf=pdf))
        for files in parcellations
    ]
    return len(parcellations), count_failed(out_dir, pages)


def _earlier_results(files: AreaFiles, inputs: ParticipantInputs) -> list[Earlier]:
    """An earlier parcellation of the same names that the new one would replace."""
    path = files.path("metrics", ".json")
    record = find_record(path)
    if not path.is_file() or find_key(path) == inputs.key:
        return []
    differences = [state_of(path)]
    if record is not None:
        differences = compare_with(record["provenance"], inputs.depends_on)
    own = [*files.own(), files.page, *files.figures()]
    return [Earlier(f"sub-{files.participant}", files.out_dir, path, own, differences)]


def _parcellate(study: AreaStudy, inputs: ParticipantInputs, progress: Progress) -> None:
    """Gather, parcellate, test, name and write; cached steps of an interrupted run are reused."""
    settings, files = study.settings, inputs.files
    cleaner = Cleaner(settings, inputs.surfaces)
    with progress.stage(CLEANING) as on_step:
        gathered = gather_runs(inputs.runs, inputs.cortical, cleaner, on_step)
    cortical, codes = drop_silent_vertices(inputs.cortical, gathered, inputs.codes)
    cortex = cortical.cortex
    kernels = [Kernels.of(mesh) for mesh in cortex.meshes.values()]
    steps = CachedSteps(files, inputs.key, settings, cortex, kernels, progress)
    parcellations = parcellate_cortex(steps, gathered)
    labels, features = parcellations.labels["all"], parcellations.linear.features
    checked = settings.n_checked and not settings.exact
    check = steps.check(parcellations.unit, parcellations.linear) if checked else None
    spin_tests, not_done = compare_homogeneity(steps, features, labels, codes.get("reference"))
    namer = Namer(
        parcellations.unit, features, cortex, settings,
        template=codes.get("template"), prior=codes.get("prior"),
    )  # fmt: skip
    named = steps.named(namer, labels, n_jobs=study.n_jobs)
    areas = area_table(cortical, labels, features, parcellations.coverage["all"], named)
    metrics = {
        **about_scans(inputs, gathered, parcellations),
        **about_areas(settings, cortical, areas, parcellations),
        "check": check,
        "homogeneity": {name: summary for name, (summary, _) in spin_tests.items()},
        "reference": compare_with_reference(study, labels, codes.get("reference")),
        "networks": {"way": named.way, "said": named.description, "counts": count_networks(areas)},
        "scan": {"said": named.scan_description},
        "deep": about_subcortical(inputs.subcortical),
        "not_done": not_done,
    }
    write_dataset_description(study.out_dir, simulated=inputs.runs.simulated)
    files.page.unlink(missing_ok=True)
    files.path("metrics", ".json").unlink(missing_ok=True)
    outputs = AreaOutputs(files, cortical, inputs.subcortical, inputs.surfaces)
    for half in HALVES:
        files.remove_half(half)  # of an earlier run
        if half in parcellations.labels:
            labels_of_half = parcellations.labels[half]
            table = area_table(cortical, labels_of_half, None, parcellations.coverage[half])
            outputs.write_regions(labels_of_half, table, metrics, half=half)
    outputs.write_regions(labels, areas, metrics)
    outputs.write_maps_and_tables(parcellations.maps, named, spin_tests)
    write_results(files, metrics, area_provenance(study, inputs), inputs.key)
