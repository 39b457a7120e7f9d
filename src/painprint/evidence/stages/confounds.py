"""Confound analyses: is it motion, time, or level?"""

from __future__ import annotations

from painprint.evidence.confound_analyses import confound_analyses
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult

TABLES: dict[str, dict[str, str]] = {
    "confounds": {
        "confound": "what is controlled for",
        "scale": SCALE,
        "analysis": "alone (the confound predicts the rating, trained on 1-min bins) or removed "
        "(partialled out of ratings and edges; the nested fit repeated, and compared with what is "
        "left of the rating: skill is then over what the confound predicts)",
        **AGREEMENT,
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
}


def describe(result: WrittenResult) -> str:
    """Paragraph of the page."""
    numbers, unit = result.numbers, result.unit
    verdicts = {name: v for name, v in numbers.items() if name != "not_done"}
    flagged = [name for name, verdict in verdicts.items() if verdict["flagged"]]
    n_tested = sum(verdict["p_corrected"] is not None for verdict in verdicts.values())
    them = "it" if len(flagged) == 1 else "them"
    what = (
        f"Flagged: {', '.join(flagged)}. The rating of unseen {unit}s can be predicted from {them} "
        f"beyond chance, so the signature may read {them}; see what is left when removed."
        if flagged
        else f"None of the {n_tested} tested predicts the rating of unseen {unit}s beyond chance."
    )
    return (
        f"{what} Each confound predicted the rating alone, on the same folds, with p from permuted "
        f"ratings: within {unit}s where it varies there, and between them (Holm's "
        "correction over all tests of a family, such as motion). Removed means partialled out of "
        "ratings and of every edge, with coefficients from training data, and the nested fit "
        "repeated."
    )


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods."""
    same = (
        "the same permutations"
        if "null" in result.tables
        else f"permutations of the rating within and between {result.unit}s"
    )
    return (
        "Motion, global signal, time in run and between sessions, previous level and "
        f"session covariates, as far as known, were tested alone by least squares under {same} "
        "(Holm within family), and partialled out of ratings and edges with "
        "coefficients from training rows of every fold."
    )


STAGE = Stage(
    name="confounds",
    question="Is it motion, time, or level?",
    link="Confounds",
    compute=confound_analyses,
    tables=TABLES,
    describe=describe,
    methods=methods,
    references=("Holm (1979). Scandinavian Journal of Statistics 6, 65-70 (family-wise error)",),
)
