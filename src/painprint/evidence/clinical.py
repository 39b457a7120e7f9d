"""Relation of variables of people, such as age or a questionnaire, to how well they are decoded."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from painprint.arrays import Codes, Matrix, Vector
from painprint.evidence.cohort import standardised
from painprint.evidence.stage import StageResult
from painprint.stats.bootstrap import FISHER_Z

N_PERMUTATIONS = 10_000
FEWEST = 6
"""People with a value from which a variable is related to a measure."""


def relate(variables: pd.DataFrame, measures: pd.DataFrame, *, random_seed: int) -> StageResult:
    """Spearman's rank correlation of every variable with every measure, over people.

    Measures are permuted over people, all of one person together, and correlations are compared in
    units of their standard error, so that variables with missing values can be compared. Under the
    null hypothesis that the measures do not depend on the variables, nor on which of them are
    missing, p and corrected p are exact up to the number of permutations.

    Parameters
    ----------
    variables : DataFrame
        A row per person; NaN where missing.
    measures : DataFrame
        With the same index.

    Returns
    -------
    result : StageResult
        Table ``clinical``; ``not_done`` names the variables that cannot be tested. Numbers:
        ``n_people``, ``variables``.

    References
    ----------
    Bonett & Wright (2000), the interval; Westfall & Young (1993), the largest statistic
    """
    measures = measures.dropna()
    variables = variables.loc[measures.index]
    tested, not_done = [], []
    for name in variables:
        values = variables[name].dropna()
        if len(values) < FEWEST:
            not_done.append(
                f"Column {name} of participants.tsv: {len(values)} people of the group have a "
                f"value, and {FEWEST} are needed."
            )
        elif values.nunique() == 1:
            not_done.append(f"Column {name} of participants.tsv: all people have the same value.")
        else:
            tested.append(name)
    numbers = {"n_people": len(measures), "variables": tested}
    if not tested:
        return StageResult({}, numbers, tuple(not_done))
    rng = np.random.default_rng([random_seed, *b"variables of people"])
    orders = np.array([rng.permutation(len(measures)) for _ in range(N_PERMUTATIONS)])
    orders[0] = np.arange(len(measures))
    Y = measures.to_numpy(float)
    rows, statistics = [], []
    for name in tested:
        x = variables[name].to_numpy(float)
        known = np.flatnonzero(np.isfinite(x))
        rho = rank_correlations(x[known], Y, known, orders)  # (n_permutations, n_measures)
        statistics.append(np.abs(rho) * np.sqrt(len(known) - 1))
        for column, measure in enumerate(measures):
            low, high = interval(float(rho[0, column]), len(known))
            rows.append(
                {
                    "variable": name,
                    "measure": measure,
                    "n": len(known),
                    "n_missing": len(x) - len(known),
                    "rho": rho[0, column],
                    "rho_low": low,
                    "rho_high": high,
                }
            )
    of_all = np.concatenate(statistics, axis=1)  # (n_permutations, n_variables * n_measures)
    p, corrected = permutation_p(of_all)
    table = pd.DataFrame(rows).assign(p=p, p_corrected=corrected)
    return StageResult({"clinical": table}, numbers, tuple(not_done))


def rank_correlations(x: Vector, Y: Matrix, known: Codes, orders: Codes) -> Matrix:
    """Spearman's ρ of a variable with the measures of the people in every order.

    Parameters
    ----------
    x : ndarray of shape (n_known,)
    Y : ndarray of shape (n_people, n_measures)
    known : ndarray of int, shape (n_known,)
        People with a value of x.
    orders : ndarray of int, shape (n_permutations, n_people)

    Returns
    -------
    rho : ndarray of shape (n_permutations, n_measures)
        0 where a measure is the same for all of these people.
    """
    ranks = standardised(rankdata(x), axis=0)
    of_orders = Y[orders[:, known]]  # (n_permutations, n_known, n_measures)
    return np.einsum("i,pim->pm", ranks, standardised(rankdata(of_orders, axis=1), axis=1))


def interval(rho: float, n: int) -> tuple[float, float]:
    """95 % interval of Spearman's ρ: Fisher's z with variance (1 + ρ² / 2) / (n - 3)."""
    z = FISHER_Z.forward(np.array(rho))
    half = norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def permutation_p(statistics: Matrix) -> tuple[Vector, Vector]:
    """p of each statistic, and of the largest of all; the first permutation is the observed one."""
    reached = statistics[0] - 1e-9  # equal orders may differ by rounding errors
    largest = statistics.max(axis=1)
    alone = (statistics >= reached).mean(axis=0)
    return alone, (largest[:, None] >= reached).mean(axis=0)
