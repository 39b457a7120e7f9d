"""BIDS filter files, as for fMRIPrep and XCP-D, which select BOLD and ratings by their entities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from painprint.bids.select import CIFTI, NIFTI, is_dense, is_series
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, normal_run
from painprint.files.tables import read_json

QUERIES = ("bold", "rating")
EXAMPLE = '{"bold": {"space": "fsLR"}}'
OF_OTHERS = frozenset(
    "fmap sbref flair t2w t1w t2star roi asl m0scan pet "  # fMRIPrep
    "anat_brainmask anat_dseg anat_to_template_xfm template_to_anat_xfm "  # XCP-D
    "t1w_mask t1w_seg t1w_to_template_xform template_to_t1w_xform "
    "t1w_to_template_xfm template_to_t1w_xfm "
    "lh_pial_surf rh_pial_surf lh_subject_sphere rh_subject_sphere lh_wm_surf rh_wm_surf "
    "cortical_thickness cortical_thickness_corr myelin myelin_smoothed sulcal_curv "
    "sulcal_depth "
    "anat dwi perf eeg meg nirs".split()
)
"""Other queries of fMRIPrep, XCP-D and their relatives, which are ignored."""
OF_RECORDINGS = frozenset("beh events physio ratings resp stim".split())
"""Queries by which somebody may mean the query "rating"."""
ENTITIES = {
    "subject": "sub", "session": "ses", "acquisition": "acq", "ceagent": "ce",
    "reconstruction": "rec", "direction": "dir", "resolution": "res", "density": "den",
    "description": "desc", "segmentation": "seg", "statistic": "stat", "modality": "mod",
}  # fmt: skip
"""BIDS keys of the entities that pybids names in full."""
SHORT = frozenset(
    "ses task acq ce rec dir run echo part chunk flip inv mt proc mod hemi label cohort space "
    "res den desc atlas seg scale stat hash recording suffix extension datatype".split()
)
ANY, ABSENT = "*", ""
"""Values that stand for a label of any kind, and for no label."""
ENUM = re.compile(r"<?Query\.(NONE|ANY|REQUIRED|OPTIONAL)(: \d+)?>?")
"""pybids' special values as text, which fMRIPrep accepts too."""
OF_ENUM = {"NONE": (ABSENT,), "ANY": (ANY,), "REQUIRED": (ANY,), "OPTIONAL": (ANY, ABSENT)}
OF_RUNS = ("ses", "task", "run")
"""Entities of a run that a rating has too."""
MADE_FROM = {"echo": None, "part": "mag"}
"""Entities of raw images that are lost where images are combined, and the only label that a file
without them may stand for; None for any."""
OF_IMAGES = ("desc", "res", "den")
"""Entities of preprocessed images, which regional time series lack."""
DATATYPES = frozenset("anat beh dwi eeg fmap func meg perf pet".split())


@dataclass(frozen=True)
class BidsFilter:
    """Entities that files must have, by query.

    Attributes
    ----------
    queries : mapping
        Allowed values by query and entity. ``"*"`` stands for any value, ``""`` for none, as does
        an empty tuple.
    """

    queries: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict, hash=False)

    def choose(self, query: str, files: Iterable[BidsFile]) -> list[BidsFile]:
        """The files that match a query.

        What a query says of an image, and not of a run, is no condition for regional time series
        made from it.
        """
        wanted = self.queries.get(query, {})
        return [
            f for f in files if all(_matches(f, name, values) for name, values in wanted.items())
        ]

    def choose_ratings(self, files: Iterable[BidsFile]) -> list[BidsFile]:
        """The recordings that match the query "rating", of runs that the query "bold" asks for."""
        runs = {k: v for k, v in self.queries.get("bold", {}).items() if k in OF_RUNS}
        return BidsFilter({"runs": runs}).choose("runs", self.choose("rating", files))

    def of_derivatives(self, files: Sequence[BidsFile]) -> tuple[BidsFilter, tuple[str, ...]]:
        """The filter without the extension of raw images, where BOLD matches but for it, and notes.

        fMRIPrep's query "bold" is about raw images, which are volumes; what it writes may be CIFTI.

        Parameters
        ----------
        files : sequence of BidsFile
            Files of derivatives.
        """
        wanted = dict(self.queries.get("bold", {}))
        extensions = wanted.pop("extension", ())
        others = BidsFilter({**self.queries, "bold": wanted})
        if not extensions or not set(extensions) <= {*NIFTI} or _has_bold(self, files):
            return self, ()
        if not _has_bold(others, files):
            return self, ()
        return others, (
            f"the extension {', '.join(extensions)} of the query bold (--bids-filter-file) was "
            "taken for that of the raw images: no preprocessed BOLD has it, and others were used.",
        )

    def without(self, query: str) -> BidsFilter:
        """The other queries."""
        return BidsFilter({name: v for name, v in self.queries.items() if name != query})


def _has_bold(bids_filter: BidsFilter, files: Iterable[BidsFile]) -> bool:
    """Whether some BOLD that can be used matches."""
    return any(is_series(f) or is_dense(f) for f in bids_filter.choose("bold", files))


def _matches(file: BidsFile, name: str, values: tuple[str, ...]) -> bool:
    """Whether an entity of a file, or its suffix, extension or datatype, has one of the values."""
    value = _value(file, name)
    if name == "run":
        value, values = normal_run(value), tuple(map(normal_run, values))
    if value in (values or (ABSENT,)) or (value and ANY in values):
        return True
    if not value and name in MADE_FROM and MADE_FROM[name] in (None, *values):
        return True
    return is_series(file) and (
        (name == "suffix" and "bold" in values)
        or (name == "extension" and not {CIFTI, *NIFTI}.isdisjoint(values))
        or (name in OF_IMAGES and not value)
    )


def _value(file: BidsFile, name: str) -> str:
    """Label of an entity of a file, or its suffix, extension or datatype; "" for none."""
    if name == "datatype":
        folder = file.path.parent.name
        return folder if folder in DATATYPES else "func"  # HCP has a folder for each run
    if name in ("suffix", "extension"):
        return str(getattr(file, name))
    return file.entities.get(name, ABSENT)


def read_bids_filter(path: Path | None) -> BidsFilter:
    """Read a filter file: ``{"bold": {"space": "fsLR"}, "rating": {"recording": "pain"}}``.

    Values are as for fMRIPrep: a label, a list of labels, null for files without the entity, and
    ``"*"`` for files with any label. Queries that only fMRIPrep or XCP-D has are ignored. Without
    a file, all files match.

    Raises
    ------
    DerivativesError
        If it is not a JSON object, or has an unknown query or entity.
    """
    if path is None:
        return BidsFilter()
    if not path.exists():
        raise DerivativesError(f"there is no file {path} (--bids-filter-file). Check the path.")
    queries: dict[str, dict[str, tuple[str, ...]]] = {}
    for query, wanted in read_json(path, example=EXAMPLE).items():
        if query in OF_OTHERS:
            continue
        if query in OF_RECORDINGS:
            raise DerivativesError(
                f"has a query {query!r}; ratings are selected by the query 'rating', events too "
                "(--bids-filter-file). Rename it, or remove it.",
                path,
            )
        if query not in QUERIES:
            raise DerivativesError(
                f"has a query {query!r}; known are {', '.join(QUERIES)}, and those of fMRIPrep and "
                "XCP-D for other files, such as t1w, fmap and anat_dseg, which are ignored "
                "(--bids-filter-file).",
                path,
            )
        if not isinstance(wanted, dict):
            raise DerivativesError(f'{query} must be an object, like {{"space": "fsLR"}}.', path)
        queries[query] = {}
        for name, value in wanted.items():
            entity = ENTITIES.get(name, name)
            if entity == "sub":
                raise DerivativesError(
                    f"{query} asks for {name!r}: choose participants with --participant-label, and "
                    "remove it from the file.",
                    path,
                )
            if entity not in SHORT:
                raise DerivativesError(
                    f"{query} asks for {name!r}; known are {', '.join(sorted(SHORT))}.", path
                )
            queries[query][entity] = _values(value, entity, path)
    return BidsFilter(queries)


def _values(value: Any, entity: str, path: Path) -> tuple[str, ...]:
    """Allowed values of an entity, without its prefix."""
    values: list[str] = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool) or not (one is None or isinstance(one, str | int)):
            raise DerivativesError(
                f'{entity} must be text, "*" for any, null for none, or a list of these.', path
            )
        text = ABSENT if one is None else str(one).removeprefix(f"{entity}-")
        if special := ENUM.fullmatch(text):
            values += OF_ENUM[special[1]]
        elif entity == "extension" and text not in (ABSENT, ANY) and not text.startswith("."):
            values.append(f".{text}")
        else:
            values.append(text)
    return tuple(values)
