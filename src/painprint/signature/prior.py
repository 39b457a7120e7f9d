"""A prior of several people's signatures, and the file in which labs share it.

A prior is made of patterns, the covariances of the features with the rating within sessions, not of
weights, which are fitted to the covariance of one person's features too (docs/evidence.md).
Patterns are in units of the person's rating, so they are divided by their norm before the mean over
people is taken. The file holds the mean and the spread over people, and a card that says of whom;
it holds no sessions, ratings or labels of people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from painprint.arrays import Vector, short_repr
from painprint.decode.prior import Prior
from painprint.edges import count_edges
from painprint.errors import DerivativesError
from painprint.regions import Regions
from painprint.signature.fields import Fields, check_plain
from painprint.signature.file import (
    MOST_BYTES,
    WEIGHTS,
    describe_regions,
    hash_array,
    read_regions,
    read_signature,
)
from painprint.signature.model import UNIT, Signature
from painprint.signature.origin import SHA256
from painprint.store.files import content_key, plain, write_bytes

FORMAT, VERSION = "painprint prior", 1
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Card:
    """Of whom a prior is, and how their runs were read.

    Attributes
    ----------
    n_people : int
        Number of people.
    simulated : bool
        Whether some of them are simulated.
    diagnosis, licence : str
        As given by those who share it; empty if not given.
    atlases, decoders : tuple of str
        Atlases and decoders of the signatures.
    lag_s, drop_s, tr_s : tuple of float
        Lags, excluded starts of runs and repetition times of the signatures (s).
    runs_sha256 : tuple of str
        SHA-256 of the runs that they were learnt from, by which a person is recognised.
    """

    n_people: int
    simulated: bool
    diagnosis: str = ""
    licence: str = ""
    atlases: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ()
    lag_s: tuple[float, ...] = ()
    drop_s: tuple[float, ...] = ()
    tr_s: tuple[float, ...] = ()
    runs_sha256: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.n_people < 1:
            raise ValueError(f"n_people is {self.n_people}; at least 1 is needed")
        if not all(SHA256.fullmatch(digest) for digest in self.runs_sha256):
            raise ValueError("runs_sha256 holds a text that is no SHA-256")


@short_repr
@dataclass(frozen=True, eq=False)
class PooledPrior:
    """Mean and spread over people of standardised patterns.

    Attributes
    ----------
    regions : Regions
        In the order of the weights.
    mean, sd : mapping of str to ndarray
        By feature, "edges" (n_edges,) and "activity" (n_regions,): mean of the weights over
        people, and their standard deviation, which is 0 for one person.
    labels : tuple of str
        Labels of the people, as far as known; never written into a file.
    """

    regions: Regions
    mean: Mapping[str, Vector]
    sd: Mapping[str, Vector]
    card: Card
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sizes = {"edges": count_edges(len(self.regions.names)), "activity": len(self.regions.names)}
        if not self.mean or not set(self.mean) <= set(sizes) or set(self.mean) != set(self.sd):
            raise ValueError("weights of edges or activity are needed, with their spread")
        for name, values in (*self.mean.items(), *self.sd.items()):
            if values.shape != (sizes[name],):
                raise ValueError(f"{name} has shape {values.shape}, but {sizes[name]} are needed")
            if not np.isfinite(values).all() or not (np.abs(values) <= UNIT.high).all():
                raise ValueError(f"weights of {name} are not finite or too large")
        if any((values < 0).any() for values in self.sd.values()):
            raise ValueError("a standard deviation is negative")

    @property
    def prior(self) -> Prior:
        """The mean, as the prior of a decoding."""
        return Prior(
            self.regions.names,
            self.card.n_people,
            self.mean.get("edges"),
            self.mean.get("activity"),
            self.card.runs_sha256,
        )


def prior_of_signature(signature: Signature) -> PooledPrior:
    """The standardised patterns of one signature.

    Raises
    ------
    ValueError
        If it has none, because it is of an earlier version, or they are 0.
    """
    patterns = {"edges": signature.pattern, "activity": signature.activity_pattern}
    weights = {name: values for name, values in patterns.items() if values is not None}
    if not weights:
        raise ValueError("it is of an earlier version, without patterns; decode the person again")
    norm = np.sqrt(sum(float((w**2).sum()) for w in weights.values()))
    if norm == 0:
        raise ValueError("its patterns are 0, so it has no direction")
    return PooledPrior(
        signature.regions,
        {name: w / norm for name, w in weights.items()},
        {name: np.zeros(len(w)) for name, w in weights.items()},
        Card(
            n_people=1,
            simulated=signature.simulated,
            atlases=(signature.origin.atlas,) if signature.origin.atlas else (),
            decoders=(signature.decoder["decoder"],),
            lag_s=(signature.models[0].lag_s,),
            drop_s=(signature.drop_s,),
            tr_s=signature.tr_s,
            runs_sha256=signature.runs_sha256,
        ),
        (signature.participant,) if signature.participant else (),
    )


def pool_priors(
    priors: Sequence[PooledPrior], *, diagnosis: str = "", licence: str = ""
) -> PooledPrior:
    """Mean and spread of the weights of several people, who count equally.

    Regions are matched by name; a weight is the mean over the people who have it.

    Raises
    ------
    ValueError
        If a person is given twice, or the features differ.
    """
    first, *others = priors
    for other in others:
        if set(other.mean) != set(first.mean):
            raise ValueError(
                f"signatures have weights of {'+'.join(first.mean)} and of {'+'.join(other.mean)}; "
                "they must be of the same features."
            )
    _check_different(priors)
    network_of = {n: w for p in reversed(priors) for n, w in p.regions.network_of.items()}
    names = tuple(dict.fromkeys(name for p in priors for name in p.regions.names))
    n = np.array([p.card.n_people for p in priors], float)[:, None]
    mean, sd = {}, {}
    for feature in first.mean:
        means, sds = (_align(priors, names, feature, which) for which in ("mean", "sd"))
        count = np.where(np.isnan(means), 0.0, n)
        total = np.maximum(count.sum(axis=0), 1)
        mean[feature] = np.nansum(count * means, axis=0) / total
        squares = (n - 1) * sds**2 + n * (means - mean[feature]) ** 2
        sd[feature] = np.sqrt(np.nansum(squares, axis=0) / np.maximum(total - 1, 1))
    cards = [p.card for p in priors]
    listed = {
        f.name: tuple(dict.fromkeys(value for card in cards for value in getattr(card, f.name)))
        for f in fields(Card)
        if f.name not in ("n_people", "simulated", "diagnosis", "licence")
    }
    return PooledPrior(
        Regions(names, tuple(network_of[name] for name in names)),
        mean,
        sd,
        Card(
            n_people=sum(card.n_people for card in cards),
            simulated=any(card.simulated for card in cards),
            diagnosis=diagnosis
            or "; ".join(dict.fromkeys(c.diagnosis for c in cards if c.diagnosis)),
            licence=licence or "; ".join(dict.fromkeys(c.licence for c in cards if c.licence)),
            **listed,
        ),
        tuple(label for p in priors for label in p.labels),
    )


def _check_different(priors: Sequence[PooledPrior]) -> None:
    """Raise a ValueError if two share a run, or have the same weights."""
    seen: set[str] = set()
    for i, prior in enumerate(priors):
        same = any(
            all(np.array_equal(prior.mean[f], other.mean[f]) for f in prior.mean)
            for other in priors[:i]
        )
        if same or seen & set(prior.card.runs_sha256):
            who = f" (sub-{prior.labels[0]})" if prior.labels else ""
            raise ValueError(
                f"signature {i + 1}{who} is of a person who is among the others already, by its "
                "runs or weights. Give each person once."
            )
        seen |= set(prior.card.runs_sha256)


def _align(priors: Sequence[PooledPrior], names: Sequence[str], feature: str, which: str) -> Any:
    """Values of each prior for these regions: (n_priors, n_weights); NaN where it lacks one."""
    rows = []
    for prior in priors:
        of_feature = {"edges": None, feature: getattr(prior, which)[feature]}
        known = Prior(prior.regions.names, prior.card.n_people, **of_feature)
        rows.append(getattr(known.select(names, missing=np.nan), feature))
    return np.array(rows)


def write_prior(path: Path, prior: PooledPrior) -> None:
    """Write the file that labs share: mean and spread as float32, and the card."""
    arrays = {
        f"{feature}{end}": np.ascontiguousarray(values, dtype="<f4")
        for end, of in (("", prior.mean), ("_sd", prior.sd))
        for feature, values in of.items()
    }
    described = plain(
        {
            "format": FORMAT,
            "version": VERSION,
            "card": asdict(prior.card),
            "regions": describe_regions(prior.regions),
            "arrays": {name: hash_array(array) for name, array in arrays.items()},
        }
    )
    text = json.dumps({**described, "sha256": content_key(described)}, sort_keys=True)
    write_bytes(path, save(arrays, {"description": text}))


def is_prior_file(path: Path) -> bool:
    """Whether a path is that of a prior of several people, not of a person's signature."""
    return path.suffix == SUFFIX and path.name != WEIGHTS


def read_prior(path: Path) -> PooledPrior:
    """Read a prior: the file of several people, or the signature of one.

    Raises
    ------
    DerivativesError
        If anything is missing, malformed, or does not match its hash.
    """
    if not is_prior_file(path):
        try:
            return prior_of_signature(read_signature(path))
        except ValueError as error:
            raise DerivativesError(f"cannot be used as a prior: {error}.", path) from error
    if not path.is_file():
        raise DerivativesError(f"there is no file {path}. Check the path.")
    if path.stat().st_size > MOST_BYTES:
        raise DerivativesError(f"has more than {MOST_BYTES // 10**6} MB; no prior has.", path)
    content = path.read_bytes()
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        description = json.loads(header["__metadata__"]["description"])
        arrays = load(content)
        stated = description.pop("sha256")
    except (
        SafetensorError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        raise DerivativesError(f"is no {FORMAT} ({error}).", path) from error
    if description.get("format") != FORMAT:
        raise DerivativesError(f"is not a {FORMAT}.", path)
    if description.get("version") != VERSION:
        raise DerivativesError(
            f"has version {description.get('version')!r:.40}, but this painprint reads {VERSION}. "
            "Update painprint.",
            path,
        )
    try:
        check_plain(description)
        digests = {name: hash_array(array) for name, array in arrays.items()}
        if stated != content_key(description) or digests != description["arrays"]:
            raise ValueError("it is not what was written (SHA-256 differs)")
        return _prior_of(Fields(description), arrays)
    except (ValueError, KeyError) as error:
        raise DerivativesError(f"is no valid prior: {error}. Copy the file again.", path) from error


def _prior_of(content: Fields, arrays: Mapping[str, Any]) -> PooledPrior:
    regions = read_regions(content)
    for name, array in arrays.items():
        if name.removesuffix("_sd") not in ("edges", "activity") or array.dtype != np.float32:
            raise ValueError(f"it has an array {name!r:.40} of type {array.dtype}")
    of_sd = {name.removesuffix("_sd") for name in arrays if name.endswith("_sd")}
    card = content.inner("card")
    return PooledPrior(
        regions,
        {name: a.astype(float) for name, a in arrays.items() if not name.endswith("_sd")},
        {name: arrays[f"{name}_sd"].astype(float) for name in of_sd},
        Card(
            n_people=card.integer("n_people"),
            simulated=card.flag("simulated"),
            diagnosis=card.text_or_empty("diagnosis"),
            licence=card.text_or_empty("licence"),
            atlases=card.texts("atlases"),
            decoders=card.texts("decoders"),
            **{name: card.numbers(name) for name in ("lag_s", "drop_s", "tr_s")},
            runs_sha256=card.texts("runs_sha256"),
        ),
    )
