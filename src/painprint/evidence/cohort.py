"""Findings across people: networks that carry signatures, and how individual signatures are.

All tests have people as units (:mod:`painprint.stats.sign_flip`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix
from painprint.evidence.contribution import Contribution
from painprint.evidence.stage import StageResult
from painprint.stats.bootstrap import FISHER_Z
from painprint.stats.sign_flip import FEWEST_PEOPLE, flip_pairs, flip_signs
from painprint.wording import count_people

MOST_MISSING = 0.2
"""Largest share of the regions of all that a person may lack to be compared with the others."""
N_ITERATIONS, TINY = 200, 1e-300
"""Of alternating least squares, and the smallest divisor."""


def networks_of_people(of_people: Mapping[str, Contribution], *, random_seed: int) -> StageResult:
    """Networks whose edges predict held-out ratings, over people.

    Returns
    -------
    result : StageResult
        Table ``networks``: mean over people of the session-centred r of the rating with the part of
        the held-out prediction that comes from the network's edges (mean of Fisher z, with its t
        interval); a one-sided test of it by flipping signs of people, alone and corrected by the
        largest t of all networks; and the geometric mean of the relative energy.

    References
    ----------
    docs/methods.md
    """
    networks = dict.fromkeys(name for one in of_people.values() for name in one.network_r)
    if not networks:
        return StageResult({}, {}, ("Networks of people: no region of anyone has a network.",))
    people = of_people.values()
    r = np.array([[one.network_r.get(name, np.nan) for name in networks] for one in people])
    energy = np.array([[one.energy.get(name, np.nan) for name in networks] for one in people])
    z = FISHER_Z.forward(r)
    test = flip_signs(z, np.random.default_rng([random_seed, *b"networks of people"]))
    rows = []
    for column, network in enumerate(networks):
        values, energies = (of[:, column][np.isfinite(of[:, column])] for of in (z, energy))
        low, high = mean_interval(values)
        with np.errstate(divide="ignore"):
            logarithms = np.log(energies)
        rows.append(
            {
                "network": network,
                "n": len(values),
                "r": np.tanh(values.mean()),
                "r_low": np.tanh(low),
                "r_high": np.tanh(high),
                "n_above": int((values > 0).sum()),
                "t": test.t[column],
                "p": test.p[column],
                "p_corrected": test.p_corrected[column],
                "energy": float(np.exp(logarithms.mean())) if len(energies) else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    n_people = int(table["n"].max())
    not_done = []
    if n_people < FEWEST_PEOPLE:
        table[["p", "p_corrected"]] = np.nan
        not_done.append(_too_few("Networks of people", n_people))
    return StageResult({"networks": table}, {"n_people": n_people}, tuple(not_done))


def _too_few(what: str, n: int) -> str:
    return (
        f"{what}: no test with {count_people(n)}; below {FEWEST_PEOPLE}, no p of a test that flips "
        "the signs of people can be below .05."
    )


def mean_interval(values: Matrix) -> tuple[float, float]:
    """Student's 95 % interval of a mean over people; NaN with fewer than 2."""
    from scipy.stats import t

    if len(values) < 2:
        return np.nan, np.nan
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean() - half), float(values.mean() + half)


def individuality(of_people: Mapping[str, Contribution], *, random_seed: int) -> StageResult:
    """Similarity of patterns within and between people.

    The pattern of the first half of a person's sessions is correlated, over features, with that of
    the second half of every person's sessions. The mean within people exceeds that between them
    even if all have the same pattern, as soon as some are measured more reliably than others, so it
    is compared with what is expected then (:func:`expected_within`).

    Returns
    -------
    result : StageResult
        Table ``similarity``. Numbers: means ``within`` and ``between`` people and ``expected``
        within them, ``difference`` of within and expected with its t interval ``low`` and ``high``,
        ``p_individual`` (difference above 0), ``p_shared`` (between above 0), ``n_people``.

    References
    ----------
    docs/methods.md
    """
    names, halves, left_out = comparable(of_people)
    not_done = [f"Similarity of people: {said}" for said in left_out]
    if len(names) < 2:
        return StageResult({}, {}, (*not_done, "Similarity of people: needs at least two people."))
    r = similarity_of_halves(halves)
    n = len(names)
    table = pd.DataFrame(
        {
            "person_first": np.repeat(names, n),
            "person_second": np.tile(names, n),
            "r": r.ravel(),
        }
    )
    within = np.diag(r)
    expected = expected_within(r) if n > 2 else np.full(n, np.nan)
    values = within - expected
    low, high = mean_interval(values)
    rng = np.random.default_rng([random_seed, *b"similarity of people"])
    numbers: dict[str, Any] = {
        "n_people": n,
        "within": float(within.mean()),
        "between": float((r.sum() - within.sum()) / (n * (n - 1))),
        "expected": float(expected.mean()),
        "difference": float(values.mean()),
        "low": low,
        "high": high,
        "p_individual": None,
        "p_shared": None,
    }
    if n < FEWEST_PEOPLE:
        not_done.append(_too_few("Similarity of people", n))
    else:
        numbers["p_individual"] = float(flip_signs(values[:, None], rng).p[0])
        numbers["p_shared"] = flip_pairs(r, rng)
    return StageResult({"similarity": table}, numbers, tuple(not_done))


def comparable(
    of_people: Mapping[str, Contribution],
) -> tuple[list[str], Matrix, list[str]]:
    """People whose patterns have the same features, with them, and why others are left out.

    Returns
    -------
    halves : ndarray of shape (n_people, 2, n_features)
        Of the regions that all of them have.
    left_out : list of str
        A sentence for each person left out.
    """
    known = {name: one for name, one in of_people.items() if one.halves.size}
    left_out = [
        f"{name} has too few sessions for two halves." for name in of_people if name not in known
    ]
    if not known:
        return [], np.zeros((0, 2, 0)), left_out
    kind = Counter(one.kind for one in known.values()).most_common(1)[0][0]
    n_having = Counter(region for one in known.values() for region in one.regions)
    usual = [region for region, n in n_having.items() if 2 * n > len(known)]
    names = []
    for name, one in known.items():
        n_missing = len(set(usual) - set(one.regions))
        if one.kind != kind or n_missing > MOST_MISSING * len(usual) or not usual:
            left_out.append(f"{name} has other regions or features than most of the others.")
        else:
            names.append(name)
    common = [r for r in usual if all(r in known[name].regions for name in names)]
    halves = [known[name].halves[:, _columns(known[name], common)] for name in names]
    return names, np.array(halves).reshape(len(names), 2, -1), left_out


def _columns(one: Contribution, regions: Sequence[str]) -> Codes:
    """Columns of the features of these regions, in their order."""
    position = {name: i for i, name in enumerate(one.regions)}
    at = np.array([position[name] for name in regions], np.int64)
    if one.kind == "activity":
        return at
    i, j = np.triu_indices(len(at), k=1)
    first, second = np.minimum(at[i], at[j]), np.maximum(at[i], at[j])
    return first * len(position) - first * (first + 1) // 2 + second - first - 1


def similarity_of_halves(halves: Matrix) -> Matrix:
    """r of the pattern of the first half of each person with the second half of each.

    Parameters
    ----------
    halves : ndarray of shape (n_people, 2, n_features)

    Returns
    -------
    r : ndarray of shape (n_people, n_people)
    """
    scaled = standardised(halves, axis=2)
    r: Matrix = scaled[:, 0] @ scaled[:, 1].T
    return r


def standardised(values: Matrix, *, axis: int) -> Matrix:
    """Values with mean 0 and sum of squares 1 along an axis; 0 where they are all the same."""
    centred = values - values.mean(axis=axis, keepdims=True)
    norms = np.linalg.norm(centred, axis=axis, keepdims=True)
    return np.asarray(centred / np.where(norms > 0, norms, 1))


def expected_within(r: Matrix) -> Matrix:
    """Similarity within each person that the similarities between people lead to expect.

    If people have the same pattern, and differ only in how reliable their halves are, the
    similarity of two people is a product of one number of each: r = a bᵀ, within people, too. This
    is fitted to the entries outside the diagonal, by alternating least squares.

    Parameters
    ----------
    r : ndarray of shape (n_people, n_people)
        Of at least 3 people.

    Returns
    -------
    expected : ndarray of shape (n_people,)
        a b.
    """
    n = len(r)
    between, others = r - np.diag(np.diag(r)), 1 - np.eye(n)
    a, b = between.sum(axis=1) / (n - 1), between.sum(axis=0) / (n - 1)
    for _ in range(N_ITERATIONS):
        b = between.T @ a / np.maximum(others @ (a * a), TINY)
        a = between @ b / np.maximum(others @ (b * b), TINY)
    expected: Matrix = a * b
    return expected
