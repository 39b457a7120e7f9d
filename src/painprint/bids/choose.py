"""Which of several inputs, atlases, sessions and tasks is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from painprint.atlas.image import AtlasFiles, find_atlases
from painprint.bids.kinds import CIFTI, NIFTI, atlas_of, is_denoised, is_dense, is_series, kind_of
from painprint.files.dataset import BidsFile, Dataset
from painprint.files.errors import DerivativesError
from painprint.files.labels import read_label_image
from painprint.runs import natural


@dataclass(frozen=True)
class RegionSource:
    """What the regions come from: regional time series, or dense BOLD and the image of an atlas."""

    files: list[BidsFile]
    atlas: str
    image: AtlasFiles | None
    notes: tuple[str, ...]


def choose_input(
    everything: Sequence[BidsFile],
    derivatives: Sequence[Dataset],
    atlas: str | None,
    participant: str,
    *,
    beside: Sequence[Dataset],
    filtered: bool,
) -> RegionSource:
    """Regional time series of the atlas if there are any, else dense BOLD.

    Raises
    ------
    DerivativesError
        If there is neither, or a choice is needed.
    """
    series = [f for f in everything if is_series(f)]
    bold = [f for f in everything if f.suffix == "bold" and f.extension in (CIFTI, *NIFTI)]
    dense = [f for f in everything if is_dense(f) and not is_denoised(f)]
    images = find_atlases(atlas, derivatives, participant, beside=beside) if atlas else []
    by_path = bool(images) and Path(str(atlas)).exists()
    regional = [f for f in series if not by_path and (atlas is None or atlas_of(f) == atlas)]
    if regional or not dense:
        if not series:
            raise DerivativesError(_nothing_found(participant, derivatives, bold, filtered))
        if by_path:
            raise DerivativesError(
                f"sub-{participant}: --atlas is an image, which needs dense BOLD (*_bold.dtseries."
                "nii, or *_bold.nii.gz in MNI space), but there are only regional time series. "
                "Name their atlas instead."
            )
        label = _choose_atlas(series, atlas, participant)
        return RegionSource([f for f in series if atlas_of(f) == label], label, None, ())
    if atlas is None:
        raise DerivativesError(
            f"sub-{participant}: there is dense BOLD ({dense[0].path.name}, ...), but no atlas to "
            "make regions with. Pass one with --atlas: a dlabel.nii for CIFTI, a labelled NIfTI "
            "for volumes, or a BIDS-Atlas folder."
        )
    if not images:
        there = sorted({atlas_of(f) for f in series}) or ["none"]
        raise DerivativesError(
            f"sub-{participant}: no image of atlas {atlas} was found for the dense BOLD; pass its "
            f"path with --atlas. Atlases of regional time series: {', '.join(there)}."
        )
    if (found := _choose_image(images, dense)) is not None:
        image, fitting = found
        notes = [f"regions were made of dense BOLD with the atlas {image.image.name}."]
        if series:
            notes.append("there are regional time series too, which were not used.")
        if image.participant not in ("", participant):
            notes.append(f"the atlas is sub-{image.participant}'s own, not this person's.")
        return RegionSource(fitting, image.label, image, tuple(notes))
    names = ", ".join(image.image.name for image in images)
    kinds = "; ".join(sorted({str(kind_of(f)) for f in dense}))
    raise DerivativesError(
        f"sub-{participant}: no dense BOLD fits the atlas ({names}). There is: {kinds}."
    )


def _choose_image(
    images: Sequence[AtlasFiles], dense: Sequence[BidsFile]
) -> tuple[AtlasFiles, list[BidsFile]] | None:
    """The image that fits BOLD by density or grid, and that BOLD; of grayordinates first.

    Where no header fits, what fits by kind and space is taken: reading it will say why not.

    Raises
    ------
    DerivativesError
        If several images of a kind fit.
    """
    by_name = {i: [f for f in dense if _fits_atlas(f, image)] for i, image in enumerate(images)}
    for of_grayordinates in (True, False):
        fitting = []
        for i, image in enumerate(images):
            if image.of_grayordinates == of_grayordinates and by_name[i]:
                labels = read_label_image(image.image)
                firsts = {kind_of(f): f for f in reversed(by_name[i])}
                kinds = {v for v, first in firsts.items() if labels.fits(first.path)}
                if kinds:
                    fitting.append((image, [f for f in by_name[i] if kind_of(f) in kinds]))
        if len(fitting) > 1:
            names = ", ".join(image.image.name for image, _ in fitting)
            raise DerivativesError(
                f"several images of the atlas fit the BOLD: {names}. Pass the path of one with "
                "--atlas."
            )
        if fitting:
            return fitting[0]
    return next(((images[i], files) for i, files in by_name.items() if files), None)


def _fits_atlas(file: BidsFile, image: AtlasFiles) -> bool:
    """CIFTI for a dlabel.nii, volumes for a NIfTI; of the space that its name says, if any."""
    if image.of_grayordinates:
        return file.extension == CIFTI
    return file.extension != CIFTI and image.space in ("", file.entities.get("space", ""))


def _nothing_found(
    participant: str, derivatives: Sequence[Dataset], bold: Sequence[BidsFile], filtered: bool
) -> str:
    if bold:
        kinds = "; ".join(sorted({str(kind_of(f)) for f in bold}))
        return (
            f"sub-{participant}: the BOLD there is cannot be used ({kinds}): needed is CIFTI or "
            "MNI space, not cleaned by XCP-D (whose regional time series can be used)."
        )
    where = ", ".join(str(d.root) for d in derivatives) or "no --derivatives folder was given"
    return (
        f"sub-{participant}: no regional time series (*_timeseries.tsv or *.ptseries.nii) and no "
        "dense BOLD (*_bold.dtseries.nii, *_bold.nii.gz in MNI space, MNINonLinear/Results) in "
        f"{where}. Pass the output folder of XCP-D, fMRIPrep or ciftify with --derivatives"
        + (", and check the filter file." if filtered else ".")
    )


def label_of(text: str, entity: str) -> str:
    return text.removeprefix(f"{entity}-")


def _choose_atlas(found: Sequence[BidsFile], asked: str | None, participant: str) -> str:
    there = sorted({atlas_of(f) for f in found})
    named = ", ".join(name or "(unnamed)" for name in there)
    if asked is not None:
        if asked not in there:
            raise DerivativesError(
                f"sub-{participant}: there is no atlas {asked}. There are: {named} (--atlas)."
            )
        return asked
    if len(there) > 1:
        raise DerivativesError(
            f"sub-{participant}: several atlases have time series; choose one with --atlas: "
            f"{named}."
        )
    return there[0]


def choose_sessions(found: Sequence[BidsFile], asked: Sequence[str], participant: str) -> set[str]:
    there = {f.entities.get("ses", "") for f in found}
    wanted = {label_of(session, "ses") for session in asked}
    if unknown := sorted(wanted - there):
        raise DerivativesError(
            f"sub-{participant}: there is no session {', '.join(unknown)}. There are: "
            f"{', '.join(sorted((name or 'n/a' for name in there), key=natural))}."
        )
    return wanted or there


def choose_tasks(
    found: Sequence[BidsFile], ratings: Sequence[BidsFile], asked: Sequence[str], participant: str
) -> list[str]:
    there = sorted({f.entities.get("task", "") for f in found})
    if asked:
        wanted = [label_of(t, "task") for t in asked]
        if unknown := [t for t in wanted if t not in there]:
            raise DerivativesError(
                f"sub-{participant}: there is no task {', '.join(unknown)}. There are: "
                f"{', '.join(there)} (--task-id)."
            )
        return sorted(dict.fromkeys(wanted))
    rated = sorted({f.entities.get("task", "") for f in ratings} & set(there))
    if not rated:
        raise DerivativesError(
            f"sub-{participant}: no rating recording was found for the task"
            f"{'s' * (len(there) != 1)} {', '.join(there)}. Ratings lie in the raw dataset as "
            "*_physio.tsv.gz, *_stim.tsv.gz, *_beh.tsv, *_rating.tsv or *_resp.tsv."
        )
    if len(rated) > 1:
        raise DerivativesError(
            f"sub-{participant}: several tasks have ratings; choose with --task-id (several are "
            f"pooled): {', '.join(rated)}."
        )
    return rated
