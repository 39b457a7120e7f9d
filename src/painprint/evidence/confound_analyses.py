"""Confound analyses: motion, time, level of ratings, and covariates such as medication.

alone
    The confound predicts the rating by least squares on the same folds, trained and tested on
    1-min time bins; p-values come from permuted ratings.
covariates
    The confound is correlated with rating and prediction, at four scales.
removed
    The confound is partialled out of ratings and edges, with coefficients from the training rows
    of every fold, and the nested fit is repeated.
main
    The held-out predictions of the main analysis: of the ratings as they are, and of the same
    residual ratings that the analysis with the confound removed predicts, so that these two rows
    compare.
confounder tests
    Of these predictions, given the rating and given the confound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Matrix, Vector
from painprint.bins import make_test_bins, primary_scale
from painprint.decode.bin_gram import BinGram
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import Rows, agreement, area_under_curve
from painprint.decode.refit import Columns, HeldOut, refit
from painprint.decode.residuals import predict_from_confounds
from painprint.evidence import confounder_tests
from painprint.evidence.case import Case
from painprint.evidence.confounds import Confound, bin_means, find_confounds
from painprint.evidence.permuted_ratings import (
    FEWEST_SESSIONS_TO_REORDER,
    Permutations,
    draw_permutations,
    permute_ratings,
)
from painprint.evidence.scores import (
    ENDS,
    WITH_ENDS,
    Scores,
    main_scores,
    or_nan,
    or_none,
    score_rows,
)
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep, count_steps
from painprint.stats.bootstrap import Ends
from painprint.stats.correlation import correlation
from painprint.stats.permutation import holm, p_above
from painprint.wording import SIGNIFICANT

MAIN = "none"
"""Name, in the table, of the confound of the main analysis of the ratings as they are."""


@dataclass(frozen=True)
class Verdict:
    """Results for one confound; None where undefined or untested.

    Attributes
    ----------
    family : str
        p-values within a family are corrected together (Holm).
    r_within, p_within : float or None
        Alone: centred r at 1 min, and its p among ratings permuted within sessions.
    r_between, p_between : float or None
        Alone: r of session means, and its p among ratings permuted between sessions.
    p_corrected : float or None
        The smaller p, corrected.
    flagged : bool
        Whether a corrected p is below .05 and its r above 0.
    centred_r_removed, skill_removed : float or None
        At 1 min, with the confound partialled out of ratings and features.
    centred_r_main, skill_main : float or None
        Of the main analysis's predictions, on the same residual ratings.
    *_ci : tuple of (low, high)
        Session-block intervals of these; None with fewer than 8 groups.
    """

    family: str
    r_within: float | None
    p_within: float | None
    r_between: float | None
    p_between: float | None
    centred_r_removed: float | None = None
    centred_r_removed_ci: Ends = (None, None)
    skill_removed: float | None = None
    skill_removed_ci: Ends = (None, None)
    centred_r_main: float | None = None
    centred_r_main_ci: Ends = (None, None)
    skill_main: float | None = None
    skill_main_ci: Ends = (None, None)
    p_corrected: float | None = None
    flagged: bool = False

    @classmethod
    def of(cls, family: str, alone: Mapping[str, Mapping[str, float]]) -> Verdict:
        """From the results of :func:`predict_alone`."""
        minute, level = alone[primary_scale(alone)], alone["session"]
        return cls(
            family,
            or_none(minute["centred_r"]),
            or_none(minute["p_within"]),
            or_none(level["r"]),
            or_none(level["p_between"]),
        )

    def with_scores(self, removed: Scores, main: Scores) -> Verdict:
        """With the scores of both analyses of the residual ratings."""
        fields: dict[str, Any] = {}
        for analysis, scores in (("removed", removed), ("main", main)):
            for name in WITH_ENDS:
                low, high = (or_none(scores[f"{name}_{end}"]) for end in ENDS)
                fields[f"{name}_{analysis}"] = or_none(scores[name])
                fields[f"{name}_{analysis}_ci"] = (low, high)
        return replace(self, **fields)


def confound_analyses(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Analyses of every confound that the data allow.

    Returns
    -------
    result : StageResult
        Tables ``confounds`` (the main analysis, then each confound alone, the main analysis on
        the residual ratings, and the confound removed), ``covariates`` (correlations with rating
        and prediction) and ``confoundertests``. Numbers: a :class:`Verdict` per confound. A
        confound is flagged where it alone predicts the rating of held-out sessions beyond chance.

    References
    ----------
    docs/methods.md
    """
    confounds, not_done = find_confounds(case)
    bin_grams, rules = case.bin_grams, case.settings.rules
    step = count_steps(on_step, len(confounds))
    permutations = draw_permutations(
        bin_grams[0], case.settings.n_permutations, case.stream("controls")
    )
    ratings = permute_ratings(bin_grams[0], permutations, *bin_grams[0].tested)
    unchanged = main_scores(case.decoding)
    rows = [
        {"confound": MAIN, "scale": scale, "analysis": "main", **scores}
        for scale, scores in unchanged.items()
    ]
    verdicts, primary = {}, bin_grams[0].scales.primary
    main = refit(bin_grams, rules, n_jobs=case.n_jobs)
    for confound in confounds:
        columns = confound.columns(bin_grams)
        alone = predict_alone(confound, columns, bin_grams[0], permutations, ratings)
        verdict = Verdict.of(confound.family, alone)
        if verdict.p_within is None and verdict.p_between is None and not confound.from_ratings:
            not_done.append(f"No p of {confound.name} alone: {_untested(case)}")
        analyses: dict[str, Mapping[str, Scores]] = {"alone": alone}
        try:
            removed = refit(bin_grams, rules, columns=columns, n_jobs=case.n_jobs)
            analyses |= _score_residuals(case, main, removed)
            verdict = verdict.with_scores(analyses["removed"][primary], analyses["main"][primary])
        except NotEnoughData as error:
            not_done.append(f"{confound.name} could not be removed: {error}")
        verdicts[confound.name] = verdict
        rows += [
            {"confound": confound.name, "scale": scale, "analysis": analysis, "n": len(groups)}
            | by_scale[scale]
            for scale, groups in bin_grams[0].scales.groups.items()
            for analysis, by_scale in analyses.items()
        ]
        step()
    corrected = correct_families(verdicts)
    return StageResult(
        {
            "confounds": pd.DataFrame(rows),
            "covariates": compare(case, confounds),
            confounder_tests.TABLE: confounder_tests.confounder_tests(case, confounds),
        },
        {name: asdict(verdict) for name, verdict in corrected.items()},
        tuple(not_done),
    )


def _score_residuals(case: Case, main: HeldOut, removed: HeldOut) -> dict[str, dict[str, Scores]]:
    """Main analysis and the one with the confound removed, on the same residual ratings.

    Residual ratings of the training rows have mean 0, so the training mean, which is the
    reference of skill, is subtracted from the predictions of the main analysis.
    """

    def score(rows: Rows) -> Scores:
        rng = case.stream("intervals of confounds")  # the same resamples for every row
        return score_rows(rows, n_bootstraps=case.settings.n_bootstraps, rng=rng)

    unchanged, residual = main.rows(), removed.rows()
    of_main = {
        scale: rows.predicted - rows.training_mean + residual[scale].training_mean
        for scale, rows in unchanged.items()
    }
    return {
        "main": {s: score(replace(rows, predicted=of_main[s])) for s, rows in residual.items()},
        "removed": {s: score(rows) for s, rows in residual.items()},
    }


def _untested(case: Case) -> str:
    """Why a confound with one value per group has no p-value."""
    unit, n_groups = case.settings.leave_out, case.bin_grams[0].n_groups
    if n_groups < FEWEST_SESSIONS_TO_REORDER:
        return (
            f"the means of {n_groups} {unit}s have too few orders; at least "
            f"{FEWEST_SESSIONS_TO_REORDER} are needed."
        )
    return f"it has one value a session, and {unit}s were held out."


def predict_alone(
    confound: Confound,
    columns: Columns,
    bin_gram: BinGram,
    permutations: Permutations,
    ratings: Sequence[Matrix],
) -> dict[str, dict[str, float]]:
    """Held-out least-squares prediction from the confound, and its p among permuted ratings.

    Parameters
    ----------
    columns : callable
        Columns of the confound.
    ratings : sequence of ndarray of shape (n_rows, n_permutations)
        Of the bins of each tested scale; the first column holds the observed ratings.

    Returns
    -------
    results : dict of dicts
        By scale: r, centred_r, skill, p_within (of centred r) and p_between (of r), NaN where
        not tested.
    """
    by = _tests(confound, bin_gram)
    chosen = np.isin(permutations.kind, ("observed", *by))
    kind, first = permutations.kind[chosen], bin_gram.rows(bin_gram.tested[0])
    Y = np.concatenate([kind_ratings[:, chosen] for kind_ratings in ratings])
    group = np.concatenate([bin_gram.groups(name) for name in bin_gram.tested])
    primary = np.arange(len(group)) < first.stop - first.start
    predicted, mean = np.empty_like(Y), np.empty((bin_gram.n_groups, Y.shape[1]))
    for k in range(bin_gram.n_groups):
        train, test = np.flatnonzero(primary & (group != k)), np.flatnonzero(group == k)
        row_columns = columns(bin_gram, np.unique(group[train]))[first.start :]
        predicted[test] = predict_from_confounds(row_columns, Y, train, test)
        mean[k] = Y[train].mean(axis=0)
    scales = bin_gram.scales
    y_at, predicted_at = (scales.average(scales.split(values)) for values in (Y, predicted))
    results = {}
    for scale, groups in scales.groups.items():
        values = agreement(y_at[scale], predicted_at[scale], mean[groups], groups)
        results[scale] = {name: float(v[0]) for name, v in values.items()}
        for test_kind, statistic in (("within", "centred_r"), ("between", "r")):
            null = values[statistic][kind == test_kind]
            p = p_above(results[scale][statistic], null) if test_kind in by else None
            results[scale][f"p_{test_kind}"] = or_nan(p)
    return results


def _tests(confound: Confound, bin_gram: BinGram) -> tuple[str, ...]:
    """Permutations by which a confound alone is tested."""
    enough = bin_gram.n_groups >= FEWEST_SESSIONS_TO_REORDER
    if confound.from_ratings:
        return ()
    if confound.frame_values is not None:
        return ("within", "between") if enough else ("within",)
    # with several groups per session, only orders of sessions would be exchangeable
    one_group_per_session = len({run.key.session for run in bin_gram.frames}) == bin_gram.n_groups
    return ("between",) if enough and one_group_per_session else ()


def correct_families(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Holm's correction over all tests of a family; flagged if p < .05 and r above 0."""
    families: dict[str, list[tuple[float, str, bool]]] = {}
    for name, verdict in verdicts.items():
        for p, r in ((verdict.p_within, verdict.r_within), (verdict.p_between, verdict.r_between)):
            if p is not None:
                families.setdefault(verdict.family, []).append((p, name, r is not None and r > 0))
    corrected = dict(verdicts)
    for tests in families.values():
        p_corrected = holm(np.array([p for p, _, _ in tests])).tolist()
        for p, (_, name, positive) in sorted(zip(p_corrected, tests, strict=True), reverse=True):
            # the smallest p of a confound comes last, and stays
            flagged = corrected[name].flagged or (p < SIGNIFICANT and positive)
            corrected[name] = replace(corrected[name], p_corrected=p, flagged=flagged)
    return corrected


def compare(case: Case, confounds: Sequence[Confound]) -> pd.DataFrame:
    """Correlations of every confound with rating and prediction, at four scales: ``covariates``."""
    predictions = case.decoding.predictions
    rows = []
    for confound in confounds:
        for variable, by_scale in _variables(case, confound):
            for scale, values in by_scale.items():
                scale_rows = predictions[predictions["scale"] == scale]
                predicted = scale_rows["predicted"].to_numpy(float)
                rows.append(
                    {
                        "confound": confound.name,
                        "variable": variable,
                        "scale": scale,
                        "n": len(values),
                        "r_rating": correlation(values, scale_rows["rating"].to_numpy(float)),
                        "r_predicted": correlation(values, predicted),
                        "auc_predicted": area_under_curve(values, predicted),
                    }
                )
    return pd.DataFrame(rows).astype(
        {name: float for name in ("r_rating", "r_predicted", "auc_predicted")}
    )


def _variables(case: Case, confound: Confound) -> list[tuple[str, dict[str, Vector]]]:
    """Each variable's values in the rows of the predictions, by scale."""
    bin_gram, frames = case.bin_grams[0], case.decoding.frames
    if confound.frame_values is None:
        assert confound.group_values is not None  # one of the two is given
        values = confound.group_values(bin_gram, np.arange(bin_gram.n_groups))
        names = [confound.name, f"{confound.name} squared"][: values.shape[1]]
        return [(name, {"session": v}) for name, v in zip(names, values.T, strict=True)]
    variables = []
    for name, run_values in confound.values_by_run(frames).items():
        by_scale = {
            scale: bin_means(run_values, make_test_bins(frames, case.settings.rules, scale))
            for scale in bin_gram.tested
        }
        by_scale["run"] = np.array([np.nanmean(v) for v in run_values], dtype=float)
        by_scale["session"] = bin_gram.scales.of_group @ by_scale["run"]
        variables.append((name, by_scale))
    return variables
