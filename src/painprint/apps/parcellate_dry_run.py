"""Dry run of a parcellation: list the resting runs that would be used, and the memory needed."""

from __future__ import annotations

from painprint.bold.nuisance import Cleaner
from painprint.cortex.gather import MOST_COLUMNS
from painprint.cortex.settings import ADVISED_MIN, LEAST_MIN
from painprint.errors import DerivativesError
from painprint.files.images import check_complete
from painprint.parcellate.scans import open_run
from painprint.parcellate.study import AreaStudy, find_inputs


def describe_scans(study: AreaStudy, participant: str) -> str:
    """Describe the inputs of a parcellation (--dry-run); nothing is written.

    Raises
    ------
    DerivativesError
        If the participant cannot be parcellated, by headers, confounds and maps.
    """
    inputs = find_inputs(study, participant)
    cleaner = Cleaner(study.settings, inputs.surfaces)
    lines, minutes = [f"sub-{participant}: task {', '.join(study.settings.task_id)}"], 0.0
    n_frames = 0
    notes = dict.fromkeys(inputs.runs.notes)
    for run in inputs.runs.runs:
        try:
            series, cleaning = open_run(run, inputs.cortical, cleaner)
            check_complete(series.path, series.n_bytes)
        except DerivativesError as error:
            lines.append(f"  exclude  {run.key}: {error}")
            continue
        notes |= dict.fromkeys(cleaning.notes)
        n_kept = int(cleaning.kept.sum())
        n_frames += n_kept
        minutes += n_kept * cleaning.times.tr_s / 60
        lines.append(f"  use      {run.key}: {n_kept} of {series.n_frames} frames")
    lines += [f"  note: {note}" for note in notes]
    cortex, subcortical = inputs.cortical.cortex, inputs.subcortical
    lines.append(
        f"  {cortex.n_points:,} vertices of cortex; {minutes:.0f} minutes ({LEAST_MIN} are needed, "
        f"{ADVISED_MIN} advised); about {_gigabytes(cortex.n_points, n_frames):.1f} GB of memory "
        "(more with --exact or --community-nodes full)"
        + (f"; subcortical regions of {subcortical.atlas.files.label}" if subcortical else "")
    )
    if minutes < LEAST_MIN:
        lines.append("  cannot be parcellated: too little rest is kept")
    return "\n".join(lines)


def _gigabytes(n_points: int, n_frames: int) -> float:
    """Approximate memory of a parcellation: three copies of the columns in single precision
    beside the program (benchmarks/tables/own_areas.tsv)."""
    return 3 * n_points * min(n_frames, MOST_COLUMNS) * 4 / 1e9 + 0.7
