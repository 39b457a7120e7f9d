"""The inputs of a participant of a study: runs, other data that is read later, geometry, prior."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from painprint.apps.prior import read_priors
from painprint.apps.reader import Reader
from painprint.apps.study import Study
from painprint.atlas.geometry import Geometry, find_geometry
from painprint.atlas.image import AtlasFiles
from painprint.bids.runs import Inventory
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.errors import DerivativesError
from painprint.evidence.case import Material, OtherAreas
from painprint.evidence.weights_file import read_weights
from painprint.files.inputs import InputHashes
from painprint.option_fields import flag, list_changed
from painprint.results.provenance import hash_external, hash_geometry
from painprint.runs import Run
from painprint.settings import CLEANING, Settings
from painprint.signature.prior import PooledPrior


@dataclass(frozen=True, eq=False)
class ParticipantInputs:
    """Inputs of a participant.

    Attributes
    ----------
    inventory : Inventory
        Files of the runs, with notes of what cannot be used.
    reader : Reader
        Reads the runs, each once.
    material : Material
        Data that stages of evidence may read later.
    geometry : Geometry
        Geometry of the regions for brain views.
    prior : PooledPrior or None
        Prior of the models.
    """

    inventory: Inventory
    reader: Reader
    material: Material
    geometry: Geometry
    prior: PooledPrior | None = None

    def prepare(self, settings: Settings, runs: Iterable[Run] | None = None) -> Prepared:
        """The usable runs with a common set of regions, and the prior of these regions.

        Parameters
        ----------
        runs : iterable, optional
            Default: those of the reader.
        """
        prior = None if self.prior is None else self.prior.prior
        runs = self.reader.runs() if runs is None else runs
        return prepare_runs(runs, settings, regions=self.reader.regions, prior=prior)


def find_participant(
    study: Study, participant: str, hashes: InputHashes | None = None
) -> ParticipantInputs:
    """Find the inputs of a participant; nothing is written.

    Dense BOLD that cannot be used is noted; an external signature that cannot be used is an error
    before any long computation.

    Parameters
    ----------
    hashes : InputHashes, optional
        Hashes of inputs that were hashed before.
    """
    reader = study.reader(study.find(participant), hashes)
    inventory = reader.inventory
    coordinates, coordinate_notes = reader.coordinates()
    notes = (*inventory.notes, *_unused_options(study, inventory), *coordinate_notes)
    inventory, dense = replace(inventory, notes=notes), None
    try:
        dense = reader.dense()
    except DerivativesError as error:
        notes = (*notes, f"dense BOLD was not used: {error}")
        inventory = replace(inventory, dense=None, notes=notes)
    hash_external(study.signatures.external, reader.hashes)
    external = [read_weights(path, dense=inventory.dense) for path in study.signatures.external]
    names = [weights.name for weights in external]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise DerivativesError(f"external signatures need different names: {', '.join(repeated)}.")
    material = Material(
        runs=reader.runs,
        rest=reader.rest if inventory.rest else None,
        coordinates=coordinates,
        dense=dense,
        external=tuple(external),
        other_areas=_other_areas(study, reader),
    )
    atlas = reader.extraction.atlas if reader.extraction else None
    geometry = find_geometry(inventory.atlas, atlas, study.datasets, participant, coordinates)
    hash_geometry(geometry, reader.hashes)
    prior, prior_notes = read_priors(study.signatures, inventory, reader.hashes)
    inventory = replace(inventory, notes=(*inventory.notes, *prior_notes))
    return ParticipantInputs(inventory, reader, material, geometry, prior)


def _other_areas(study: Study, reader: Reader) -> tuple[OtherAreas, ...]:
    """Individual atlases of the participant that were each made from one half of the sessions."""
    if reader.inventory.image is None:
        return ()
    all_regions = replace(study.settings, exclude_network=(), exclude_region=())

    def prepare(image: AtlasFiles) -> Prepared:
        other = reader.with_atlas(image)
        return prepare_runs(other.runs(), all_regions, regions=other.regions)

    parcellations = []
    for image in reader.inventory.image.halves():
        if image.made_from is not None:
            sessions = frozenset(image.made_from.sessions)
            parcellations.append(OtherAreas(image.label, sessions, partial(prepare, image)))
    return tuple(parcellations)


def _unused_options(study: Study, inventory: Inventory) -> list[str]:
    """A note on options for dense BOLD if regional time series are used."""
    given = [f"--{flag(name)}" for name in list_changed(study.settings) if name in CLEANING]
    if inventory.image is not None or not given:
        return []
    return [
        f"regional time series are used unchanged: {', '.join(given)} "
        f"{'applies' if len(given) == 1 else 'apply'} to dense BOLD only."
    ]
