"""Choose among several inputs, atlases, sessions and tasks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from painprint.atlas.image import AtlasFiles, find_atlases, image_names
from painprint.bids.constant_rating_file import is_table
from painprint.bids.events_file import is_events_file, mention_columns
from painprint.bids.select import CIFTI, NIFTI, is_dense, is_series, kind_of, residuals_of_xcpd
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Dataset
from painprint.files.labels import read_label_image
from painprint.runs import natural
from painprint.wording import did_you_mean


@dataclass(frozen=True)
class RegionSource:
    """Source of the regions: regional time series, or dense BOLD and the image of an atlas."""

    files: list[BidsFile]
    atlas: str
    image: AtlasFiles | None
    notes: tuple[str, ...]


def choose_input(
    files: Sequence[BidsFile],
    derivatives: Sequence[Dataset],
    atlas: str | None,
    participant: str,
    *,
    beside: Sequence[Dataset],
    filtered: bool,
) -> RegionSource:
    """Choose regional time series of the atlas if there are any, else dense BOLD.

    Raises
    ------
    DerivativesError
        If there is neither, or a choice is needed.
    """
    if atlas is not None and not Path(atlas).exists():
        atlas = label_of(atlas, "atlas", "seg")
    series = [f for f in files if is_series(f)]
    bold = [f for f in files if f.suffix == "bold" and f.extension in (CIFTI, *NIFTI)]
    residuals = residuals_of_xcpd(files, derivatives)
    dense = [f for f in files if is_dense(f) and f not in residuals]
    images = find_atlases(atlas, derivatives, participant, beside=beside) if atlas else []
    by_path = bool(images) and Path(str(atlas)).exists()
    regional = [f for f in series if not by_path and (atlas is None or f.atlas == atlas)]
    if regional or not dense:
        if not series:
            raise DerivativesError(
                _unusable(participant, bold, residuals)
                if bold
                else _nothing_found(participant, derivatives, filtered)
            )
        if by_path:
            raise DerivativesError(
                f"sub-{participant}: --atlas is an image, which needs dense BOLD (*_bold.dtseries."
                "nii, or *_bold.nii.gz in MNI space), but there are only regional time series. "
                "Name their atlas instead."
            )
        label = _choose_atlas(series, atlas, participant)
        return RegionSource([f for f in series if f.atlas == label], label, None, ())
    if atlas is None:
        raise DerivativesError(
            f"sub-{participant}: there is dense BOLD ({dense[0].path.name}, ...), but no atlas to "
            "make regions with. Pass one with --atlas: a dlabel.nii for CIFTI, a labelled NIfTI "
            "for volumes, or a BIDS-Atlas folder."
        )
    if not images:
        with_image = ", ".join(image_names(derivatives)) or "none"
        with_series = ", ".join(sorted({f.atlas for f in series}, key=natural)) or "none"
        raise DerivativesError(
            f"sub-{participant}: no image of atlas {atlas} was found for the dense BOLD; pass its "
            f"path, or another name, with --atlas. Atlases with an image: {with_image}; with "
            f"regional time series: {with_series}."
        )
    if (match := _choose_image(images, dense)) is not None:
        image, fitting = match
        notes = [
            f"regional time series were made from dense BOLD with the atlas {image.image.name}."
        ]
        if series:
            notes.append("there are regional time series too, which were not used.")
        return RegionSource(fitting, image.label, image, tuple(notes))
    names = ", ".join(image.image.name for image in images)
    kinds = "; ".join(sorted({str(kind_of(f)) for f in dense}))
    raise DerivativesError(
        f"sub-{participant}: no dense BOLD fits the atlas ({names}). There is: {kinds}."
    )


def _choose_image(
    images: Sequence[AtlasFiles], dense: Sequence[BidsFile]
) -> tuple[AtlasFiles, list[BidsFile]] | None:
    """The image that fits the density or grid of BOLD, and that BOLD; grayordinates are preferred.

    If no header fits, image and BOLD that fit by kind and space are returned: reading them raises
    an error that gives the reason.
    """
    same_space = {i: [f for f in dense if _fits_atlas(f, image)] for i, image in enumerate(images)}
    for of_grayordinates in (True, False):
        fitting = []
        for i, image in enumerate(images):
            if image.of_grayordinates == of_grayordinates and same_space[i]:
                labels = read_label_image(image.image)
                firsts = {kind_of(f): f for f in reversed(same_space[i])}
                kinds = {kind for kind, first in firsts.items() if labels.fits(first.path)}
                if kinds:
                    fitting.append((image, [f for f in same_space[i] if kind_of(f) in kinds]))
        if len(fitting) > 1:
            names = ", ".join(image.image.name for image, _ in fitting)
            raise DerivativesError(
                f"several images of the atlas fit the BOLD: {names}. Pass the path of one with "
                "--atlas."
            )
        if fitting:
            return fitting[0]
    return next(((images[i], files) for i, files in same_space.items() if files), None)


def _fits_atlas(file: BidsFile, image: AtlasFiles) -> bool:
    """Whether BOLD is CIFTI for a dlabel.nii, or volumes in the space in the name of a NIfTI."""
    if image.of_grayordinates:
        return file.extension == CIFTI
    return file.extension != CIFTI and image.space in ("", file.entities.get("space", ""))


def _unusable(participant: str, bold: Sequence[BidsFile], residuals: Sequence[BidsFile]) -> str:
    """Error message if there is BOLD, but none that can be used."""
    kinds = "; ".join(sorted({str(kind_of(f)) for f in bold}))
    why = (
        "XCP-D has denoised it, and it is not denoised again. Pass the output folder of fMRIPrep "
        "with --derivatives, or let XCP-D write regional time series (--atlases)."
        if residuals
        else "needed is CIFTI (*_bold.dtseries.nii) or a space whose name begins with MNI."
    )
    return f"sub-{participant}: the BOLD found cannot be used ({kinds}): {why}"


def _nothing_found(participant: str, derivatives: Sequence[Dataset], filtered: bool) -> str:
    """Error message if there is no BOLD."""
    where = ", ".join(str(d.root) for d in derivatives) or "no --derivatives folder was given"
    return (
        f"sub-{participant}: no regional time series (*_timeseries.tsv or *.ptseries.nii) and no "
        "dense BOLD (*_bold.dtseries.nii, *_bold.nii.gz in MNI space, MNINonLinear/Results) in "
        f"{where}. Pass the output folder of XCP-D, fMRIPrep or ciftify with --derivatives"
        + (", and check the filter file." if filtered else ".")
        + _datasets_below(derivatives)
    )


def _datasets_below(derivatives: Sequence[Dataset]) -> str:
    """Sentences on folders that are no datasets, but contain some, as in the multiverse layout."""
    text = ""
    for root in (d.root for d in derivatives):
        below = (
            [] if any(root.glob("sub-*")) else sorted({p.parent.name for p in root.glob("*/sub-*")})
        )
        if below:
            text += f" Below {root.name} there is {', '.join(below)}: pass one of these."
    return text


def label_of(text: str, *entities: str) -> str:
    """A label without the prefix of its entity, which is one of these."""
    for entity in entities:
        text = text.removeprefix(f"{entity}-")
    return text


def _choose_atlas(series: Sequence[BidsFile], atlas: str | None, participant: str) -> str:
    """The atlas that was given, or the only one."""
    available = sorted({f.atlas for f in series}, key=natural)
    names = ", ".join(name or "(unnamed)" for name in available)
    if atlas is not None:
        if atlas not in available:
            raise DerivativesError(
                f"sub-{participant}: there is no atlas {atlas}. There are: {names} (--atlas)."
                f"{did_you_mean(atlas, available)}"
            )
        return atlas
    if len(available) > 1:
        raise DerivativesError(
            f"sub-{participant}: several atlases have time series; choose one with --atlas: "
            f"{names}."
        )
    return available[0]


def choose_sessions(
    files: Sequence[BidsFile], session_label: Sequence[str], participant: str
) -> set[str]:
    """The sessions that were given, or all."""
    available = {f.entities.get("ses", "") for f in files}
    wanted = {label_of(session, "ses") for session in session_label}
    if unknown := sorted(wanted - available):
        raise DerivativesError(
            f"sub-{participant}: there is no session {', '.join(unknown)}. There are: "
            f"{', '.join(sorted((name or 'n/a' for name in available), key=natural))} "
            f"(--session-label).{did_you_mean(unknown[0], available)}"
        )
    return wanted or available


def choose_tasks(
    files: Sequence[BidsFile],
    ratings: Sequence[BidsFile],
    task_id: Sequence[str],
    participant: str,
    *,
    raw: Dataset,
    rest: Sequence[str] = (),
    events: Sequence[BidsFile] = (),
) -> list[str]:
    """The tasks that were given, of which one must have ratings, or the only one with ratings.

    Tasks with recordings are preferred to those with ratings in events. A rating once a run or a
    session is one of every task but rest, or of rest where there is nothing else.

    Parameters
    ----------
    raw : Dataset
        The dataset in which ratings are looked for.
    rest : sequence of str
        Tasks that are rest.
    events : sequence of BidsFile
        Events of the runs, in which a column may be the rating.

    Raises
    ------
    DerivativesError
        If a task does not exist, none has ratings, or several have.
    """
    available = sorted({f.entities.get("task", "") for f in files})
    if task_id:
        wanted = [label_of(task, "task") for task in task_id]
        if unknown := [task for task in wanted if task not in available]:
            raise DerivativesError(
                f"sub-{participant}: there is no task {', '.join(unknown)}. There are: "
                f"{', '.join(available)} (--task-id).{did_you_mean(unknown[0], available)}"
            )
    else:
        wanted = available
    of_runs = [f for f in ratings if not is_table(f) and f.entities.get("task", "") in available]
    recordings = [f for f in of_runs if not is_events_file(f)]
    with_ratings = {f.entities.get("task", "") for f in of_runs}
    if with_ratings.isdisjoint(wanted) and not any(map(is_table, ratings)):
        columns = mention_columns(f for f in events if f.entities.get("task", "") in wanted)
        raise DerivativesError(
            f"sub-{participant}: no rating was found for the task{'s' * (len(wanted) != 1)} "
            f"{', '.join(wanted)} in {raw.root / f'sub-{participant}'}. "
            f"{_where_ratings_are(with_ratings, raw)}{columns}"
        )
    if task_id:
        return sorted(dict.fromkeys(wanted))
    rated = sorted({f.entities.get("task", "") for f in recordings or of_runs})
    if not rated:
        rated = [task for task in available if task not in rest] or available
    if len(rated) > 1:
        raise DerivativesError(
            f"sub-{participant}: several tasks have ratings; choose with --task-id (several are "
            f"pooled): {', '.join(rated)}."
        )
    return rated


def _where_ratings_are(tasks: Collection[str], raw: Dataset) -> str:
    """The tasks that have ratings; where none has, what is to be done."""
    if tasks:
        return f"Tasks with ratings: {', '.join(sorted(tasks))} (--task-id)."
    if raw.is_derivative:
        return f"{raw.root} is a derivative dataset. Pass the raw dataset as BIDS_DIR."
    return (
        "Ratings are expected in the raw dataset as *_physio.tsv.gz, *_stim.tsv.gz, *_beh.tsv, "
        "*_rating.tsv, *_resp.tsv or *_events.tsv. Add them."
    )
