"""BIDS filter files, as for fMRIPrep and XCP-D, which select BOLD and ratings by their entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, normal_run
from painprint.files.tables import read_json

QUERIES = ("bold", "rating")
OF_OTHERS = ("fmap", "sbref", "flair", "t2w", "t1w", "t2star", "roi", "asl", "m0scan")
"""Other queries of fMRIPrep, which are ignored."""
ENTITIES = {
    "session": "ses", "acquisition": "acq", "ceagent": "ce", "reconstruction": "rec",
    "direction": "dir", "resolution": "res", "density": "den", "description": "desc",
    "segmentation": "seg",
}  # fmt: skip
"""BIDS keys of the entities that pybids names in full."""
SHORT = frozenset(
    "ses task acq ce rec dir run echo space res den desc atlas seg recording suffix extension "
    "datatype".split()
)


@dataclass(frozen=True)
class BidsFilter:
    """Entities that files must have, by query.

    Attributes
    ----------
    queries : mapping
        Allowed values by query and entity; an empty tuple if the entity must be absent.
    """

    queries: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict, hash=False)

    def choose(self, query: str, files: Iterable[BidsFile]) -> list[BidsFile]:
        """The files that match a query."""
        wanted = self.queries.get(query, {})
        return [
            f for f in files if all(_matches(f, name, values) for name, values in wanted.items())
        ]

    def without(self, query: str) -> BidsFilter:
        """The other queries."""
        return BidsFilter({name: v for name, v in self.queries.items() if name != query})


def _matches(file: BidsFile, name: str, values: tuple[str, ...]) -> bool:
    """Whether an entity of a file, or its suffix, extension or datatype, has one of the values."""
    if name == "datatype":
        return file.path.parent.name in values
    value = {"suffix": file.suffix, "extension": file.extension}.get(name)
    if value is None:
        value = file.entities.get(name)
    if value is None:
        return not values
    if name == "run":
        value, values = normal_run(value), tuple(map(normal_run, values))
    return value in values


def read_bids_filter(path: Path | None) -> BidsFilter:
    """Read a filter file: ``{"bold": {"space": "fsLR"}, "rating": {"recording": "pain"}}``.

    Without a file, all files match.

    Raises
    ------
    DerivativesError
        If it is not a JSON object, or has an unknown query or entity.
    """
    if path is None:
        return BidsFilter()
    queries: dict[str, dict[str, tuple[str, ...]]] = {}
    for query, wanted in read_json(path).items():
        if query in OF_OTHERS:
            continue
        if query not in QUERIES:
            raise DerivativesError(
                f"has a query {query!r}; known are {', '.join(QUERIES)} (--bids-filter-file).", path
            )
        if not isinstance(wanted, dict):
            raise DerivativesError(f'{query} must be an object, like {{"space": "fsLR"}}.', path)
        queries[query] = {}
        for name, value in wanted.items():
            entity = ENTITIES.get(name, name)
            if entity not in SHORT:
                raise DerivativesError(
                    f"{query} asks for {name!r}; known are {', '.join(sorted(SHORT))}.", path
                )
            queries[query][entity] = _values(value, entity, path)
    return BidsFilter(queries)


def _values(value: Any, entity: str, path: Path) -> tuple[str, ...]:
    """Allowed values of an entity, without its prefix."""
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, (str, int)) and not isinstance(v, bool) for v in values):
        raise DerivativesError(f"{entity} must be text, a list of texts, or null.", path)
    return tuple(str(v).removeprefix(f"{entity}-") for v in values)
