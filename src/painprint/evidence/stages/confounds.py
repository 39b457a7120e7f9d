"""Confound analyses: do motion, time or the level of ratings explain the prediction?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.evidence import confounder_tests
from painprint.evidence.confound_analyses import MAIN, confound_analyses
from painprint.evidence.stage import SCALE, SCORES, Stage, WrittenResult
from painprint.wording import SIGNIFICANT, enumerate_names, is_value, number, span

TABLES: dict[str, dict[str, str]] = {
    "confounds": {
        "confound": f"what is controlled for; {MAIN} for the main analysis of the original ratings",
        "scale": SCALE,
        "analysis": "alone (the confound predicts the rating, trained on {bins}), removed (it was "
        "partialled out of ratings and features with coefficients from training data; the nested "
        "fit was repeated and scored on the residual ratings) or main (held-out predictions of the "
        "main analysis: in the first rows scored on the original ratings, in others on the same "
        "residual ratings as the row removed, the only row with which they can be compared)",
        **SCORES,
        "p_within": "of centred r of the confound alone, one-sided, among ratings permuted within "
        "sessions; n/a where not tested",
        "p_between": "of r of the confound alone, among ratings permuted between sessions",
    },
    "covariates": {
        "confound": "what is controlled for",
        "variable": "one of its variables: a mean over frames, or the value of the session",
        "scale": SCALE,
        "n": "rows",
        "r_rating": "correlation of the variable with the rating",
        "r_predicted": "correlation of the variable with the held-out prediction",
        "auc_predicted": "area under the ROC curve of the prediction for the variable above its "
        "median",
    },
    confounder_tests.TABLE: confounder_tests.COLUMNS,
}


def describe(result: WrittenResult) -> str:
    numbers, unit = result.numbers, result.unit
    verdicts = {name: v for name, v in numbers.items() if name != "not_done"}
    flagged = [name for name, verdict in verdicts.items() if verdict["flagged"]]
    n_tested = sum(verdict["p_corrected"] is not None for verdict in verdicts.values())
    them = "it" if len(flagged) == 1 else "them"
    verdict_text = (
        f"Flagged: {', '.join(flagged)}. The rating of held-out {unit}s can be predicted from "
        f"{them} alone beyond chance, so the signature may rely on {them}."
        if flagged
        else f"None of the {n_tested} tested confounds predicts the rating of held-out {unit}s "
        "beyond chance."
    )
    explained = (
        "Each confound was used alone to predict the rating on the same folds. Its p-value comes "
        f"from ratings permuted within {unit}s, where the confound varies there, and between "
        f"{unit}s (Holm's correction over all tests of a family, such as motion). To remove a "
        "confound, it was partialled out of the ratings and of every feature with coefficients "
        "estimated in training data, and the nested fit was repeated. Its predictions and those of "
        "the main analysis were scored on the same residual ratings (the rating minus what the "
        "confound predicts), so the two can be compared with each other, but not with the main "
        "analysis of the original ratings."
    )
    removed = [_removed(name, verdicts[name], result) for name in flagged]
    changes = "".join(removed) or _largest_change(verdicts, result)
    return f"{verdict_text}{changes}{_tested(result)}\n{explained}"


def _tested(result: WrittenResult) -> str:
    """Sentences on the confounder tests; empty where there are none."""
    table = result.tables.get(confounder_tests.TABLE)
    table = None if table is None else table.dropna(subset=["p_partial"])
    if table is None or not len(table):
        return ""
    found = table[table["p_partial_corrected"] < SIGNIFICANT]
    many = f"{len(table)} variables that vary within runs"
    if len(found):
        text = (
            f" Given the rating, the prediction also depends on "
            f"{enumerate_names(found['variable'].tolist())} (partial confounder test of {many}, "
            "Holm-corrected p < .05), so that it is not of pain alone."
        )
    else:
        text = (
            f" Given the rating, the prediction was not shown to depend on any of {many} (partial "
            "confounder test, Holm-corrected)."
        )
    name, p = max(
        zip(table["variable"], table["p_full"].astype(float), strict=True), key=lambda row: row[1]
    )
    if p < SIGNIFICANT:
        return text + (
            " Given any one of them, the prediction still tells the rating (full confounder test, "
            f"largest p {is_value(p)})."
        )
    return text + (
        f" Given {name}, the prediction was not shown to tell the rating (full confounder test, p "
        f"{is_value(p)})."
    )


def _largest_change(verdicts: Mapping[str, Mapping[str, Any]], result: WrittenResult) -> str:
    """Sentence about the confound whose removal changes the centred r most."""
    changes = {
        name: abs(v["centred_r_removed"] - v["centred_r_main"])
        for name, v in verdicts.items()
        if v["centred_r_removed"] is not None and v["centred_r_main"] is not None
    }
    if not changes:
        return ""
    name = max(changes, key=lambda name: changes[name])
    return _removed(name, verdicts[name], result)


def _removed(name: str, verdict: Mapping[str, Any], result: WrittenResult) -> str:
    """Sentence on the centred r without a confound; empty where there is none."""
    if verdict["centred_r_removed"] is None:
        return ""
    low, high = verdict["centred_r_removed_ci"]
    interval = "" if low is None else f" (95% interval {span([low, high])})"
    return (
        f" With {name} removed, the {result.unit}-centred r {result.bins.at} is "
        f"{number(verdict['centred_r_removed'])}{interval}; that of the main analysis on the same "
        f"residual ratings is {number(verdict['centred_r_main'])}."
    )


def methods(result: WrittenResult) -> str:
    unit = result.unit
    verdicts = {name: v for name, v in result.numbers.items() if name != "not_done"}
    sentence = (
        f"Possible confounds ({enumerate_names(list(verdicts))}) were each used alone to predict "
        f"the rating of held-out {unit}s by least squares"
    )
    tested = [name for name, verdict in verdicts.items() if verdict["p_corrected"] is not None]
    if tested:
        which = "" if len(tested) == len(verdicts) else f"{enumerate_names(tested)} "
        ways = [
            way
            for way in ("within", "between")
            if any(verdicts[name][f"p_{way}"] is not None for name in tested)
        ]
        sentence += (
            f"; {which}{'was' if len(tested) == 1 else 'were'} tested against ratings permuted "
            f"{' or '.join(ways)} {unit}s, with Holm's correction within families [@holm1979]"
        )
    removed = [name for name, verdict in verdicts.items() if verdict["skill_removed"] is not None]
    if removed:
        which = "each confound" if len(removed) == len(verdicts) else enumerate_names(removed)
        sentence += (
            f". To remove {which}, it was partialled out of ratings and features with coefficients "
            "estimated from the training rows of every fold; the main analysis was scored on the "
            "same residual ratings"
        )
    if confounder_tests.TABLE in result.tables:
        sentence += (
            ". Partial and full confounder tests [@spisak2022] asked whether the prediction "
            "depends on a confound given the rating, and on the rating given the confound; "
            f"{result.settings['n_permutations']:,} conditional permutations [@berrett2020] were "
            "circular shifts within runs, forwards and backwards, weighted by their likelihood "
            "under a cubic polynomial with AR(1) errors"
        )
    return f"{sentence}."


STAGE = Stage(
    name="confounds",
    question="Do motion, time or level explain the prediction?",
    is_open=True,
    compute=confound_analyses,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
