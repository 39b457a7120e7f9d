"""Partial and full confounder tests of held-out predictions.

Partial: does the prediction depend on the confound, given the rating? Full: does it still tell the
rating, given the confound?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from painprint.arrays import Codes, Vector
from painprint.evidence.case import Case
from painprint.evidence.confounds import Confound, bin_means
from painprint.stats.conditional import conditional_independence
from painprint.stats.permutation import holm

TABLE = "confoundertests"
COLUMNS = {
    "confound": "what is controlled for",
    "variable": "one of its variables, mean over the frames of {bins}",
    "n": "rows",
    "r_rating": "correlation of the variable with the rating; as all here, within runs",
    "r_predicted": "correlation of the variable with the held-out prediction",
    "r": "correlation of rating and held-out prediction",
    "partial_r_confound": "correlation of the prediction with the variable, given the rating",
    "p_partial": "of the partial confounder test: that the prediction is independent of the "
    "variable, given the rating",
    "p_partial_corrected": "the same, with Holm's correction over all variables",
    "partial_r_rating": "correlation of the prediction with the rating, given the variable",
    "p_full": "of the full confounder test: that the prediction is independent of the rating, "
    "given the variable",
}
"""Columns of the table."""


def confounder_tests(case: Case, confounds: Sequence[Confound]) -> pd.DataFrame:
    """Both tests for each variable that varies within runs, at the primary scale.

    Returns
    -------
    table : DataFrame
        Columns ``COLUMNS``.

    References
    ----------
    Spisak (2022); docs/methods.md
    """
    predictions, bins = case.at_primary()
    rating, predicted = (predictions[name].to_numpy(float) for name in ("rating", "predicted"))
    rows = []
    for confound in confounds:
        for name, values_by_run in confound.values_by_run(case.decoding.frames).items():
            values = bin_means(values_by_run, bins)
            tested = _tests_of(case, name, rating, predicted, values, bins.run)
            rows.append({"confound": confound.name, "variable": name, "n": len(values), **tested})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.astype({name: float for name in COLUMNS if name not in ("confound", "variable")})
    table["p_partial_corrected"] = holm(table["p_partial"].to_numpy())
    return table.astype({"n": int})


def _tests_of(
    case: Case, name: str, rating: Vector, predicted: Vector, values: Vector, run: Codes
) -> Mapping[str, float]:
    n, stream = case.settings.n_permutations, f"confounder tests of {name}"
    partial = conditional_independence(
        values, predicted, rating, run, n=n, rng=case.stream(f"{stream}, partial")
    )
    full = conditional_independence(
        rating, predicted, values, run, n=n, rng=case.stream(f"{stream}, full")
    )
    if partial is None or full is None:
        return {}
    return {
        "r_rating": partial.r_xz,
        "r_predicted": partial.r_xy,
        "r": full.r_xy,
        "partial_r_confound": partial.partial_r,
        "p_partial": partial.p,
        "partial_r_rating": full.partial_r,
        "p_full": full.p,
    }
