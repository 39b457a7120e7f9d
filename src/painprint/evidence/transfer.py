"""Transfer of signatures to other people, and identification of sessions by signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from painprint.bins import BIN_WORDS, MIXED_WORDS, BinWords, primary_scale
from painprint.evidence.cohort import standardised
from painprint.evidence.member import Member
from painprint.evidence.stage import StageResult

FEWEST_SESSIONS_TO_IDENTIFY = 3
ALONE = "Transfer needs at least two people decoded into the same folder with the same --atlas."


def transfer(members: Sequence[Member], scored: Sequence[Mapping[str, StageResult]]) -> StageResult:
    """Every signature on every person with the same atlas, and identification of sessions.

    Parameters
    ----------
    scored : sequence of mappings
        For each member, the scores of all signatures on the person
        (:func:`~painprint.evidence.pairs.score_pairs`).

    Returns
    -------
    result : StageResult
        Tables ``transfer`` and ``identification``. Numbers: ``pairs`` (session-centred r at the
        primary scale of each signature on each other person) and ``identified`` (per person:
        sessions whose best model is their own, and the exact binomial interval with sessions as its
        units), ``order`` (people by similarity, :func:`cluster`).

    References
    ----------
    docs/methods.md; Lee et al. (2026)
    """
    not_done = [ALONE] if len(members) < 2 else []
    parts: dict[str, list[pd.DataFrame]] = {"transfer": [], "identification": []}
    for person, pairs in zip(members, scored, strict=True):
        names = [person.name, *(m.name for m in members if m is not person)]
        not_done += [said for name in names for said in pairs[name].not_done]
        applied = [pairs[name].tables for name in names if pairs[name].tables]
        parts["transfer"] += [tables["transfer"] for tables in applied]
        if len(applied) > 1 and person.leave_out == "run":
            not_done.append(
                f"No identification of sessions of {person.name}: runs were held out, so the "
                "person's own models were trained on other runs of the session."
            )
        elif len(applied) > 1:
            parts["identification"] += [tables["identification"] for tables in applied]
    tables = {name: pd.concat(rows, ignore_index=True) for name, rows in parts.items() if rows}
    numbers: dict[str, Any] = {"pairs": _pairs(tables["transfer"]), "identified": {}}
    if "identification" in tables:
        tables["identification"] = _mark_best(tables["identification"])
        numbers["identified"] = identify(tables["identification"])
    numbers["order"] = cluster(at_primary(tables["transfer"]))
    return StageResult(tables, numbers, tuple(not_done))


def cluster(transfer: pd.DataFrame) -> list[str]:
    """Names of people such that similar ones are neighbours.

    Hierarchical clustering with average linkage and optimal order of leaves. The distance of two
    people is 1 - r of their profiles: centred r of the signature of each on all people, and of all
    signatures on each; their own signatures are left out, and what is undefined counts as 0.

    Parameters
    ----------
    transfer : DataFrame
        Rows of transfer.tsv at the primary scale.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering

    matrix = transfer.pivot(index="model", columns="person", values="centred_r")
    names = list(dict.fromkeys(transfer["person"]))
    if len(names) < 3:
        return names
    r = np.nan_to_num(matrix.reindex(index=names, columns=names).to_numpy(float))
    np.fill_diagonal(r, 0.0)
    profiles = np.concatenate([r, r.T], axis=1)
    scaled = standardised(profiles, axis=1)
    distance = (1 - scaled @ scaled.T)[np.triu_indices(len(names), k=1)].round(9)
    tree = optimal_leaf_ordering(linkage(distance, "average"), distance)
    return [names[i] for i in leaves_list(tree)]


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


def own_performance(transfer: pd.DataFrame) -> pd.DataFrame:
    """Session-centred r and skill of each person's own signature, at the primary scale."""
    rows = at_primary(transfer)
    own = rows[rows["model"] == rows["person"]]
    return own.set_index("person")[["centred_r", "skill"]]


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
