"""Priors of a study: read, pooled, and checked not to contain the participant."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from painprint.apps.arguments import OtherSignatures
from painprint.bids.runs import Inventory
from painprint.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.results.proof import why_not_shown
from painprint.signature.file import read_signature
from painprint.signature.prior import (
    PooledPrior,
    is_prior_file,
    pool_priors,
    read_prior,
    write_prior,
)
from painprint.wording import count_people, enumerate_names, plural

log = logging.getLogger("painprint")


def read_priors(
    files: OtherSignatures, inventory: Inventory, hashes: InputHashes
) -> tuple[PooledPrior | None, list[str]]:
    """The mean of the priors of a study, if there are any, and notes about it.

    Parameters
    ----------
    inventory : Inventory
        Of the participant whose signature is to be learnt.

    Raises
    ------
    DerivativesError
        If a prior cannot be used, or one is of the participant.
    """
    if not files.prior:
        return None, []
    participant = inventory.participant
    own_runs = {hashes.of(run.series.path) for run in inventory.runs}
    priors = [read_prior(path) for path in files.prior]
    for path, prior in zip(files.prior, priors, strict=True):
        if own_runs & set(prior.card.runs_sha256):
            raise DerivativesError(
                f"was learnt from runs of sub-{participant}, so it is no prior of another person. "
                "Leave it out of --prior.",
                path,
            )
        if participant in prior.labels and not files.other_person:
            raise DerivativesError(
                f"is the signature of a sub-{participant}, the participant's own label. Leave it "
                "out of --prior; or, if it is another person of this label, add --other-person.",
                path,
            )
    pooled = pool(priors)
    notes = _note_atlas(pooled, inventory.atlas)
    if pooled.card.simulated and not inventory.simulated:
        notes.append("the prior is of simulated people, and this participant is not simulated")
    return pooled, notes


def pool(priors: Sequence[PooledPrior], *, diagnosis: str = "", licence: str = "") -> PooledPrior:
    """The mean of priors.

    Raises
    ------
    DerivativesError
        If they do not fit together.
    """
    try:
        return pool_priors(priors, diagnosis=diagnosis, licence=licence)
    except ValueError as error:
        raise DerivativesError(f"the signatures cannot be pooled: {error}") from error


def _note_atlas(prior: PooledPrior, atlas: str) -> list[str]:
    """A note where a prior was made with another atlas, whose regions have the same names.

    Raises
    ------
    DerivativesError
        If regions have numbers for names, which say nothing without the same atlas.
    """
    atlases = prior.card.atlases
    if atlas and set(atlases) == {atlas}:
        return []
    named = f"the atlas {enumerate_names(atlases)}" if atlases else "an unknown atlas"
    if all(name.isdigit() for name in prior.regions.names):
        raise DerivativesError(
            f"the regions have numbers for names, and the prior was made with {named}, this study "
            f"with {atlas or 'an unknown one'}: numbers of different atlases are different "
            "regions. Use signatures of the same atlas."
        )
    if not atlas or not atlases:
        return []
    return [f"the prior was made with {named}, this study with {atlas}; regions match by name"]


def pool_signatures(
    paths: Sequence[Path], out: Path, *, diagnosis: str = "", licence: str = ""
) -> str:
    """Write the prior of several signatures; returns what was written, in a few lines.

    Raises
    ------
    DerivativesError
        If a signature cannot be used, or they do not fit together.
    """
    if out.suffix != ".safetensors":
        raise DerivativesError(
            f"--out is {out}; the file of a prior ends in .safetensors, such as prior.safetensors."
        )
    if out.exists():
        raise DerivativesError(f"{out} exists already. Choose another name, or remove it.")
    priors = [read_prior(path) for path in paths]
    lines = [_describe(path, prior) for path, prior in zip(paths, priors, strict=True)]
    prior = pool(priors, diagnosis=diagnosis, licence=licence)
    card = prior.card
    if card.n_people == 1:
        log.warning("a prior of one person is that person's signature, not what people share.")
    if len(card.atlases) > 1:
        log.warning(
            "the signatures were made with different atlases (%s); their regions match by name.",
            ", ".join(card.atlases),
        )
    if not card.runs_sha256:
        log.warning(
            "no signature states its runs (they are of an earlier version), so a person of this "
            "prior cannot be recognised by them."
        )
    write_prior(out, prior)
    given = {
        "diagnosis": card.diagnosis or "not given (--diagnosis)",
        "licence": card.licence or "not given (--licence)",
    }
    lines += [
        f"{out}: prior of {count_people(card.n_people)}"
        f"{' (simulated)' if card.simulated else ''}, "
        f"{plural(len(prior.regions.names), 'region')}, weights of "
        f"{enumerate_names(list(prior.mean))}",
        *(f"  {name}: {value}" for name, value in given.items()),
        "It holds the mean and the spread of their patterns, and hashes of their runs; no "
        "sessions, ratings or labels.",
    ]
    return "\n".join(lines)


def _describe(path: Path, prior: PooledPrior) -> str:
    """A line on one of the signatures of a prior: whether it was shown to track pain."""
    if is_prior_file(path):
        return f"{path.name}: prior of {count_people(prior.card.n_people)}"
    why = why_not_shown(read_signature(path))
    if why:
        log.warning("%s: %s", path.name, why)
    return f"{path.name}: {'not shown to track pain' if why else 'shown to track pain'}"
