"""A person's own areas on one screen: find resting runs, gather, part, test, name, write."""

from __future__ import annotations

import logging
from pathlib import Path

from painprint.bold.nuisance import Cleaner
from painprint.cortex.boundary_map import Kernels
from painprint.cortex.gather import MOST_COLUMNS
from painprint.cortex.naming import Namer
from painprint.cortex.settings import ADVISED_MIN, LEAST_MIN
from painprint.files.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.parcellate.individual_file import (
    HALVES,
    AreaFiles,
    find_area_results,
    read_area_results,
    write_results,
)
from painprint.parcellate.metrics import (
    about_areas,
    about_deep,
    about_scans,
    area_provenance,
    beside_reference,
    count_networks,
)
from painprint.parcellate.scans import gather_runs, open_run, without_silent
from painprint.parcellate.stages import STAGES, Maker, Progress, part_cortex, turn_areas
from painprint.parcellate.study import AreaStudy, Found, find_inputs
from painprint.parcellate.tables import AreaOutputs, area_table
from painprint.results.steps import is_finished, lock, remove
from painprint.results.write import write_dataset_description

log = logging.getLogger("painprint")


def parcellate_participant(
    study: AreaStudy, participant: str, *, progress: Progress | None = None
) -> None:
    """Parcellate one participant and write every output; what is finished is not repeated.

    Raises
    ------
    DerivativesError
        If the participant cannot be parcellated, or another process is at it.
    """
    found = find_inputs(study, participant)
    with lock(study.out_dir, f"sub-{participant}"):
        if _finished(found.files, found.key):
            log.info("sub-%s: parcellated before, with the same inputs and settings.", participant)
        else:
            _parcellate(study, found, progress or (lambda _: _tell_nobody))
        remove([found.files.stage(name) for name in STAGES])
        if found.files.page.is_file():
            log.info("sub-%s: page: %s", participant, found.files.page)
        else:
            write_parcellation_page(found.files)


def _tell_nobody(done: int, of: int) -> None:
    """Progress that nobody follows."""


def write_parcellation_page(files: AreaFiles, *, pdf: bool = False) -> None:
    """Make the page and figures from the output files; nothing is recomputed.

    Raises
    ------
    DerivativesError
        If a file is missing or damaged.
    """
    from painprint.report.parcellation import write_parcellation_report

    write_parcellation_report(read_area_results(files), pdf=pdf)
    log.info("sub-%s: page: %s", files.participant, files.page)


def write_parcellation_pages(out_dir: Path, *, pdf: bool = False) -> tuple[int, int]:
    """Make the pages of all finished parcellations again.

    Returns
    -------
    n_found, n_failed : int
        Parcellations, and pages that could not be made; each of these is named in the log.
    """
    found = find_area_results(out_dir)
    n_failed = 0
    for files in found:
        try:
            write_parcellation_page(files, pdf=pdf)
        except DerivativesError as error:
            log.error("%s", error)
            n_failed += 1
    return len(found), n_failed


def describe_scans(study: AreaStudy, participant: str) -> str:
    """What a parcellation would be made of (--dry-run); nothing is written.

    Raises
    ------
    DerivativesError
        If the participant cannot be parcellated, as far as headers, confounds and maps say.
    """
    found = find_inputs(study, participant)
    cleaner = Cleaner(study.settings, found.surfaces)
    lines, minutes = [f"sub-{participant}: task {', '.join(study.settings.task_id)}"], 0.0
    for run in found.runs.runs:
        try:
            series, cleaning = open_run(run, found.sheets, cleaner)
        except DerivativesError as error:
            lines.append(f"  leave out {run.key}: {error}")
            continue
        n_kept = int(cleaning.kept.sum())
        minutes += n_kept * cleaning.tr_s / 60
        lines.append(f"  use       {run.key}: {n_kept} of {series.n_frames} frames")
    lines += [f"  note: {note}" for note in found.runs.notes]
    cortex = found.sheets.cortex
    lines.append(
        f"  {cortex.n_points:,} points of cortex; {minutes:.0f} minutes ({LEAST_MIN} are needed, "
        f"{ADVISED_MIN} advised); about {_gigabytes(cortex.n_points):.1f} GB of memory "
        "(more with --exact or --community-nodes full)"
        + (f"; regions of {found.deep.atlas.files.label} below the cortex" if found.deep else "")
    )
    if minutes < LEAST_MIN:
        lines.append("  cannot be parcellated: too little rest is kept")
    return "\n".join(lines)


def _gigabytes(n_points: int) -> float:
    """Memory that a parcellation takes, about: four copies of the columns held."""
    return 4 * n_points * MOST_COLUMNS * 4 / 1e9 + 0.8


def _finished(files: AreaFiles, key: str) -> bool:
    """Whether the same parcellation is there, and nothing of it was changed since."""
    path = files.path("metrics", ".json")
    if not path.is_file():
        return False
    try:
        provenance = read_json(path).get("provenance")
    except DerivativesError:
        return False
    return isinstance(provenance, dict) and is_finished(provenance, key, files.folder)


def _parcellate(study: AreaStudy, found: Found, progress: Progress) -> None:
    """Gather, part, test, name and write, from where an earlier run was killed."""
    settings, files = study.settings, found.files
    cleaner = Cleaner(settings, found.surfaces)
    gathered = gather_runs(found.runs, found.sheets, cleaner, progress("cleaning"))
    sheets, codes = without_silent(found.sheets, gathered, found.codes)
    cortex = sheets.cortex
    kernels = [Kernels.of(mesh) for mesh in cortex.meshes.values()]
    maker = Maker(files, found.key, settings, cortex, kernels, progress)
    parted = part_cortex(maker, gathered)
    own, features = parted.labels["all"], parted.linear.features
    checked = settings.n_checked and not settings.exact
    check = maker.check(parted.unit, parted.linear) if checked else None
    turned, not_done = turn_areas(maker, features, own, codes.get("reference"))
    namer = Namer(
        parted.unit, features, cortex, settings,
        template=codes.get("template"), prior=codes.get("prior"),
    )  # fmt: skip
    named = maker.named(namer, own, n_jobs=study.n_jobs)
    areas = area_table(sheets, own, features, parted.heard["all"], named)
    metrics = {
        **about_scans(found, gathered, parted),
        **about_areas(settings, sheets, areas, parted),
        "check": check,
        "homogeneity": {name: one[0] for name, one in turned.items()},
        "reference": beside_reference(study, own, codes.get("reference")),
        "networks": {"way": named.way, "said": named.said, "counts": count_networks(areas)},
        "scan": {"said": named.scan_said},
        "deep": about_deep(found.deep),
        "not_done": not_done,
    }
    with lock(study.out_dir, "dataset_description.json", wait=True):
        write_dataset_description(study.out_dir, simulated=found.runs.simulated)
    files.page.unlink(missing_ok=True)
    files.path("metrics", ".json").unlink(missing_ok=True)
    outputs = AreaOutputs(files, sheets, found.deep, found.surfaces)
    for half in HALVES:
        files.remove_half(half)  # of an earlier run
        if half in parted.labels:
            of_half = parted.labels[half]
            table = area_table(sheets, of_half, None, parted.heard[half])
            outputs.write_whole(of_half, table, metrics, half=half)
    outputs.write_whole(own, areas, metrics)
    outputs.write_beside(parted.maps, named, turned)
    write_results(files, metrics, area_provenance(study, found), found.key)
