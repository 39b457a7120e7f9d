"""Transfer of signatures to other people, and identification of sessions by signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import short_repr
from painprint.bins import BIN_WORDS, MIXED_WORDS, BinWords, primary_scale
from painprint.decode.decoding import Decoding
from painprint.decode.metrics import score_scale, score_units, split_scales
from painprint.decode.training import EVERYTHING, average_frames
from painprint.edges import edges_to_matrix, matrix_to_edges
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep, count_steps
from painprint.regions import Regions
from painprint.runs import Run, RunKey
from painprint.signature.model import Signature, make_signature
from painprint.signature.predict import pair_run, usable_regions

FEWEST_SESSIONS_TO_IDENTIFY = 3
ALONE = "Transfer needs at least two people decoded into the same folder with the same --atlas."
MOST_MISSING = 0.2
"""Largest share of a signature's regions that another person may lack."""


@short_repr
@dataclass(frozen=True, eq=False)
class Member:
    """A decoded person as member of a group.

    Attributes
    ----------
    atlas : str
        Signatures are applied only to people with the same atlas.
    leave_out : {"session", "run"}
    groups : tuple of str
        Sessions or runs that were held out in turn, in order.
    used : tuple of RunKey
        Runs that were decoded.
    predictions : DataFrame
        Held-out predictions by models of the person's own: columns of predictions.tsv, with
        int group_index ``group`` and ``run_code``.
    load : callable
        Returns the rated runs; those that were not decoded are ignored.
    """

    name: str
    atlas: str
    signature: Signature
    leave_out: str
    groups: tuple[str, ...]
    used: tuple[RunKey, ...]
    predictions: pd.DataFrame
    load: Callable[[], Iterable[Run]]

    @classmethod
    def of(
        cls, decoding: Decoding, load: Callable[[], Iterable[Run]], *, name: str, atlas: str = ""
    ) -> Member:
        """From a decoding and the runs that went into it."""
        return cls(
            name=name,
            atlas=atlas,
            signature=make_signature(decoding, simulated=False, metrics={}),
            leave_out=decoding.settings.leave_out,
            groups=decoding.groups,
            used=tuple(run.key for run in decoding.frames),
            predictions=decoding.predictions,
            load=load,
        )

    def runs(self) -> Iterator[Run]:
        """The runs that were decoded, in that order."""
        loaded = {run.key: run for run in self.load() if run.key in self.used}
        if missing := [str(key) for key in self.used if key not in loaded]:
            raise ValueError(
                f"{self.name}: {len(missing)} of the decoded runs cannot be read any more (first: "
                f"{missing[0]}). Decode the person again."
            )
        yield from (loaded[key] for key in self.used)

    def code(self, key: RunKey) -> int:
        """Index of a run's group."""
        session = key.session or "n/a"
        return self.groups.index(session if self.leave_out == "session" else str(key))


def transfer(
    members: Sequence[Member],
    *,
    n_bootstraps: int,
    random_seed: int,
    on_step: OnStep | None = None,
) -> StageResult:
    """Apply every signature to every person with the same atlas, and identify sessions.

    Own signatures are the models of outer folds, trained without the session; signatures of others
    are final models. All are scored as in the main analysis.

    Parameters
    ----------
    random_seed : int
        Each pair has its own random stream, independent of other members.

    Returns
    -------
    result : StageResult
        Tables ``transfer`` and ``identification``. Numbers: ``pairs`` (session-centred r at the
        primary scale of each signature on each other person) and ``identified`` (per person:
        sessions whose best model is their own, and the exact binomial interval with sessions as its
        units).

    References
    ----------
    docs/methods.md; Lee et al. (2026)
    """
    step = count_steps(on_step, len(members))
    rows: list[dict[str, Any]] = []
    by_session: list[pd.DataFrame] = []
    not_done = [ALONE] if len(members) < 2 else []
    for person in members:
        by_model = {person.name: person.predictions}
        others, refused = _score_others(person, members)
        not_done += refused
        by_model |= others
        for name, table in by_model.items():
            rng = np.random.default_rng([random_seed, *f"{name} on {person.name}".encode()])
            rows += _score(table, name, person.name, n_bootstraps, rng)
        if others and person.leave_out == "run":
            not_done.append(
                f"No identification of sessions of {person.name}: runs were held out, so the "
                "person's own models were trained on other runs of the session."
            )
        elif others:
            by_session += [_within_sessions(t, name, person) for name, t in by_model.items()]
        step()
    tables = {"transfer": pd.DataFrame(rows)}
    numbers: dict[str, Any] = {"pairs": _pairs(tables["transfer"]), "identified": {}}
    if by_session:
        tables["identification"] = _mark_best(pd.concat(by_session, ignore_index=True))
        numbers["identified"] = identify(tables["identification"])
    return StageResult(tables, numbers, tuple(not_done))


def _score_others(
    person: Member, members: Sequence[Member]
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Predictions for a person by the signatures of others, and why some are missing."""
    tables, refused = {}, []
    others = [m for m in members if m is not person]
    matching = [m for m in others if m.atlas == person.atlas]
    refused += [
        f"{m.name}'s signature on {person.name}: not applied. Atlas {m.atlas or 'unnamed'} there, "
        f"{person.atlas or 'unnamed'} here; decode both with the same one (--atlas)."
        for m in others
        if m not in matching
    ]
    runs = list(person.runs()) if matching else []
    for member in matching:
        label = f"{member.name}'s signature on {person.name}"
        try:
            shared, missing = share_regions(member.signature, runs)
            if missing:
                refused.append(
                    f"{label}: {len(missing)} of its {len(member.signature.regions.names)} "
                    f"regions have no signal there (first: {missing[0]}); their edges are "
                    "excluded."
                )
            tables[member.name] = predict_other(shared, runs, person)
        except ValueError as error:
            refused.append(f"{label}: not applied. {error}")
    return tables, refused


def share_regions(signature: Signature, runs: Sequence[Run]) -> tuple[Signature, list[str]]:
    """The final model on the regions that all these runs have, and the names of the others.

    Without the edges of a region, the prediction changes by their contribution, whose mean is a
    constant shift; correlations remain meaningful, skill and errors less so.

    Raises
    ------
    ValueError
        If more than a fifth of the regions is missing.
    """
    names = signature.regions.names
    common = set(names).intersection(*(usable_regions(signature, run) for run in runs))
    missing = [name for name in names if name not in common]
    if len(missing) > MOST_MISSING * len(names):
        raise ValueError(
            f"{len(missing)} of its {len(names)} regions have no signal there (first: "
            f"{', '.join(missing[:3])}). Decode both with the same regions."
        )
    kept = np.array([i for i, name in enumerate(names) if name in common])
    W = edges_to_matrix(signature.weights[0])[np.ix_(kept, kept)]
    networks = tuple(signature.regions.networks[i] for i in kept)
    regions = Regions(tuple(names[i] for i in kept), networks)
    weights = matrix_to_edges(W)[None]
    final = signature.models[:1]
    alone = replace(
        signature,
        regions=regions,
        models=final,
        weights=weights,
        activity=None if signature.activity is None else signature.activity[:1, kept],
        pattern=None,
        activity_pattern=None,
        domain=None,
        history=None,
    )
    return alone, missing


def predict_other(signature: Signature, runs: Sequence[Run], person: Member) -> pd.DataFrame:
    """Predictions of a final model for another person's runs, averaged at every scale.

    Raises
    ------
    ValueError
        If regions of the signature are missing in a run.
    """
    index = signature.find_model(EVERYTHING)
    model = signature.models[index]
    frames = [pair_run(signature, run) for run in runs]
    scores = [signature.score(index, run_frames.signals) for run_frames in frames]
    group_index = np.array([person.code(run_frames.key) for run_frames in frames])
    table = average_frames(frames, scores, group_index, signature.rules)
    return table.assign(training_mean=model.training_mean)


def _score(
    table: pd.DataFrame, model: str, person: str, n_bootstraps: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    rows = []
    for scale, scale_rows in split_scales(table).items():
        row = asdict(score_scale(scale_rows, n_bootstraps=n_bootstraps, rng=rng))
        for name in ("r", "auc", "skill", "centred_r", "slope", "intercept"):
            row[f"{name}_low"], row[f"{name}_high"] = row.pop(f"{name}_ci")
        rows.append({"model": model, "person": person, "scale": scale, **row})
    return rows


def _within_sessions(table: pd.DataFrame, model: str, person: Member) -> pd.DataFrame:
    """r of a model within each session of a person, over its bins of the primary scale."""
    by_scale = split_scales(table)
    units = score_units(by_scale[primary_scale(by_scale)], "group")
    names = [person.groups[k] for k in units["group"]]
    return units[["r", "mae"]].assign(person=person.name, session=names, model=model)


def _mark_best(table: pd.DataFrame) -> pd.DataFrame:
    """Whether a model has the largest r of the session (the first in case of ties; NaN never)."""
    best = table.dropna(subset="r").groupby(["person", "session"], sort=False)["r"].idxmax()
    return table.assign(best=table.index.isin(best).astype(int))


def identify(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Share of each person's sessions in which their own model agrees best, and chance.

    Parameters
    ----------
    table : DataFrame
        Columns ``person``, ``session``, ``model``, ``best``.

    Returns
    -------
    identified : dict of dicts
        By person: ``n_models``, ``n_sessions``, ``n_own_best``, ``chance`` (1 / n_models),
        ``share`` with ``low`` and ``high`` and one-sided ``p`` of the exact binomial, whose units
        are sessions, taken as independent. Sessions in which no model's r is defined do not count.
    """
    from scipy.stats import binomtest

    identified = {}
    for person, rows in table.groupby("person", sort=False):
        best = rows[rows["best"] == 1]
        n_models, n_sessions = rows["model"].nunique(), len(best)
        numbers: dict[str, float] = {"n_models": n_models, "n_sessions": n_sessions}
        numbers["chance"] = 1 / n_models
        if n_sessions >= FEWEST_SESSIONS_TO_IDENTIFY:
            n_own = int((best["model"] == person).sum())
            ends = binomtest(n_own, n_sessions).proportion_ci()
            p = binomtest(n_own, n_sessions, 1 / n_models, alternative="greater").pvalue
            numbers |= {"n_own_best": n_own, "share": n_own / n_sessions}
            numbers |= {"low": float(ends.low), "high": float(ends.high), "p": float(p)}
            identified[str(person)] = numbers
    return identified


def at_primary(transfer: pd.DataFrame) -> pd.DataFrame:
    """Rows of transfer.tsv at the primary scale of each person."""
    scales = transfer.groupby("person")["scale"]
    return transfer[transfer["scale"] == scales.transform(lambda of: primary_scale(set(of)))]


def shared_words(transfer: pd.DataFrame) -> BinWords:
    """What the bins of all people of transfer.tsv are called."""
    primary = set(at_primary(transfer)["scale"])
    return BIN_WORDS[primary.pop()] if len(primary) == 1 else MIXED_WORDS


def _pairs(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Session-centred r at the primary scale of each signature on each other person."""
    rows = at_primary(table)
    rows = rows[rows["model"] != rows["person"]]
    names = ["model", "person", "n", "centred_r", "centred_r_low", "centred_r_high"]
    return [dict(zip(names, row, strict=True)) for row in rows[names].itertuples(index=False)]
